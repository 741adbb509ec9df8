"""The lines of kernels and daemons that say something broke: one table.

A rule has a needle, which is searched for in the raw bytes at memory speed, and a pattern that the line must match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.taxonomy.xid import xid_verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What a line says, in the words of the ``events`` table."""

    code: str
    component: str
    symptom: str
    domain: str
    severity: str
    slot: str | None


@dataclass(frozen=True, slots=True)
class _Rule:
    needle: bytes
    pattern: re.Pattern[str]
    code: str
    component: str
    symptom: str
    domain: str
    severity: str


def _rule(needle: str, pattern: str, code: str, component: str, symptom: str, domain: str, severity: str) -> _Rule:
    return _Rule(needle.encode(), re.compile(pattern), code, component, symptom, domain, severity)


_PCI: Final = r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?"
_XID: Final = re.compile(rf"NVRM: Xid \((?:PCI:)?({_PCI}|[0-9a-fA-F:.]+)\): (\d+)")
_SXID: Final = re.compile(rf"SXid \((?:PCI:)?({_PCI})\): (\d+),\s*([A-Za-z-]*)")
_XID_NEEDLE: Final = b"NVRM: Xid"
_SXID_NEEDLE: Final = b"SXid"

# A host that loses a port cannot tell its adapter from the cable: what it prints is counted as the adapter's. `link` is
# for sources that see the cable itself.
_RULES: Final = (
    _rule(
        "Link down",
        r"mlx5_core (?P<slot>\S+?):? (?:ib|mlx)\S*: Link down",
        "ib:link_down",
        "nic",
        "ib_link",
        "hardware",
        "critical",
    ),
    _rule(
        "Link DOWN",
        r"mlx5_core (?P<slot>\S+?):? (?:ib|mlx)\S*: Port: \d+ Link DOWN",
        "ib:link_down",
        "nic",
        "ib_link",
        "hardware",
        "critical",
    ),
    _rule(
        "Link down",
        r"mlx5_core (?P<slot>\S+?):? (?!ib|mlx)\S+: Link down",
        "eth:link_down",
        "nic",
        "ethernet_link",
        "hardware",
        "critical",
    ),
    _rule(
        "Port module event[error]",
        r"mlx5_core (?P<slot>\S+?): Port module event\[error\]",
        "ib:module_error",
        "nic",
        "ib_link",
        "hardware",
        "critical",
    ),
    _rule(
        "Uncorrected (Fatal) error received",
        rf"AER: (?:Multiple )?Uncorrected \(Fatal\) error received: (?P<slot>{_PCI})",
        "pcie:aer_fatal",
        "pcie",
        "pcie",
        "hardware",
        "critical",
    ),
    _rule(
        "severity=Uncorrected (Fatal)",
        rf"(?P<slot>{_PCI}): (?:AER: )?PCIe Bus Error: severity=Uncorrected \(Fatal\)",
        "pcie:aer_fatal",
        "pcie",
        "pcie",
        "hardware",
        "critical",
    ),
    _rule(
        "severity=Uncorrected (Non-Fatal)",
        rf"(?P<slot>{_PCI}): (?:AER: )?PCIe Bus Error: severity=Uncorrected \(Non-Fatal\)",
        "pcie:aer_nonfatal",
        "pcie",
        "pcie",
        "hardware",
        "warning",
    ),
    _rule(" UE ", r"EDAC MC\d+: \d+ UE .*? on (?P<slot>\S+)", "edac:ue", "dimm", "main_memory", "hardware", "critical"),
    _rule(" CE ", r"EDAC MC\d+: \d+ CE .*? on (?P<slot>\S+)", "edac:ce", "dimm", "main_memory", "hardware", "warning"),
    _rule(
        "Uncorrected hardware memory error",
        r"Uncorrected hardware memory error",
        "mce:uncorrected",
        "dimm",
        "main_memory",
        "hardware",
        "critical",
    ),
    _rule(
        "Processor context corrupt", r"Processor context corrupt", "mce:processor", "cpu", "cpu", "hardware", "critical"
    ),
    _rule(
        "timeout, ", r"nvme (?P<slot>nvme\d+): I/O .*timeout", "nvme:timeout", "disk", "disk", "hardware", "critical"
    ),
    _rule(
        "controller is down",
        r"nvme (?P<slot>nvme\d+): controller is down",
        "nvme:down",
        "disk",
        "disk",
        "hardware",
        "critical",
    ),
    _rule(
        "I/O error, dev ", r"I/O error, dev (?P<slot>[^,\s]+)", "disk:io_error", "disk", "disk", "hardware", "critical"
    ),
    _rule(
        "emounting filesystem read-only",
        r"emounting filesystem read-only",
        "disk:read_only",
        "disk",
        "disk",
        "hardware",
        "critical",
    ),
    _rule(
        "client was evicted",
        r"LustreError: .*client was evicted",
        "lustre:evicted",
        "filesystem",
        "filesystem_mount",
        "system_software",
        "critical",
    ),
    _rule(
        "LustreError: ",
        r"LustreError: .*operation \S+ .*failed",
        "lustre:failed",
        "filesystem",
        "filesystem_mount",
        "system_software",
        "critical",
    ),
    _rule(
        "was lost; in progress operations",
        r"Lustre: .*onnection to .* was lost",
        "lustre:connection_lost",
        "filesystem",
        "filesystem_mount",
        "system_software",
        "warning",
    ),
    _rule(
        "not responding",
        r"nfs: server (?P<slot>\S+) not responding",
        "nfs:not_responding",
        "filesystem",
        "filesystem_mount",
        "system_software",
        "critical",
    ),
    _rule(
        "ut of memory: Kill",
        r"ut of memory: Kill(?:ed)? process",
        "oom:kill",
        "software",
        "out_of_memory",
        "user_program",
        "info",
    ),
    _rule(
        "Power Supply",
        r"Power Supply sensor (?P<slot>\S+) .*Failure detected",
        "psu:failure",
        "psu",
        "power",
        "hardware",
        "critical",
    ),
    _rule(
        "temperature above threshold",
        r"emperature above threshold",
        "cpu:thermal",
        "cpu",
        "cooling",
        "hardware",
        "warning",
    ),
    _rule(
        "Kernel panic - not syncing",
        r"Kernel panic - not syncing",
        "kernel:panic",
        "software",
        "system_services",
        "system_software",
        "critical",
    ),
)

#: byte strings without which no line is of interest
NEEDLES: Final = tuple(dict.fromkeys((_XID_NEEDLE, _SXID_NEEDLE, *(rule.needle for rule in _RULES))))


def find(text: str) -> Finding | None:
    """Tell what a line says about failures, if anything.

    Examples
    --------
    >>> finding = find("NVRM: Xid (PCI:0000:9b:00): 79, pid='<unknown>', GPU has fallen off the bus.")
    >>> finding.code, finding.symptom, finding.severity, finding.slot
    ('xid:79', 'gpu_unavailable', 'critical', '0000:9b:00')
    >>> find("usb 1-14: new high-speed USB device")
    """
    xid = _XID.search(text)
    if xid is not None:
        verdict = xid_verdict(int(xid[2]))
        return Finding(f"xid:{int(xid[2])}", "gpu", verdict.symptom, verdict.domain, verdict.severity, xid[1])
    sxid = _SXID.search(text)
    if sxid is not None:
        severity = "critical" if sxid[3].lower() == "fatal" else "warning"
        return Finding(f"sxid:{int(sxid[2])}", "nvswitch", "nvlink", "hardware", severity, sxid[1])
    for rule in _RULES:
        match = rule.pattern.search(text)
        if match is not None:
            slot = match.groupdict().get("slot")
            return Finding(rule.code, rule.component, rule.symptom, rule.domain, rule.severity, slot)
    return None
