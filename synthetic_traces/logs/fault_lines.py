"""How a fault shows: the lines of the kernel and of daemons, and the health check's reason for a DOWN node.

The wording of NVRM lines follows NVIDIA's driver and its Xid catalogue: 48 double bit ECC error, 63 row marked for
remapping, 64 row remapping failed, 74 NVLink error, 79 GPU off the bus, 92 high rate of single bit errors, 94 contained
and 95 uncontained ECC error, 119 GSP timeout; 13, 31 and 43 come from the user's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthetic_traces.simulation.fault_records import Fault

_GPU_BUS = ("1b", "43", "52", "61", "9d", "c3", "d1", "df")
_NIC_BUS = ("18", "40", "4f", "5e", "9a", "c0", "ce", "dc")
_BRIDGE_BUS = ("15", "37", "48", "59", "97", "b7", "c7", "d7")
_NO_PROCESS = "pid='<unknown>', name=<unknown>"

# RFC 5424 priority: facility × 8 + severity; kern is 0, daemon 3.
KERN_ERR, KERN_WARNING, KERN_INFO, DAEMON_CRIT, DAEMON_INFO = 3, 4, 6, 26, 30


@dataclass(frozen=True, slots=True)
class Line:
    """One message as syslog carries it.

    Parameters
    ----------
    priority
        RFC 5424 PRI value.
    program
        APP-NAME: ``kernel`` or a daemon.
    text
        The message.
    """

    priority: int
    program: str
    text: str


def fault_lines(fault: Fault, rng: np.random.Generator) -> list[Line]:
    """Lines that one fault prints, once.

    Parameters
    ----------
    fault
        The fault.
    rng
        For addresses and process ids.

    Returns
    -------
    list of Line
        In order; empty for a silent fault.
    """
    if fault.silent:
        return []
    if fault.xid is not None:
        return [Line(KERN_WARNING, "kernel", text) for text in _xid_texts(fault.slot, fault.xid, rng)]
    if fault.kind == "benign":
        return _BENIGN_LINES[fault.symptom](fault.slot, rng)
    return _CRITICAL_LINES[fault.symptom](fault.slot, rng)


def health_check_reason(fault: Fault) -> str:
    """Reason that the node health check gives when it sets the node DOWN.

    Parameters
    ----------
    fault
        A critical fault that is not silent.

    Returns
    -------
    str
        Text of the form ``NHC: check: what``.
    """
    slot = fault.slot
    if fault.xid is not None:
        check = "check_dmesg" if fault.symptom == "gpu_memory" else "check_gpu_xid"
        return (
            f"NHC: {check}: Xid {fault.xid}, {_XID_MEANING[fault.xid]}, GPU {slot} (PCI:0000:{_GPU_BUS[slot % 8]}:00)"
        )
    return (
        "NHC: "
        + {
            "ib_link": f"check_hw_ib: No IB port mlx5_{slot}:1 is ACTIVE (LinkUp 400 Gb/sec).",
            "pcie": f"check_pcie: fatal PCIe error, 0000:{_GPU_BUS[slot % 8]}:00.0",
            "filesystem_mount": "check_fs_mount: /scratch not mounted",
            "main_memory": f"check_hw_mcelog: uncorrectable memory error on {_dimm(slot)}",
            "disk": f"check_disk: nvme{slot}n1 I/O error",
            "power": f"check_psu: power supply PS{slot} failed",
            "cooling": "check_temperature: critical temperature, inlet above 45 C",
            "cpu": f"check_mce: uncorrected machine check on CPU {slot}",
        }[fault.symptom]
    )


_XID_MEANING = {
    13: "graphics engine exception",
    31: "MMU fault",
    43: "channel stopped",
    48: "double bit ECC error",
    63: "row marked for remapping",
    64: "row remapping failure",
    74: "NVLink error",
    79: "GPU has fallen off the bus",
    92: "high single-bit ECC error rate",
    94: "contained ECC error",
    95: "uncontained ECC error",
    119: "GSP RPC timeout",
}


def _xid_texts(slot: int, xid: int, rng: np.random.Generator) -> list[str]:
    process = f"pid={rng.integers(10_000, 4_000_000)}, name=python3"
    address = f"0x{rng.integers(1 << 20, 1 << 36):016x}"
    remap = f"{_NO_PROCESS}, Row Remapper: New row ({address}) marked for remapping, reset gpu to activate."
    texts = {
        13: f"{process}, Graphics SM Warp Exception on (GPC 9, TPC 1, SM 1): Out Of Range Address",
        31: (
            f"{process}, Ch 00000010, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ "
            f"0x7f2c_{rng.integers(1 << 32):08x}. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
        ),
        43: f"{process}, Ch 00000018",
        48: (
            f"{_NO_PROCESS}, An uncorrectable double bit error (DBE) has been detected on GPU in the framebuffer at "
            f"physAddr {address} partition {rng.integers(20)}, subpartition {rng.integers(4)}."
        ),
        63: remap,
        64: f"{_NO_PROCESS}, Row Remapper Error: ({address}) - All reserved rows for bank are remapped",
        74: (
            f"{_NO_PROCESS}, NVLink: fatal error detected on link {rng.integers(18)}"
            "(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"
        ),
        79: f"{_NO_PROCESS}, GPU has fallen off the bus.",
        92: f"{_NO_PROCESS}, High single-bit ECC error rate",
        94: f"{process}, Contained: CE User Channel (0x9). RST: No, D-RST: No",
        95: f"{process}, Uncontained: LTC TAG (0x2,0x0). RST: Yes, D-RST: No",
        119: (
            f"{process}, Timeout after 6s of waiting for RPC response from GPU{slot} GSP! "
            "Expected function 76 (GSP_RM_CONTROL) (0x20801813 0x4c)."
        ),
    }
    lines = [f"NVRM: Xid (PCI:0000:{_GPU_BUS[slot % 8]}:00): {xid}, {texts[xid]}"]
    if xid in {48, 94}:  # the row of the bad cell is then marked for remapping
        lines.append(f"NVRM: Xid (PCI:0000:{_GPU_BUS[slot % 8]}:00): 63, {remap}")
    return lines


def _dimm(slot: int) -> str:
    return f"CPU_SrcID#{slot // 16}_MC#{slot // 4 % 4}_Chan#{slot // 2 % 2}_DIMM#{slot % 2}"


def _edac(slot: int, rng: np.random.Generator, kind: str) -> str:
    page = f"0x{rng.integers(1 << 28):x}"
    place = f"channel:{slot // 2 % 2} slot:{slot % 2} page:{page} offset:0x400 grain:32"
    return f"EDAC MC{slot // 4}: 1 {kind} memory read error on {_dimm(slot)} ({place})"


def _ib_link(slot: int, _rng: np.random.Generator) -> list[Line]:
    device = f"mlx5_core 0000:{_NIC_BUS[slot % 8]}:00.0"
    return [
        Line(KERN_ERR, "kernel", f"{device}: Port module event[error]: module {slot}, Cable error, Unknown error"),
        Line(KERN_WARNING, "kernel", f"{device} ib{slot}: Link down"),
        Line(KERN_WARNING, "kernel", f"{device} mlx5_{slot}: Port: 1 Link DOWN"),
    ]


def _pcie(slot: int, _rng: np.random.Generator) -> list[Line]:
    port, device = f"pcieport 0000:{_BRIDGE_BUS[slot % 8]}:01.0", f"0000:{_GPU_BUS[slot % 8]}:00.0"
    return [
        Line(KERN_ERR, "kernel", f"{port}: AER: Uncorrected (Fatal) error received: {device}"),
        Line(
            KERN_ERR,
            "kernel",
            f"{port}: AER: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer, (Receiver ID)",
        ),
    ]


def _filesystem(_slot: int, rng: np.random.Generator) -> list[Line]:
    ost = f"scratch-OST{rng.integers(48):04x}-osc-ffff8f3a{rng.integers(1 << 32):08x}"
    return [
        Line(
            KERN_ERR,
            "kernel",
            f"LustreError: 11-0: {ost}: operation ost_read to node 10.10.4.3@o2ib failed: rc = -107",
        ),
        Line(
            KERN_WARNING,
            "kernel",
            f"LustreError: 167-0: {ost}: This client was evicted by scratch-OST; in progress operations using this "
            "service will fail.",
        ),
    ]


def _main_memory(slot: int, rng: np.random.Generator) -> list[Line]:
    return [
        Line(KERN_ERR, "kernel", "mce: [Hardware Error]: Machine check events logged"),
        Line(KERN_ERR, "kernel", _edac(slot, rng, "UE")),
    ]


def _disk(slot: int, rng: np.random.Generator) -> list[Line]:
    return [
        Line(KERN_WARNING, "kernel", f"nvme nvme{slot}: I/O {rng.integers(1024)} QID 4 timeout, reset controller"),
        Line(
            KERN_ERR,
            "kernel",
            f"blk_update_request: I/O error, dev nvme{slot}n1, sector {rng.integers(1 << 32)} op 0x0:(READ)",
        ),
    ]


def _power(slot: int, _rng: np.random.Generator) -> list[Line]:
    return [Line(DAEMON_CRIT, "ipmievd", f"Power Supply sensor PS{slot} Status Failure detected Asserted")]


def _cooling(_slot: int, rng: np.random.Generator) -> list[Line]:
    return [
        Line(
            KERN_ERR,
            "kernel",
            f"thermal thermal_zone0: acpitz: critical temperature reached ({rng.integers(96, 105)} C)",
        )
    ]


def _cpu(slot: int, rng: np.random.Generator) -> list[Line]:
    return [
        Line(
            KERN_ERR,
            "kernel",
            f"mce: [Hardware Error]: CPU {slot}: Machine Check: 0 Bank 5: be00000000{rng.integers(1 << 24):06x}",
        )
    ]


def _link_flap(slot: int, _rng: np.random.Generator) -> list[Line]:
    device = f"mlx5_core 0000:{_NIC_BUS[slot % 8]}:00.0"
    return [
        Line(KERN_WARNING, "kernel", f"{device} ib{slot % 8}: Link down"),
        Line(KERN_INFO, "kernel", f"{device} ib{slot % 8}: Link up"),
    ]


def _memory_corrected(slot: int, rng: np.random.Generator) -> list[Line]:
    return [Line(KERN_WARNING, "kernel", _edac(slot, rng, "CE"))]


def _pcie_corrected(slot: int, _rng: np.random.Generator) -> list[Line]:
    port = f"pcieport 0000:{_BRIDGE_BUS[slot % 8]}:01.0"
    return [
        Line(KERN_WARNING, "kernel", f"{port}: AER: Corrected error received: 0000:{_GPU_BUS[slot % 8]}:00.0"),
        Line(
            KERN_WARNING,
            "kernel",
            f"{port}: PCIe Bus Error: severity=Corrected, type=Data Link Layer, (Transmitter ID)",
        ),
    ]


_Lines = Callable[[int, np.random.Generator], list[Line]]
_CRITICAL_LINES: dict[str, _Lines] = {
    "ib_link": _ib_link,
    "pcie": _pcie,
    "filesystem_mount": _filesystem,
    "main_memory": _main_memory,
    "disk": _disk,
    "power": _power,
    "cooling": _cooling,
    "cpu": _cpu,
}
_BENIGN_LINES: dict[str, _Lines] = {
    "main_memory": _memory_corrected,
    "pcie": _pcie_corrected,
    "link_flap": _link_flap,
}


def boot_lines(driver_version: str) -> list[Line]:
    """Lines of a node that comes back from repair.

    Parameters
    ----------
    driver_version
        Of the GPU driver it loads.

    Returns
    -------
    list of Line
        In order.
    """
    return [
        Line(KERN_INFO, "kernel", "Linux version 5.15.0-1067-nvidia (buildd@lcy02) #68-Ubuntu SMP"),
        Line(KERN_WARNING, "kernel", f"NVRM: loading NVIDIA UNIX x86_64 Kernel Module  {driver_version}"),
        Line(KERN_INFO, "kernel", "mlx5_core 0000:18:00.0 mlx5_0: Port: 1 Link ACTIVE"),
    ]


def noise_lines(count: int, rng: np.random.Generator) -> list[Line]:
    """Draw lines that mean nothing.

    Parameters
    ----------
    count
        How many.
    rng
        Source of randomness.

    Returns
    -------
    list of Line
        Ordinary kernel and daemon messages.
    """
    kinds = rng.integers(len(_NOISE), size=count).tolist()
    numbers = rng.integers(10_000, size=count).tolist()
    return [
        Line(_NOISE[kind].priority, _NOISE[kind].program, _NOISE[kind].text.replace("#", str(number)))
        for kind, number in zip(kinds, numbers, strict=True)
    ]


_NOISE = (
    Line(KERN_INFO, "kernel", "IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready"),
    Line(KERN_INFO, "kernel", "perf: interrupt took too long (#), lowering kernel.perf_event_max_sample_rate"),
    Line(KERN_INFO, "kernel", "TCP: request_sock_TCP: Possible SYN flooding on port 29500. Sending cookies."),
    Line(KERN_INFO, "kernel", "usb 1-14.2: new high-speed USB device number # using xhci_hcd"),
    Line(DAEMON_INFO, "systemd", "Started Session # of User root."),
    Line(DAEMON_INFO, "chronyd", "Selected source 10.0.0.1"),
    Line(DAEMON_INFO, "slurmd", "launch task StepId=#.0 request from UID:1003"),
)
