"""The network: who is cabled to whom, and which ports count errors."""

from __future__ import annotations

from typing import Final

from ingest.fabric.ibnetdiscover import Ibnetdiscover
from ingest.fabric.ibqueryerrors import Ibqueryerrors
from ingest.fabric.lldp import LldpJson
from ingest.fabric.perfquery import Perfquery
from ingest.fabric.ufm_events import UfmEventLog, UfmEventsCsv
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (
    Ibnetdiscover(),
    Ibqueryerrors(),
    Perfquery(),
    UfmEventLog(),
    UfmEventsCsv(),
    LldpJson(),
)
