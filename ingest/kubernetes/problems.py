"""What reasons of Kubernetes events and node conditions say about failures: one table.

Reasons of kubelet and controllers as in ``pkg/kubelet/events/event.go`` and ``pkg/controller/nodelifecycle`` of
kubernetes/kubernetes; of node-problem-detector as in its ``config/`` (kernel, readonly, systemd, health
checker, docker, network); of the clouds' detectors as in *Node Problem Detector in AKS nodes* (GPUMissing,
NVLinkStatusInactive, XIDErrors, IBLinkFlapping, …) and *Amazon EKS: node health issues* (NvidiaXID79Error,
AcceleratedHardwareReady, …).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.taxonomy.kernel_lines import find
from ingest.taxonomy.reasons import read_reason
from ingest.taxonomy.xid import xid_verdict


@dataclass(frozen=True, slots=True)
class Problem:
    """What an event or condition says, in the words of the ``events`` table."""

    code: str
    component: str
    symptom: str
    domain: str
    severity: str
    slot: str | None = None


_Verdict = tuple[str, str, str, str]
_OUT_OF_MEMORY: Final[_Verdict] = ("software", "out_of_memory", "user_program", "info")
_SERVICE: Final[_Verdict] = ("software", "system_services", "system_software", "warning")
_SERVICE_DOWN: Final[_Verdict] = ("software", "system_services", "system_software", "critical")
_DISK_FULL: Final[_Verdict] = ("disk", "disk", "system_software", "warning")
_DISK_BROKEN: Final[_Verdict] = ("disk", "disk", "hardware", "critical")
_MOUNT: Final[_Verdict] = ("filesystem", "filesystem_mount", "system_software", "warning")
_UNRESPONSIVE: Final[_Verdict] = ("node", "node_unresponsive", "other", "critical")
_GPU_DRIVER: Final[_Verdict] = ("gpu", "gpu_driver", "system_software", "critical")

#: reason → verdict
_REASONS: Final[dict[str, _Verdict]] = {
    "NodeNotReady": _UNRESPONSIVE,
    "NodeStatusUnknown": _UNRESPONSIVE,
    "Rebooted": _UNRESPONSIVE,
    "NodeShutdown": _UNRESPONSIVE,
    "SystemOOM": ("node", "out_of_memory", "user_program", "warning"),
    "OOMKilling": _OUT_OF_MEMORY,
    "EvictionThresholdMet": ("node", "out_of_memory", "user_program", "warning"),
    "NodeHasInsufficientMemory": ("node", "out_of_memory", "user_program", "warning"),
    "MemoryPressure": ("node", "out_of_memory", "user_program", "warning"),
    "KubeletHasInsufficientMemory": ("node", "out_of_memory", "user_program", "warning"),
    "Evicted": _OUT_OF_MEMORY,
    "NodeHasDiskPressure": _DISK_FULL,
    "DiskPressure": _DISK_FULL,
    "FreeDiskSpaceFailed": _DISK_FULL,
    "ImageGCFailed": _DISK_FULL,
    "NodeHasInsufficientPID": _SERVICE,
    "PIDPressure": _SERVICE,
    "NetworkUnavailable": _SERVICE,
    "NetworkNotReady": _SERVICE,
    "ContainerGCFailed": _SERVICE,
    "KubeletSetupFailed": _SERVICE,
    "FailedCreatePodSandBox": _SERVICE,
    "FailedMount": _MOUNT,
    "FailedAttachVolume": _MOUNT,
    "FailedMapVolume": _MOUNT,
    "TaskHung": _SERVICE,
    "UnregisterNetDevice": _SERVICE,
    "KernelOops": _SERVICE,
    "DockerHung": _SERVICE_DOWN,
    "KernelDeadlock": _SERVICE_DOWN,
    "KubeletUnhealthy": _SERVICE_DOWN,
    "DockerUnhealthy": _SERVICE_DOWN,
    "ContainerdUnhealthy": _SERVICE_DOWN,
    "KubeletProblem": _SERVICE_DOWN,
    "KubeletIsDown": _SERVICE_DOWN,
    "ContainerRuntimeProblem": _SERVICE_DOWN,
    "ContainerRuntimeIsDown": _SERVICE_DOWN,
    "FrequentKubeletRestart": _SERVICE,
    "FrequentDockerRestart": _SERVICE,
    "FrequentContainerdRestart": _SERVICE,
    "FrequentUnregisterNetDevice": _SERVICE,
    "NTPProblem": _SERVICE,
    "NTPIsDown": _SERVICE,
    "ConntrackFull": _SERVICE,
    "Ext4Error": ("disk", "disk", "hardware", "warning"),
    "Ext4Warning": ("disk", "disk", "hardware", "info"),
    "IOError": _DISK_BROKEN,
    "FilesystemIsReadOnly": _DISK_BROKEN,
    "ReadonlyFilesystem": _DISK_BROKEN,
    "XfsHasShutdown": _DISK_BROKEN,
    "XfsShutdown": _DISK_BROKEN,
    "FilesystemCorruptionProblem": _DISK_BROKEN,
    "FilesystemCorruptionDetected": _DISK_BROKEN,
    "MemoryReadError": ("dimm", "main_memory", "hardware", "warning"),
    "GPUMissing": ("gpu", "gpu_unavailable", "hardware", "critical"),
    "NVLinkStatusInactive": ("gpu", "nvlink", "hardware", "critical"),
    "NvidiaNVLinkError": ("gpu", "nvlink", "hardware", "critical"),
    "NvidiaDoubleBitError": ("gpu", "gpu_memory", "hardware", "critical"),
    "NvidiaPageRetirement": ("gpu", "gpu_memory", "hardware", "warning"),
    "NvidiaDCGMError": ("gpu", "gpu_driver", "system_software", "warning"),
    "IBLinkFlapping": ("nic", "ib_link", "hardware", "warning"),
    "UnhealthyNvidiaDevicePlugin": _GPU_DRIVER,
    "UnhealthyNvidiaDCGMServices": ("gpu", "gpu_driver", "system_software", "warning"),
    "KubeletNotReady": _SERVICE_DOWN,
}
#: reasons of warnings about a node that say nothing of failures
_HARMLESS: Final = frozenset(
    {
        "InvalidDiskCapacity",
        "CheckLimitsForResolvConf",
        "MissingClusterDNS",
        "CIDRNotAvailable",
        "CIDRAssignmentFailed",
        "OwnerRefInvalidNamespace",
        "NodeNotSchedulable",
        "HostNetworkNotSupported",
        "PossibleMemoryBackedVolumesOnDisk",
        "CgroupV1",
    }
)
_XID_REASON: Final = re.compile(r"xid", re.IGNORECASE)
_XID: Final = re.compile(r"xid(?:s|errors?)?[^0-9\n]{0,40}?(\d{1,4})\b", re.IGNORECASE)
_EKS_XID: Final = re.compile(r"NvidiaXID(\d{1,4})(?:Error|Warning)", re.IGNORECASE)
_NO_DEVICE: Final = re.compile(r"(nvidia|amd)\.com/gpu")
#: a volume that the user named wrongly is no failure of the storage
_USERS_VOLUME: Final = re.compile(
    r'(secrets?|configmaps?) "[^"]*" not found|not registered|references non-existent', re.IGNORECASE
)
_DISK_WORDS: Final = re.compile(r"ephemeral-storage|inodes|disk|imagefs|nodefs", re.IGNORECASE)


def problem_of(reason: str, message: str, *, node_warning: bool) -> Problem | None:
    """Tell what a reason and its message say about failures, if anything.

    Parameters
    ----------
    reason
        Reason of an event, or type of a condition.
    message
        Its text.
    node_warning
        Whether it is a warning about the node itself: then a reason that no rule knows is a problem, too.

    Examples
    --------
    >>> found = problem_of("XIDErrors", "Xid (PCI:0000:9b:00): 79, GPU has fallen off the bus", node_warning=True)
    >>> found.code, found.symptom, found.severity
    ('xid:79', 'gpu_unavailable', 'critical')
    >>> problem_of("Pulled", "Container image already present", node_warning=False)
    """
    xid = _xid(reason, message)
    if xid is not None:
        return xid
    verdict = _verdict(reason, message)
    if verdict is not None:
        return Problem(f"k8s:{reason}", *verdict)
    if not node_warning or reason in _HARMLESS:
        return None
    found = find(message)
    if found is not None:
        return Problem(found.code, found.component, found.symptom, found.domain, found.severity, found.slot)
    read = read_reason(f"{_spaced(reason)} {message}")
    if read.symptom is not None:
        return Problem(f"k8s:{reason}", read.component or "other", read.symptom, read.domain or "other", "warning")
    return Problem(f"k8s:{reason}", "node", "other", "other", "warning")


def _xid(reason: str, message: str) -> Problem | None:
    named = _EKS_XID.fullmatch(reason)
    if named is None and not _XID_REASON.search(reason) and "Xid" not in message:
        return None
    finding = find(message)
    if finding is not None and finding.code.startswith("xid:"):
        return Problem(finding.code, "gpu", finding.symptom, finding.domain, finding.severity, finding.slot)
    # "Xid (PCI:0000:9b:00): 79": the address has digits, too, so it is taken out first.
    match = named or _XID.search(
        re.sub(r"\(?(PCI:)?[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}[^)\s]{0,3}\)?", "", message)
    )
    if match is None:
        if not _XID_REASON.search(reason):
            return None
        return Problem(f"k8s:{reason}", "gpu", "gpu_driver", "system_software", "warning")
    verdict = xid_verdict(int(match[1]))
    return Problem(f"xid:{int(match[1])}", "gpu", verdict.symptom, verdict.domain, verdict.severity)


def _verdict(reason: str, message: str) -> _Verdict | None:
    if reason == "UnexpectedAdmissionError":
        return ("gpu", "gpu_unavailable", "hardware", "warning") if _NO_DEVICE.search(message) else None
    if reason in {"Evicted", "EvictionThresholdMet"} and _DISK_WORDS.search(message):
        return ("disk", "disk", "user_program", "info" if reason == "Evicted" else "warning")
    verdict = _REASONS.get(reason)
    if verdict is _MOUNT and _USERS_VOLUME.search(message):
        return ("software", "application", "user_program", "info")
    return verdict


def _spaced(reason: str) -> str:
    """Return a reason in words, so that the rules for free text can read it.

    >>> _spaced("GPUUnhealthy"), _spaced("GcmDcgmiDiagProblem")
    ('GPU Unhealthy', 'Gcm Dcgmi Diag Problem')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", reason)
