"""Component failure rates that papers state, each with its source and how far it may be relied on.

What nobody publishes is left out or marked as an assumption: failures of aggregation and core switches, of links
between switches (taken as those of HPN's ToRs and NIC–ToR links), of NVSwitches (counted among the GPU faults of
Llama 3), and nearly all repair times.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final, get_args

from models.availability.component_rates import ComponentRate, ComponentRates, Trust
from models.topology.errors import UnknownFabricKindError
from models.topology.fabric import FabricKind

#: a month of 365.25 / 12 days
HOURS_PER_MONTH: Final = 730.5
#: Qian et al., SIGCOMM 2024: links and ToRs that fail in a month, as shares
HPN_LINK_SHARE_PER_MONTH: Final = 0.00057
HPN_TOR_SHARE_PER_MONTH: Final = 0.00051
#: Kokolis et al., HPCA 2025: failures of a node per 1000 node-days of jobs above 128 GPUs
RSC_1_FAILURES_PER_1000_NODE_DAYS: Final = 6.50

#: Llama 3 (arXiv 2407.21783, table 5): interruptions in 54 days of 16,384 GPUs on 2,048 hosts
LLAMA_3_DAYS: Final = 54
LLAMA_3_GPUS: Final = 16_384
LLAMA_3_HOSTS: Final = 2_048
LLAMA_3_GPU_FAULTS: Final = {
    "faulty GPU": 148,
    "GPU HBM3 memory": 72,
    "GPU SRAM memory": 19,
    "GPU system processor": 17,
    "silent data corruption": 6,
    "GPU thermal interface and sensor": 6,
}
LLAMA_3_HOST_FAULTS: Final = {
    "unplanned host maintenance": 32,
    "SSD": 3,
    "power supply": 3,
    "server chassis": 2,
    "IO expansion board": 2,
    "CPU": 2,
    "system memory": 2,
}
LLAMA_3_NIC_FAULTS: Final = 7

#: Schroeder and Gibson (DSN 2006), mean repair at LANL, minutes; known from summaries
LANL_HARDWARE_REPAIR_MINUTES: Final = 342.0
LANL_NETWORK_REPAIR_MINUTES: Final = 247.0
#: TPU v4 (NSDI 2024): shares that fail in a day; known from summaries
TPU_V4_OCS_SHARE_PER_DAY: Final = 0.0004
TPU_V4_CABLE_SHARE_PER_DAY: Final = 0.00005

_NETWORK_REPAIR: Final = (
    "repair time: mean of network outages at LANL, 247 minutes (Schroeder and Gibson, DSN 2006, from a summary)"
)
_HARDWARE_REPAIR: Final = (
    "repair time: mean of hardware outages at LANL, 342 minutes (Schroeder and Gibson, DSN 2006, from a summary)"
)
_HPN: Final = "Qian et al. (HPN, SIGCOMM 2024)"
_LLAMA: Final = "Llama 3 (arXiv 2407.21783, table 5)"
_TPU: Final = "TPU v4 (NSDI 2024), from a summary"
_CIRCUIT_CABLES: Final = ("ocs-link", "mesh-link")
_SWITCH_AS_TOR: Final = f"no rate of this tier is published: taken as a ToR's, {_HPN}"

_PACKET_TIERS: Final = ("router", "tor", "leaf", "agg", "spine", "core")
#: circuits instead of packets: chips forward for each other, and a host has no adapters
_CIRCUIT_KINDS: Final = ("railx", "torus")


def published_rates(kind: str) -> ComponentRates:
    """Return the published rates of the component classes of a fabric.

    Parameters
    ----------
    kind : str
        Kind of the fabric, as in `models.topology`.

    Returns
    -------
    ComponentRates
        ``gpu``, ``nic`` and ``host`` from the counts of Llama 3; ``nic-link`` and ``tor`` from HPN; other switches and
        links between switches (``tor-agg-link``, …) as HPN's, an assumption; circuit switches (``ocs``) and their
        cables (``ocs-link``, ``mesh-link``) from TPU v4. NVSwitches have none of their own.

    Raises
    ------
    UnknownFabricKindError
        There is no such kind.

    Notes
    -----
    Qian et al. (SIGCOMM 2024), section 2; Llama 3 (arXiv 2407.21783), table 5; Zu et al. (TPU v4, NSDI 2024).
    A job's interruptions count what ended the job: a fault that no job noticed is in none of these rates.

    Examples
    --------
    >>> rates = published_rates("hpn")
    >>> pod = {"nic-link": 30_720, "tor": 240}
    >>> {name: round(count, 2) for name, count in rates.expected_failures(pod, HOURS_PER_MONTH).items()}
    {'nic-link': 17.51, 'tor': 0.12}
    """
    if kind not in get_args(FabricKind):
        raise UnknownFabricKindError(kind, get_args(FabricKind))
    if kind in _CIRCUIT_KINDS:
        return ComponentRates((*_host_rates(adapters=False), _circuit_switch(), *map(_circuit_cable, _CIRCUIT_CABLES)))
    return ComponentRates((*_host_rates(adapters=True), _nic_link(), *map(_switch, _PACKET_TIERS), *_trunks()))


def _host_rates(*, adapters: bool) -> tuple[ComponentRate, ...]:
    hours = 24.0 * LLAMA_3_DAYS
    gpu = _counted(
        "gpu", sum(LLAMA_3_GPU_FAULTS.values()), LLAMA_3_GPUS * hours, "GPU faults in 54 days of 16,384 GPUs"
    )
    nic = _counted("nic", LLAMA_3_NIC_FAULTS, LLAMA_3_GPUS * hours, "NIC faults in 54 days, one NIC per GPU assumed")
    host = _counted(
        "host",
        sum(LLAMA_3_HOST_FAULTS.values()),
        LLAMA_3_HOSTS * hours,
        "host faults and unplanned maintenance in 54 days of 2,048 hosts of 8 GPUs",
    )
    return (gpu, nic, host) if adapters else (gpu, host)


def _counted(component: str, failures: int, exposure_hours: float, what: str) -> ComponentRate:
    return ComponentRate(
        component,
        failures / exposure_hours,
        LANL_HARDWARE_REPAIR_MINUTES / 60.0,
        f"{failures} {what}, {_LLAMA}; {_HARDWARE_REPAIR}",
        "computed",
        failures,
        exposure_hours,
    )


def _nic_link() -> ComponentRate:
    return _network(
        "nic-link", _monthly(HPN_LINK_SHARE_PER_MONTH), f"0.057% of NIC–ToR links a month, {_HPN}", "primary"
    )


def _trunks() -> tuple[ComponentRate, ...]:
    source = f"no rate of links between switches is published: taken as a NIC–ToR link's, {_HPN}"
    pairs = [f"{low}-{high}-link" for low, high in combinations(_PACKET_TIERS[1:], 2)]
    names = (*pairs, "local-link", "global-link")
    return tuple(_network(name, _monthly(HPN_LINK_SHARE_PER_MONTH), source, "assumption") for name in names)


def _switch(tier: str) -> ComponentRate:
    if tier == "tor":
        source = f"0.051% of ToRs crash (a month, by context), {_HPN}"
        return _network(tier, _monthly(HPN_TOR_SHARE_PER_MONTH), source, "primary")
    return _network(tier, _monthly(HPN_TOR_SHARE_PER_MONTH), _SWITCH_AS_TOR, "assumption")


def _circuit_switch() -> ComponentRate:
    return _network("ocs", TPU_V4_OCS_SHARE_PER_DAY / 24.0, f"0.04% of circuit switches a day, {_TPU}", "summary")


def _circuit_cable(name: str) -> ComponentRate:
    return _network(name, TPU_V4_CABLE_SHARE_PER_DAY / 24.0, f"0.005% of chip cables a day, {_TPU}", "summary")


def _network(component: str, failures_per_hour: float, source: str, trust: Trust) -> ComponentRate:
    return ComponentRate(
        component, failures_per_hour, LANL_NETWORK_REPAIR_MINUTES / 60.0, f"{source}; {_NETWORK_REPAIR}", trust
    )


def _monthly(share: float) -> float:
    return share / HOURS_PER_MONTH
