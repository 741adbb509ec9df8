"""The table of kernel lines that say something broke: which words, in whose driver, mean what.

The words were taken from the sources that print them: Linux (``drivers/pci/pcie``, ``drivers/nvme``, ``drivers/ata``,
``drivers/scsi``, ``block``, ``drivers/md``, ``drivers/net/ethernet``, ``drivers/net/bonding``, ``drivers/edac``,
``arch/x86/kernel/cpu/mce``, ``drivers/acpi/apei``, ``mm``, ``kernel``, ``drivers/gpu/drm/amd``), NVIDIA's driver,
Lustre, GPFS and ``ipmievd``; some families were checked against the lists of AMD's node-scraper and of gpud.

No pattern has two free stretches one after the other, so that no line takes long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PCI: Final = r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-9a-fA-F])?"
_AT: Final = rf"(?P<slot>{PCI})"
_AMD: Final = rf"amdgpu {_AT}: .*?"
_NEW_ERRORS: Final = _AMD + r"[1-9]\d* (?:new )?"
_MLX: Final = r"mlx5_core (?P<slot>\S+?):? "
_FIRMWARE: Final = rf"mlx5_core {_AT}: .*?"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that holds ``needle`` and matches ``pattern``, and what it says; the group ``slot`` is the place."""

    needle: str
    pattern: re.Pattern[str]
    code: str
    component: str
    symptom: str
    domain: str
    severity: str


#: component, symptom, domain; then severity, code, needle, pattern
_Row = tuple[str, str, str, str]
_Group = tuple[str, str, str, tuple[_Row, ...]]

# A host that loses a port cannot tell its adapter from the cable: what it prints is counted as the adapter's. `link` is
# for sources that see the cable itself.
_NETWORK: Final[tuple[_Group, ...]] = (
    (
        *("nic", "ib_link", "hardware"),
        (
            ("critical", "ib:link_down", "mlx5_core", _MLX + r"(?:ib|mlx)\S*: (?:Link down|Port: \d+ Link DOWN)"),
            ("critical", "ib:module_error", "mlx5_core", _MLX + r".*?Port module event\[error\]"),
            ("warning", "ib:module_unplugged", "mlx5_core", _MLX + r".*?Port module event: .*Cable unplugged"),
            ("critical", "mlx5:health", "mlx5_core", _FIRMWARE + r"device's health compromised"),
            ("critical", "mlx5:fatal", "mlx5_core", _FIRMWARE + r"(?:[Ff]atal error \d+ detected|fw fatal)"),
            ("critical", "mlx5:command_timeout", "mlx5_core", _FIRMWARE + r"timeout\. Will cause a leak of a command"),
        ),
    ),
    ("nic", "cooling", "hardware", (("warning", "mlx5:temperature", "mlx5_core", _FIRMWARE + r"High temperature on"),)),
    (
        *("nic", "power", "hardware"),
        (("warning", "mlx5:power", "mlx5_core", _FIRMWARE + r"Detected insufficient power on the PCIe slot"),),
    ),
    (
        *("nic", "ethernet_link", "hardware"),
        (
            ("critical", "eth:link_down", "mlx5_core", _MLX + r"(?!ib|mlx)\S+: Link down"),
            ("critical", "eth:link_down", "NIC Link is Down", r"\b(?P<slot>[^\s:]+):? NIC Link is Down"),
            ("critical", "eth:link_down", ": Link is ", r"\b(?P<slot>[^\s:]+): Link is [Dd]own"),
            ("warning", "eth:bond_member_down", "definitely down", r"\(slave (?P<slot>\S+)\): link status definitely"),
            ("warning", "eth:bond_member_down", "definitely down", r"definitely down for interface (?P<slot>[^\s,]+)"),
            ("critical", "eth:bond_down", "without any active", r"\b(?P<slot>[^\s:]+): now running without any active"),
            ("warning", "eth:tx_timeout", "NETDEV WATCHDOG", r"NETDEV WATCHDOG: (?P<slot>\S+) .*queue \d+ timed out"),
        ),
    ),
    (
        *("filesystem", "filesystem_mount", "system_software"),
        (
            ("critical", "lustre:evicted", "client was evicted", r"LustreError: .*client was evicted"),
            ("critical", "lustre:failed", "LustreError: ", r"LustreError: .*operation \S+ to node \S+ failed"),
            ("warning", "lustre:connection_lost", "was lost; in progress", r"Lustre: .*onnection to .* was lost"),
            ("critical", "nfs:not_responding", "not responding", r"nfs: server (?P<slot>\S+) not responding"),
            (
                "critical",
                "gpfs:expelled",
                "Lost membership in",
                r"mmfs.*Lost membership in cluster (?P<slot>\S*[^\s.])",
            ),
        ),
    ),
)
_MACHINE: Final[tuple[_Group, ...]] = (
    (
        *("pcie", "pcie", "hardware"),
        (
            ("critical", "pcie:aer_fatal", "AER: ", rf"AER: .*\(Fatal\) error (?:message )?received(?: from|:) {_AT}"),
            ("critical", "pcie:aer_fatal", "PCIe Bus Error", rf"{_AT}: .*severity=Uncorrect(?:ed|able) \(Fatal\)"),
            ("warning", "pcie:aer_nonfatal", "PCIe Bus Error", rf"{_AT}: .*severity=Uncorrect(?:ed|able) \(Non-F"),
            ("warning", "pcie:aer_corrected", "PCIe Bus Error", rf"{_AT}: .*severity=Correct(?:ed|able),"),
            ("critical", "pcie:containment", "DPC: containment", rf"{_AT}: .*DPC: containment event"),
            ("critical", "pcie:link_down", ": Slot(", rf"{_AT}:.*Slot\([^)]*\): Link Down"),
            ("critical", "pcie:surprise_removal", ": Slot(", rf"{_AT}:.*Slot\([^)]*\): Card not present"),
        ),
    ),
    (
        *("dimm", "main_memory", "hardware"),
        (
            ("critical", "edac:ue", "EDAC MC", r"EDAC MC\d+: \d+ UE (?:.*? )?on (?P<slot>\S+)"),
            ("warning", "edac:ce", "EDAC MC", r"EDAC MC\d+: \d+ CE (?:.*? )?on (?P<slot>\S+)"),
            ("critical", "mce:uncorrected", "Uncorrected hardware mem", r"Uncorrected hardware memory error"),
            ("critical", "mm:memory_failure", "Memory failure: ", r"Memory failure: 0x[0-9a-f]+: recovery action for"),
            ("warning", "mm:soft_offline", "Soft-offlining pfn", r"Soft-offlining pfn"),
        ),
    ),
    (
        *("cpu", "cpu", "hardware"),
        (
            # Bit 61 of the bank's status is set if the error is uncorrected.
            ("critical", "mce:uncorrected", "Machine Check", r"(?P<slot>CPU \d+): .* Bank \d+: [2367abef][0-9a-f]{15}"),
            ("warning", "mce:corrected", "Machine Check", r"(?P<slot>CPU \d+): Machine Check.* Bank \d+: [0-9a-f]{16}"),
            ("critical", "mce:processor", "Processor context corrupt", r"Processor context corrupt"),
            ("critical", "mce:uncorrected", "[Hardware Error]: Unc", r"Uncorrected, software \w+ error"),
            ("critical", "mce:fatal", "[Hardware Error]: System", r"System Fatal error"),
            ("warning", "mce:deferred", "[Hardware Error]: Def", r"Deferred error, no action required"),
            ("warning", "mce:corrected", "[Hardware Error]: Corr", r"Corrected error, no action required"),
        ),
    ),
    (
        *("other", "other", "hardware"),
        (
            ("critical", "apei:fatal", "event severity: ", r"\[Hardware Error\]: event severity: fatal"),
            ("critical", "apei:recoverable", "event severity: ", r"\[Hardware Error\]: event severity: recoverable"),
            ("warning", "apei:corrected", "event severity: ", r"\[Hardware Error\]: event severity: corrected"),
        ),
    ),
    (
        *("cpu", "cooling", "hardware"),
        (("warning", "cpu:thermal", "emperature above", r"(?:(?P<slot>CPU\d+): .*)?emperature above threshold"),),
    ),
    (
        *("board", "cooling", "hardware"),
        (
            (
                "critical",
                "thermal:critical",
                "temperature reached",
                r"(?:(?P<slot>\S+): )?critical temperature reached",
            ),
            ("critical", "thermal:critical", "HARDWARE PROTECTION", r"HARDWARE PROTECTION shutdown \(Temperature"),
        ),
    ),
    (
        *("cpu", "power", "hardware"),
        (("info", "cpu:power_limit", "power limit not", r"(?P<slot>CPU\d+): .*power limit notification"),),
    ),
    (
        *("psu", "power", "hardware"),
        (("critical", "psu:failure", "Power Supply", r"Power Supply sensor (?P<slot>\S+) .*Failure detected"),),
    ),
)
_DISKS: Final[tuple[_Group, ...]] = (
    (
        *("disk", "disk", "hardware"),
        (
            ("critical", "nvme:timeout", "nvme nvme", r"nvme (?P<slot>nvme\d+): I/O .*timeout"),
            ("critical", "nvme:down", "nvme nvme", r"nvme (?P<slot>nvme\d+): controller is down"),
            ("critical", "nvme:removed", "nvme nvme", r"nvme (?P<slot>nvme\d+): Removing after probe failure"),
            ("critical", "nvme:removed", "nvme nvme", r"nvme (?P<slot>nvme\d+): Disabling device after reset failure"),
            ("critical", "nvme:not_ready", "nvme nvme", r"nvme (?P<slot>nvme\d+): Device not ready; aborting"),
            ("critical", "disk:medium_error", " error, dev ", r"critical medium error, dev (?P<slot>[^,\s]+)"),
            ("critical", "disk:target_error", " error, dev ", r"critical target error, dev (?P<slot>[^,\s]+)"),
            ("warning", "disk:buffer_io_error", "Buffer I/O error", r"Buffer I/O error on dev\S* (?P<slot>[^,\s]+)"),
            ("critical", "disk:io_error", " error, dev ", r"I/O error, dev (?P<slot>[^,\s]+)"),
            ("critical", "scsi:medium_error", "Sense Key : Medium", r"\[(?P<slot>\w+)\].*Sense Key : Medium Error"),
            ("critical", "scsi:hardware_error", "Sense Key : Hard", r"\[(?P<slot>\w+)\].*Sense Key : Hardware Error"),
            ("critical", "scsi:offline", " device", r"sd (?P<slot>\S+): .*rejecting I/O to (?:offline|dead) device"),
            ("critical", "scsi:offline", "Device offlined", r"sd (?P<slot>\S+): .*Device offlined - not ready"),
            ("warning", "ata:link_reset", "resetting link", r"(?P<slot>ata\d+\S*): hard resetting link"),
            ("warning", "ata:failed_command", "failed command", r"(?P<slot>ata\d+\S*): failed command"),
            ("critical", "ata:disabled", ": disable", r"(?P<slot>ata\d+\S*): disable(?:d| device)"),
            ("critical", "disk:read_only", "emounting filesystem", r"emounting filesystem read-only"),
            ("critical", "ext4:error", "EXT4-fs error", r"EXT4-fs error \(device (?P<slot>[^)]+)\)"),
            (
                "critical",
                "xfs:error",
                "XFS (",
                r"XFS \((?P<slot>[^)]+)\): .*(?:orruption|shut(?:ting)? down|I/O error)",
            ),
            ("critical", "btrfs:error", "BTRFS ", r"BTRFS (?:error|critical) \(device (?P<slot>[^)]+)\)"),
            ("critical", "md:disk_failure", "Disk failure on", r"md/\S+: Disk failure on (?P<slot>[^,\s]+)"),
        ),
    ),
)
_GPUS: Final[tuple[_Group, ...]] = (
    (
        *("gpu", "gpu_unavailable", "hardware"),
        (
            (
                "critical",
                "nvrm:fallen_off_the_bus",
                "fallen off the",
                rf"NVRM: (?:GPU (?:at )?{_AT}:? (?:GPU )?has )?fallen off",
            ),
            ("critical", "nvrm:init_failed", "RmInitAdapter", rf"NVRM: GPU {_AT}: RmInitAdapter failed"),
            ("critical", "amdgpu:init_failed", "amdgpu", _AMD + "Fatal error during GPU init"),
            ("critical", "amdgpu:fatal", "amdgpu", _AMD + r"ERREVENT_ATHUB_INTERRUPT"),
            ("critical", "amdgpu:reset_failed", "amdgpu", _AMD + r"GPU reset(?:\(\d+\))? failed"),
        ),
    ),
    (
        *("gpu", "nvlink", "hardware"),
        (
            (
                "critical",
                "amdgpu:ras_ue",
                "amdgpu",
                _NEW_ERRORS + "uncorrectable hardware errors detected in xgmi",
            ),
            ("warning", "amdgpu:ras_ce", "amdgpu", _NEW_ERRORS + "correctable hardware errors detected in xgmi"),
        ),
    ),
    (
        *("gpu", "gpu_memory", "hardware"),
        (
            # "detected in total in … block" repeats what the line before said is new.
            (
                "critical",
                "amdgpu:ras_ue",
                "amdgpu",
                _NEW_ERRORS + r"uncorrectable hardware errors detected in \w+ block",
            ),
            ("warning", "amdgpu:ras_ce", "amdgpu", _NEW_ERRORS + r"correctable hardware errors detected in \w+ block"),
            (
                "warning",
                "amdgpu:ras_deferred",
                "amdgpu",
                _NEW_ERRORS + r"deferred hardware errors detected in \w+ block",
            ),
            ("critical", "amdgpu:poison", "amdgpu", _AMD + r"[Pp]oison is consumed"),
        ),
    ),
    (
        *("gpu", "gpu_driver", "system_software"),
        (
            ("critical", "amdgpu:reset", "amdgpu", _AMD + r"GPU reset begin"),
            ("warning", "amdgpu:ring_timeout", "amdgpu", rf"amdgpu(?: {_AT})?.*ring \S+ timeout, signaled"),
            ("critical", "nvrm:api_mismatch", "NVRM: API mismatch", r"NVRM: API mismatch"),
            ("warning", "peermem:invalid_context", "nvidia-peermem", r"nvidia-peermem .*detected invalid context"),
        ),
    ),
    (
        *("gpu", "cooling", "hardware"),
        (
            (
                "critical",
                "amdgpu:overheated",
                "amdgpu",
                _AMD + r"(?:over temperature range|Critical Temperature Fault)",
            ),
            ("warning", "amdgpu:throttled", "amdgpu", _AMD + r"GPU is throttled"),
        ),
    ),
    (
        *("gpu", "application", "user_program"),
        (("info", "amdgpu:page_fault", "amdgpu", _AMD + r"\[\S+\] (?:no-retry |retry )?page fault"),),
    ),
)
_KERNEL: Final[tuple[_Group, ...]] = (
    (
        *("software", "out_of_memory", "user_program"),
        (("info", "oom:cgroup_kill", "emory cgroup out of", r"emory cgroup out of memory: Kill(?:ed)? process"),),
    ),
    (
        *("software", "out_of_memory", "system_software"),
        (("warning", "oom:kill", "ut of memory", r"\bOut of memory(?: \([^)]*\))?: Kill(?:ed)? process"),),
    ),
    (
        *("software", "node_unresponsive", "system_software"),
        (
            ("warning", "kernel:soft_lockup", "soft lockup", r"soft lockup - (?P<slot>CPU#\d+) stuck"),
            ("critical", "kernel:hard_lockup", "hard LOCKUP", r"hard LOCKUP on (?P<slot>cpu \d+)"),
            ("warning", "kernel:rcu_stall", "stall", r"INFO: rcu\S* (?:self-detected stall|detected (?:\w+ )?stalls)"),
        ),
    ),
    (
        *("software", "system_services", "system_software"),
        (
            (
                "warning",
                "kernel:hung_task",
                "blocked for more than",
                r"INFO: task .* blocked for more than \d+ seconds",
            ),
            ("critical", "kernel:oops", " [#", r": (?:Oops: )?[0-9a-f]{4} \[#\d+\]"),
            ("critical", "kernel:panic", "Kernel panic", r"Kernel panic - not syncing"),
        ),
    ),
)

#: the first that matches a line decides
RULES: Final = tuple(
    Rule(needle, re.compile(pattern), code, component, symptom, domain, severity)
    for component, symptom, domain, rows in (*_NETWORK, *_MACHINE, *_DISKS, *_GPUS, *_KERNEL)
    for severity, code, needle, pattern in rows
)
