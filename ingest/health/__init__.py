"""What looks after a host: BMC, GPU, switch and disk monitors."""

from __future__ import annotations

from typing import Final

from ingest.health.dcgm_diag import DcgmDiag
from ingest.health.dcgm_exporter import DcgmExporter
from ingest.health.dcgm_health import DcgmHealth
from ingest.health.ipmi_sel import IpmiSel
from ingest.health.nvidia_smi_text import NvidiaSmiText
from ingest.health.nvidia_smi_xml import NvidiaSmiXml
from ingest.health.prometheus_json import PrometheusJson
from ingest.health.smartctl_json import SmartctlJson
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (
    IpmiSel(),
    NvidiaSmiText(),
    NvidiaSmiXml(),
    DcgmHealth(),
    DcgmDiag(),
    DcgmExporter(),
    PrometheusJson(),
    SmartctlJson(),
)
