"""What a line of a kernel or a daemon says, if it says that something broke."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.taxonomy.kernel_rules import PCI, RULES
from ingest.taxonomy.sxid import sxid_verdict
from ingest.taxonomy.verdict import Verdict
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


_XID_NEEDLE: Final = "NVRM: Xid"
_SXID_NEEDLE: Final = "SXid ("
#: a MIG instance stands after the address: `PCI:0000:9b:00 GPU-I:05`
_XID: Final = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)[^)]*\): (\d{1,6})\b")
#: Xids of NVLink 5 say in the line whether they are fatal
_NVLINK_5: Final = range(144, 151)
_NONFATAL: Final = re.compile(r"\bNonfatal +XC\d")
_SXID: Final = re.compile(rf"SXid \((?:PCI:)?({PCI})\): (\d{{1,6}}),\s*(\S*)")
#: further lines of an SXid begin so
_SXID_DETAILS: Final = ("Severity", "Data", "Engine")
_FATALITY: Final = {"fatal": True, "non-fatal": False}

#: texts without which no line is of interest
NEEDLES: Final = tuple(dict.fromkeys((_XID_NEEDLE, _SXID_NEEDLE, *(rule.needle for rule in RULES))))


def find(text: str) -> Finding | None:
    """Tell what a line says about failures, if anything.

    Raises
    ------
    ValueError
        If it is an Xid or an SXid that cannot be read.

    Examples
    --------
    >>> finding = find("NVRM: Xid (PCI:0000:9b:00): 79, pid='<unknown>', GPU has fallen off the bus.")
    >>> finding.code, finding.symptom, finding.severity, finding.slot
    ('xid:79', 'gpu_unavailable', 'critical', '0000:9b:00')
    >>> find("usb 1-14: new high-speed USB device")
    """
    if _XID_NEEDLE in text:
        return _xid(text)
    if _SXID_NEEDLE in text:
        return _sxid(text)
    for rule in RULES:
        if rule.needle in text:
            match = rule.pattern.search(text)
            if match is not None:
                slot = match.groupdict().get("slot")
                return Finding(rule.code, rule.component, rule.symptom, rule.domain, rule.severity, slot)
    return None


def _xid(text: str) -> Finding:
    match = _XID.search(text)
    if match is None:
        raise ValueError("an Xid without address or number")
    number = int(match[2])
    verdict = xid_verdict(number)
    if number in _NVLINK_5 and _NONFATAL.search(text):
        verdict = Verdict(verdict.symptom, verdict.domain, "warning")
    return Finding(f"xid:{number}", "gpu", verdict.symptom, verdict.domain, verdict.severity, match[1])


def _sxid(text: str) -> Finding | None:
    match = _SXID.search(text)
    if match is None:
        raise ValueError("an SXid without address or number")
    if match[3] in _SXID_DETAILS:
        return None
    number = int(match[2])
    verdict = sxid_verdict(number, fatal=_FATALITY.get(match[3].rstrip(",").lower()))
    return Finding(f"sxid:{number}", "nvswitch", verdict.symptom, verdict.domain, verdict.severity, match[1])
