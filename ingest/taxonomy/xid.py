"""NVIDIA's Xid errors: what each number means and what it says about the hardware.

Source: NVIDIA, *XID Errors* (GPU Deployment and Management documentation), the catalogue up to the r570 driver. The
verdict per number follows the catalogue's "immediate action": what restarts the application only is the
user's program, what asks for a GPU reset, a reboot or field diagnostics is critical.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: number → meaning, in the catalogue's words
MEANINGS: Final[dict[int, str]] = {
    1: "Invalid or corrupted push buffer stream",
    2: "Invalid or corrupted push buffer stream",
    3: "Invalid or corrupted push buffer stream",
    4: "Invalid or corrupted push buffer stream",
    5: "Unused",
    6: "Invalid or corrupted push buffer stream",
    7: "Invalid or corrupted push buffer address",
    8: "GPU stopped processing",
    9: "Driver error programming GPU",
    11: "Invalid or corrupted push buffer stream",
    12: "Driver error handling GPU exception",
    13: "Graphics Engine Exception",
    16: "Display engine hung",
    18: "Bus mastering disabled in PCI Config Space",
    19: "Display Engine error",
    20: "Invalid or corrupted Mpeg push buffer",
    21: "Invalid or corrupted Motion Estimation push buffer",
    22: "Invalid or corrupted Video Processor push buffer",
    24: "GPU semaphore timeout",
    25: "Invalid or illegal push buffer stream",
    26: "Framebuffer timeout",
    27: "Video processor exception",
    28: "Video processor exception",
    29: "Video processor exception",
    30: "GPU semaphore access error",
    31: "GPU memory page fault",
    32: "Invalid or corrupted push buffer stream",
    33: "Internal micro-controller error",
    34: "Video processor exception",
    35: "Video processor exception",
    36: "Video processor exception",
    37: "Driver firmware error",
    38: "Driver firmware error",
    42: "Video processor exception",
    43: "GPU stopped processing",
    44: "Graphics Engine fault during context switch",
    45: "Preemptive cleanup, due to previous errors",
    46: "GPU stopped processing",
    47: "Video processor exception",
    48: "Double Bit ECC Error",
    54: "Auxiliary power is not connected to the GPU board",
    56: "Display Engine error",
    57: "Error programming video memory interface",
    58: "Unstable video memory interface detected, or EDC error",
    59: "Internal micro-controller error",
    60: "Video processor exception",
    61: "Internal micro-controller breakpoint/warning",
    62: "Internal micro-controller halt",
    63: "ECC page retirement or row remapping recording event",
    64: "ECC page retirement or row remapper recording failure",
    65: "Video processor exception",
    66: "Illegal access by driver",
    67: "Illegal access by driver",
    68: "NVDEC0 Exception",
    69: "Graphics Engine class error",
    70: "CE3: Unknown Error",
    71: "CE4: Unknown Error",
    72: "CE5: Unknown Error",
    73: "NVENC2 Error",
    74: "NVLink Error",
    75: "CE6: Unknown Error",
    76: "CE7: Unknown Error",
    77: "CE8: Unknown Error",
    78: "vGPU Start Error",
    79: "GPU has fallen off the bus",
    80: "Corrupted data sent to GPU",
    81: "VGA Subsystem Error",
    82: "NVJPG0 Error",
    83: "NVDEC1 Error",
    84: "NVDEC2 Error",
    85: "CE9: Unknown Error",
    86: "OFA Exception",
    88: "NVDEC3 Error",
    89: "NVDEC4 Error",
    92: "High single-bit ECC error rate",
    93: "Non-fatal violation of provisioned InfoROM wear limit",
    94: "Contained ECC error",
    95: "Uncontained ECC error",
    96: "NVDEC5 Error",
    97: "NVDEC6 Error",
    98: "NVDEC7 Error",
    99: "NVJPG1 Error",
    100: "NVJPG2 Error",
    101: "NVJPG3 Error",
    102: "NVJPG4 Error",
    103: "NVJPG5 Error",
    104: "NVJPG6 Error",
    105: "NVJPG7 Error",
    106: "SMBPBI Test Message",
    107: "SMBPBI Test Message Silent",
    109: "Context Switch Timeout Error",
    110: "Security Fault Error",
    111: "Display Bundle Error Event",
    112: "Display Supervisor Error",
    113: "DP Link Training Error",
    114: "Display Pipeline Underflow Error",
    115: "Display Core Channel Error",
    116: "Display Window Channel Error",
    117: "Display Cursor Channel Error",
    118: "Display Pixel Pipeline Error",
    119: "GSP RPC Timeout",
    120: "GSP Error",
    121: "C2C Link Error",
    122: "SPI PMU RPC Read Failure",
    123: "SPI PMU RPC Write Failure",
    124: "SPI PMU RPC Erase Failure",
    125: "Inforom FS Failure",
    137: "NVLink FLA privilege error",
    140: "Unrecovered ECC Error",
    143: "GPU initialization failure",
    144: "NVLink: SAW Error",
    145: "NVLink: RLW Error",
    146: "NVLink: TLW Error",
    147: "NVLink: TREX Error",
    148: "NVLink: NVLPW_CTRL Error",
    149: "NVLink: NETIR Error",
    150: "NVLink: MSE Error",
    151: "Key rotation Error",
    152: "DLA SMMU Error",
    153: "DLA timeout Error",
    154: "GPU Recovery Action Changed",
    155: "NVLink: SW Defined Error",
    156: "Resource Retirement Event",
    157: "Resource Retirement Failure",
    158: "GPU Fatal Timeout",
    159: "CHI Non-Data Error",
    160: "Channel Retirement Event",
    161: "Channel Retirement Failure",
    162: "Power Smoothing HW Circuitry capability reengaged",
    163: "Power Smoothing HW Circuitry capability disengaged",
    164: "Power Smoothing HW Circuitry low lifetime reached",
    167: "PCIe fatal timeout",
    168: "Reduced GPU memory capacity",
    171: "Uncorrectable DRAM error, additional to Xid 48",
    172: "Uncorrectable SRAM error, additional to Xid 48",
}


@dataclass(frozen=True, slots=True)
class XidVerdict:
    """What an Xid says: symptom, domain and severity as in :mod:`reliability.schema`."""

    symptom: str
    domain: str
    severity: str


_APPLICATION: Final = XidVerdict("application", "user_program", "info")
_DRIVER: Final = XidVerdict("gpu_driver", "system_software", "warning")
_UNKNOWN: Final = XidVerdict("other", "other", "warning")
_VERDICTS: Final[tuple[tuple[XidVerdict, frozenset[int]], ...]] = (
    (_APPLICATION, frozenset({13, 31, 43, 45, 68, 69, 137})),
    (
        XidVerdict("gpu_memory", "hardware", "critical"),
        frozenset({48, 57, 58, 64, 94, 95, 140, 157, 161, 171, 172}),
    ),
    (XidVerdict("gpu_memory", "hardware", "warning"), frozenset({63, 92, 93, 156, 160, 168})),
    (XidVerdict("nvlink", "hardware", "critical"), frozenset({74, 121, 144, 145, 146, 147, 148, 149, 150})),
    (XidVerdict("nvlink", "hardware", "warning"), frozenset({155, 159})),
    (XidVerdict("gpu_unavailable", "hardware", "critical"), frozenset({54, 62, 79, 110, 143, 158})),
    (XidVerdict("pcie", "hardware", "critical"), frozenset({18, 80, 167})),
    (XidVerdict("gpu_driver", "system_software", "critical"), frozenset({38, 109, 119, 120})),
    (XidVerdict("gpu_driver", "system_software", "info"), frozenset({106, 107, 154, 162})),
)


def xid_verdict(number: int) -> XidVerdict:
    """Return what an Xid says; an undocumented one is a warning of unknown origin, any other a driver warning.

    Examples
    --------
    >>> xid_verdict(79)
    XidVerdict(symptom='gpu_unavailable', domain='hardware', severity='critical')
    >>> xid_verdict(31).domain, xid_verdict(9999).symptom
    ('user_program', 'other')
    """
    for verdict, numbers in _VERDICTS:
        if number in numbers:
            return verdict
    return _DRIVER if number in MEANINGS else _UNKNOWN
