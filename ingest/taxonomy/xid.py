"""NVIDIA's Xid errors: what each number means and what it says about the hardware.

Source: NVIDIA, *Analyzing Xid Errors: Xid Catalog*, the catalogue of the r575 and r580 drivers, numbers 1 to 172
(``docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html``), compared with the copy of its spreadsheet in
leptonai/gpud. What that catalogue calls unused keeps the meaning of the one before it (r555): old drivers print it.

The severity follows the catalogue's *immediate action*: what restarts the application only is the user's program, what
resets the GPU or restarts the machine is critical, what may be ignored is a warning.
"""

from __future__ import annotations

from typing import Final

from ingest.taxonomy.verdict import Verdict

_UNKNOWN: Final = Verdict("other", "other", "warning")

#: groups of one verdict: number → meaning, in the catalogue's words
_CATALOGUE: Final[tuple[tuple[Verdict, dict[int, str]], ...]] = (
    (  # RESTART_APP, or what stops the one channel that did it
        Verdict("application", "user_program", "info"),
        {
            8: "GPU stopped processing",
            11: "Invalid or corrupted push buffer stream",
            13: "Graphics Engine Exception",
            25: "Invalid or illegal push buffer stream",
            31: "GPU memory page fault",
            32: "Invalid or corrupted push buffer stream",
            39: "Copy Engine Exception (CE0)",
            40: "Copy Engine Exception (CE1)",
            41: "Copy Engine Exception (CE2)",
            43: "GPU stopped processing",
            45: "Preemptive cleanup, due to previous errors",
            60: "Video processor exception",
            68: "NVDEC0 Exception",
            69: "Graphics Engine class error",
            70: "CE3: Unknown Error",
            71: "CE4: Unknown Error",
            72: "CE5: Unknown Error",
            75: "CE6: Unknown Error",
            76: "CE7: Unknown Error",
            77: "CE8: Unknown Error",
            80: "Corrupted data sent to GPU",
            82: "NVJPG0 Error",
            83: "NVDEC1 Error",
            84: "NVDEC2 Error",
            85: "CE9: Unknown Error",
            86: "OFA Exception",
            88: "NVDEC3 Error",
            89: "NVDEC4 Error",
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
            **{number: f"CE{number - 116}: Unknown Error" for number in range(126, 136)},
            137: "NVLink Privilege Error",
            139: "OFA1 Error",
        },
    ),
    (  # RESET_GPU, follow the workflow of Xid 48, or (94) restart what used the page
        Verdict("gpu_memory", "hardware", "critical"),
        {
            48: "Double Bit ECC Error",
            57: "Error programming video memory interface",
            58: "Unstable video memory interface detected, or EDC error",
            64: "GPU memory remapping failure",
            94: "Contained memory error",
            95: "Uncontained memory error",
            140: "ECC Unrecovered Error",
            156: "Resource Retirement Event",
            171: "Uncorrectable DRAM error, additional to Xid 48",
            172: "Uncorrectable SRAM error, additional to Xid 48",
        },
    ),
    (  # IGNORE, until the next reset
        Verdict("gpu_memory", "hardware", "warning"),
        {
            63: "GPU memory remapping event",
            92: "High single-bit ECC error rate",
            93: "Non-fatal violation of provisioned InfoROM wear limit",
            157: "Resource Retirement Failure",
            160: "Channel Retirement Event",
            161: "Channel Retirement Failure",
            168: "Errors found in WPR (write protected region): reduced GPU memory capacity",
        },
    ),
    (  # RESET_GPU, or the workflow of NVLink errors
        Verdict("nvlink", "hardware", "critical"),
        {
            74: "NVLink Error",
            136: "Link Training Failed",
            144: "NVLINK: SAW Error",
            145: "NVLINK: RLW Error",
            146: "NVLINK: TLW Error",
            147: "NVLINK: TREX Error",
            148: "NVLINK: NVLPW_CTRL Error",
            149: "NVLINK: NETIR Error",
            150: "NVLINK: MSE Error",
            155: "NVLINK: SW Defined Error",
        },
    ),
    (  # IGNORE, or no action published
        Verdict("nvlink", "hardware", "warning"),
        {
            108: "NVLink remote translation error",
            121: "C2C Error",
            159: "CHI Non-Data Error",
            166: "CC traffic seen prior to link properly being configured for encrypted traffic",
            170: "Interrupt seen in CC mode",
        },
    ),
    (  # RESET_GPU, RESTART_BM
        Verdict("gpu_unavailable", "hardware", "critical"),
        {
            46: "GPU stopped processing",
            62: "Internal micro-controller halt",
            79: "GPU has fallen off the bus",
            110: "Security Fault Error",
            143: "GPU Initialization Error",
            158: "GPU Fatal Timeout",
            169: "Internal micro-controller halt (SEC2)",
        },
    ),
    (
        Verdict("pcie", "hardware", "critical"),
        {18: "Bus mastering disabled in PCI Config Space", 167: "PCIe fatal timeout"},
    ),
    (  # CHECK_MECHANICALS
        Verdict("power", "hardware", "critical"),
        {54: "Auxiliary power is not connected to the GPU board"},
    ),
    (  # no action published
        Verdict("power", "hardware", "warning"),
        {
            163: "Power Smoothing HW Circuitry capability disengaged",
            164: "Power Smoothing HW Circuitry low lifetime reached",
            165: "Power Smoothing HW Circuitry lifetime exhausted",
        },
    ),
    (
        Verdict("power", "hardware", "info"),
        {162: "Power Smoothing HW Circuitry capability reengaged"},
    ),
    (  # the clocks were lowered
        Verdict("cooling", "hardware", "warning"),
        {
            52: "Power state changed due to temperature rise",
            53: "Clocks reduced due to temperature",
            55: "Temperature read error",
        },
    ),
    (  # RESET_GPU with the software to be looked into, RESTART_VM
        Verdict("gpu_driver", "system_software", "critical"),
        {
            109: "Context Switch Timeout Error",
            119: "GSP RPC Timeout",
            120: "GSP Error",
            151: "Key rotation Error",
        },
    ),
    (  # tests, and 154: which action another Xid asks for
        Verdict("gpu_driver", "system_software", "info"),
        {
            14: "Fake error",
            23: "Error reporting enabled",
            106: "SMBPBI Test Message",
            107: "SMBPBI Test Message Silent",
            154: "GPU Recovery Action Changed",
        },
    ),
    (  # IGNORE, UPDATE_SWFW, or unused today
        Verdict("gpu_driver", "system_software", "warning"),
        {
            1: "Invalid or corrupted push buffer stream",
            2: "Invalid or corrupted push buffer stream",
            3: "Invalid or corrupted push buffer stream",
            4: "Invalid or corrupted push buffer stream",
            5: "FIFO run-out overflow",
            6: "Invalid or corrupted push buffer stream",
            7: "Invalid or corrupted push buffer address",
            9: "Driver error programming GPU",
            10: "Graphics engine single step",
            12: "Driver error handling GPU exception",
            15: "Scan line timeout",
            16: "Display engine hung",
            17: "Parameter error",
            19: "Display Engine error",
            20: "Invalid or corrupted Mpeg push buffer",
            21: "Invalid or corrupted Motion Estimation push buffer",
            22: "Invalid or corrupted Video Processor push buffer",
            24: "GPU semaphore timeout",
            26: "Framebuffer timeout",
            27: "Video processor exception",
            28: "Video processor exception",
            29: "Video processor exception",
            30: "GPU semaphore access error",
            33: "Internal micro-controller error",
            34: "Video processor exception",
            35: "Video processor exception",
            36: "Video processor exception",
            37: "Driver firmware error",
            38: "Driver firmware error",
            42: "Video processor exception",
            44: "Graphics Engine fault during context switch",
            47: "Video processor exception",
            49: "Power state locked by the registry",
            50: "Power state changed after an error",
            51: "Power state changed after a stress test failure",
            56: "Display Engine error",
            59: "Internal micro-controller error",
            61: "Internal micro-controller breakpoint/warning",
            65: "Video processor exception",
            66: "Illegal access by driver",
            67: "Illegal access by driver",
            73: "NVENC2 Error",
            78: "vGPU Start Error",
            81: "VGA Subsystem Error",
            87: "Telemetry driver report",
            90: "L2 cache (LTC) error",
            91: "Reserved",
            111: "Display Bundle Error Event",
            112: "Display Supervisor Error",
            113: "DP Link Training Error",
            114: "Display Pipeline Underflow Error",
            115: "Display Core Channel Error",
            116: "Display Window Channel Error",
            117: "Display Cursor Channel Error",
            118: "Display Pixel Pipeline Error",
            122: "SPI PMU RPC Read Failure",
            123: "SPI PMU RPC Write Failure",
            124: "SPI PMU RPC Erase Failure",
            125: "Inforom FS Failure",
            138: "DLA Error",
            141: "CUDA Fast Path Error",
            142: "NVENC3 Error",
            152: "DLA SMMU Error",
            153: "DLA timeout Error",
        },
    ),
)

#: number → meaning
MEANINGS: Final[dict[int, str]] = {number: text for _, group in _CATALOGUE for number, text in sorted(group.items())}
_VERDICTS: Final = {number: verdict for verdict, group in _CATALOGUE for number in group}


def xid_verdict(number: int) -> Verdict:
    """Return what an Xid says; an undocumented one is a warning of unknown origin.

    Examples
    --------
    >>> xid_verdict(79)
    Verdict(symptom='gpu_unavailable', domain='hardware', severity='critical')
    >>> xid_verdict(31).domain, xid_verdict(9999).symptom
    ('user_program', 'other')
    """
    return _VERDICTS.get(number, _UNKNOWN)
