"""Why a node went out of service: the free text of administrators, daemons and health checks, read by one table.

The first rule that matches decides. A reason that no rule knows counts as unplanned with no cause named: a rate that is
too high gets looked into, one that is too low does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.taxonomy.xid import xid_verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """What a reason says: planned or not, and component, symptom and domain where it names them."""

    planned: bool
    component: str | None = None
    symptom: str | None = None
    domain: str | None = None


_UNPLANNED: Final = Reason(planned=False)
_PLANNED: Final = Reason(planned=True)
_XID: Final = re.compile(r"\bxid[ :=#]*(\d+)", re.IGNORECASE)


def _hardware(component: str, symptom: str) -> Reason:
    return Reason(planned=False, component=component, symptom=symptom, domain="hardware")


def _software(component: str, symptom: str) -> Reason:
    return Reason(planned=False, component=component, symptom=symptom, domain="system_software")


_CAUSES: Final[tuple[tuple[str, Reason], ...]] = (
    (
        r"fallen off the bus|gpu (lost|not found|missing)|no gpu|gpus? (count|are|is) (low|missing)",
        _hardware("gpu", "gpu_unavailable"),
    ),
    (r"nvlink|nvswitch|fabric ?manager", _hardware("gpu", "nvlink")),
    (r"gpu.*(ecc|dbe|memory|row.?remap|page retire)|(ecc|dbe|row.?remap).*gpu", _hardware("gpu", "gpu_memory")),
    (r"\bgsp\b|nvidia-smi|nvidia driver|gpu driver", _software("gpu", "gpu_driver")),
    (r"\bib\b|infiniband|hw_ib|mlx5|opensm|\bhca\b|ib port|ibstat", _hardware("nic", "ib_link")),
    (r"ethernet|\beth\d|\bbond\d|nic (link|down)", _hardware("nic", "ethernet_link")),
    (r"pcie|\baer\b", _hardware("pcie", "pcie")),
    (r"\bpsu\b|power supply|power (fail|loss|lost|outage)", _hardware("psu", "power")),
    (r"\bfan\b|temperature|overheat|thermal|cooling", _hardware("fan", "cooling")),
    (
        r"fs_mount|not mounted|lustre|\bnfs|gpfs|beegfs|stale file|file ?system|mount",
        _software("filesystem", "filesystem_mount"),
    ),
    (r"nvme|\bdisk|\bssd|\bsmart\b|i/o error|read-only|\braid\b|no space", _hardware("disk", "disk")),
    (
        r"dimm|mcelog|\bedac|memory error|uncorrectable memory|low realmemory|hw_physmem",
        _hardware("dimm", "main_memory"),
    ),
    (r"machine check|\bcpu (error|fail)|low (cpus|socket)", _hardware("cpu", "cpu")),
    (r"nccl", Reason(planned=False, component="software", symptom="nccl_timeout", domain="other")),
    (r"gpu", _hardware("gpu", "gpu_unavailable")),
)
#: Slurm's own words for a node that failed, whatever else the reason says
_SLURM_FAILURES: Final[tuple[tuple[str, Reason], ...]] = (
    (
        r"^not responding|unexpectedly rebooted",
        Reason(planned=False, component="node", symptom="node_unresponsive", domain="other"),
    ),
    (
        r"^(prolog|epilog) error|kill task failed|^batch job complete failure|slurmd? (not|died|restart)",
        _software("software", "system_services"),
    ),
)
_PLANS: Final = (
    r"maint|scheduled|\bplanned|reboot (issued|requested|asap)|asap reboot|upgrade|\bupdate|\bchg-?\d|\bchange ticket"
    r"|firmware(?!.*(error|fail|hang|crash|timeout))|patch|re-?image|re-?install|decommission|retire|reserved for"
    r"|benchmark|acceptance|power.?sav|suspend"
)
#: what a check found stands, even where it is found during planned work
_CHECKS: Final = r"^nhc|check_|health.?check|xid"


def read_reason(text: str) -> Reason:
    """Read the reason given for a node being down or drained.

    Parameters
    ----------
    text
        As ``sacctmgr show event`` prints it.

    Returns
    -------
    Reason
        Unplanned and without a cause if no rule matches.

    Examples
    --------
    >>> read_reason("kernel update CHG-1234").planned
    True
    >>> read_reason("NHC: check_gpu_xid: Xid 79, GPU has fallen off the bus")
    Reason(planned=False, component='gpu', symptom='gpu_unavailable', domain='hardware')
    >>> read_reason("see Bob")
    Reason(planned=False, component=None, symptom=None, domain=None)
    """
    lowered = text.lower()
    failure = _first(_SLURM_FAILURES, lowered)
    if failure is not None:
        return failure
    if re.search(_PLANS, lowered) and not re.search(_CHECKS, lowered):
        return _PLANNED
    xid = _XID.search(text)
    if xid is not None:
        verdict = xid_verdict(int(xid[1]))
        return Reason(planned=False, component="gpu", symptom=verdict.symptom, domain=verdict.domain)
    return _first(_CAUSES, lowered) or _UNPLANNED


def _first(rules: tuple[tuple[str, Reason], ...], lowered: str) -> Reason | None:
    return next((reason for pattern, reason in rules if re.search(pattern, lowered)), None)
