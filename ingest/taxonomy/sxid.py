"""NVIDIA's SXid errors, those of NVSwitches: what each number means and how bad it is.

Source: NVIDIA, *Fabric Manager User Guide* (DU-09883), appendix on NVSwitch SXid errors: tables of non-fatal, fatal,
always fatal and other notable errors; compared with the copy of these tables in leptonai/gpud. Switches of the fourth
generation (GB200) log no SXids; their GPUs report Xids 144 to 150.
"""

from __future__ import annotations

from typing import Final

from ingest.taxonomy.verdict import Verdict

_SINGLE_BIT: Final = "Single bit ECC errors"

#: corrected, throttled or harmless: jobs go on
_NON_FATAL: Final[dict[int, str]] = {
    10001: "Host_priv_error",
    10002: "Host_priv_timeout",
    10004: "Host_thermal_event_start",
    **dict.fromkeys((11012, 11021, 11022, 11023, 12021, 12023, 15008, 15011), _SINGLE_BIT),
    **dict.fromkeys((19049, 19055, 19057, 19059, 19062, 19065, 19068, 19071), _SINGLE_BIT),
    **dict.fromkeys((24001, 24002, 24003), _SINGLE_BIT),
    20001: "TX Replay Error",
    20012: "Broken/inconsistent connection",
}
#: non-fatal to the switch, but GPU access hangs and CUDA jobs are aborted, or everything has to be reset
_ENDS_JOBS: Final[dict[int, str]] = {
    10003: "Host_unhandled_interrupt",
    11004: "Ingress invalid ACL",
    12028: "egress non-posted PRIV error",
    19084: "AN1 Heartbeat Timeout Error",
}
#: fatal to the jobs that use the port
_FATAL: Final[dict[int, str]] = {
    11001: "ingress invalid command",
    11009: "ingress invalid VCSet",
    11013: "ingress header DBE",
    11018: "ingress RID DBE",
    11019: "ingress RLAN DBE",
    11020: "ingress control parity",
    12001: "egress crossbar overflow",
    12002: "egress packet route",
    12022: "egress input ECC DBE error",
    12024: "egress output ECC DBE error",
    12025: "egress credit overflow",
    12026: "egress destination request ID error",
    12027: "egress destination response ID error",
    12030: "egress control parity error",
    12031: "egress credit parity error",
    12032: "egress flit type mismatch",
    14017: "TS ATO timeout",
    15001: "route buffer over/underflow",
    15006: "route transdone over/underflow",
    15009: "route GLT DBE",
    15010: "route parity",
    15012: "route incoming DBE",
    15013: "route credit parity",
    19047: "NCISOC HDR ECC DBE Error",
    19048: "NCISOC DAT ECC DBE Error",
    19054: "HDR RAM ECC DBE Error",
    19056: "DAT0 RAM ECC DBE Error",
    19058: "DAT1 RAM ECC DBE Error",
    19060: "CREQ RAM HDR ECC DBE Error",
    19061: "CREQ RAM DAT ECC DBE Error",
    19063: "Response RAM HDR ECC DBE Error",
    19064: "Response RAM DAT ECC DBE Error",
    19066: "COM RAM HDR ECC DBE Error",
    19067: "COM RAM DAT ECC DBE Error",
    19069: "RSP1 RAM HDR ECC DBE Error",
    19070: "RSP1 RAM DAT ECC DBE Error",
    20034: "LTSSM Fault Up",
    22012: "Minion Link NA interrupt",
    24004: "sourcetrack TCEN0 crumbstore DBE",
    24005: "sourcetrack TCEN0 TD crumbstore DBE",
    24006: "sourcetrack TCEN1 crumbstore DBE",
    24007: "sourcetrack timeout error",
}
#: fatal to the whole fabric: the host has to be restarted
_ALWAYS_FATAL: Final[dict[int, str]] = {
    12020: "egress sequence ID error",
    22003: "Minion Halt",
    22011: "Minion exterror",
    23001: "ingress SRC-VC buffer overflow",
    23002: "ingress SRC-VC buffer underflow",
    23003: "egress DST-VC credit overflow",
    23004: "egress DST-VC credit underflow",
    23005: "ingress packet burst error",
    23006: "ingress packet sticky error",
    23007: "possible bubbles at ingress",
    23008: "ingress packet invalid dst error",
    23009: "ingress packet parity error",
    23010: "ingress SRC-VC buffer overflow",
    23011: "ingress SRC-VC buffer underflow",
    23012: "egress DST-VC credit overflow",
    23013: "egress DST-VC credit underflow",
    23014: "ingress packet burst error",
    23015: "ingress packet sticky error",
    23016: "possible bubbles at ingress",
    23017: "ingress credit parity error",
}
_HARMLESS: Final[dict[int, str]] = {10005: "Host_thermal_event_end", 22013: "Minion Link DLREQ interrupt"}
_THERMAL: Final = frozenset({10004, 10005})

#: number → meaning
SXID_MEANINGS: Final[dict[int, str]] = dict(
    sorted((_NON_FATAL | _ENDS_JOBS | _FATAL | _ALWAYS_FATAL | _HARMLESS).items())
)


def sxid_verdict(number: int, *, fatal: bool | None = None) -> Verdict:
    """Return what an SXid says.

    Parameters
    ----------
    number
        The SXid.
    fatal
        What the log calls it: some are fatal or not depending on the port. None if it does not say; then the table
        decides, and a number it does not have is a warning.

    Examples
    --------
    >>> sxid_verdict(20034, fatal=True)
    Verdict(symptom='nvlink', domain='hardware', severity='critical')
    >>> sxid_verdict(11012).severity, sxid_verdict(12028, fatal=False).severity
    ('warning', 'critical')
    """
    symptom = "cooling" if number in _THERMAL else "nvlink"
    return Verdict(symptom, "hardware", _severity(number, fatal=fatal))


def _severity(number: int, *, fatal: bool | None) -> str:
    if fatal or number in _ENDS_JOBS or number in _ALWAYS_FATAL:
        return "critical"
    if number in _HARMLESS:
        return "info"
    return "critical" if fatal is None and number in _FATAL else "warning"
