"""What can go wrong in a simulated cluster, how often, and how it is mended."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from synthetic_traces.spec.checks import check_not_negative, check_positive, check_shares

Effect = Literal["down", "drain", "slow", "corrupt", "none"]
DomainKind = Literal["rack", "pod", "cluster", "power", "cooling", "tor", "leaf", "agg", "spine", "core", "nvswitch"]

#: Xids whose lines the simulator can print
XIDS = (13, 31, 43, 48, 63, 64, 74, 79, 92, 94, 95, 119)
#: symptoms that it can print without an Xid: of faults that take a node out, and of events that harm nothing
CRITICAL_SYMPTOMS = ("ib_link", "pcie", "filesystem_mount", "main_memory", "disk", "power", "cooling", "cpu")
BENIGN_SYMPTOMS = ("main_memory", "pcie", "link_flap")


class Repair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a node comes back: log-normal times, some by itself, some by hand, some in vain.

    Parameters
    ----------
    median_hours, sigma
        Of a manual repair: median in hours from the detection, standard deviation of the logarithm.
    automatic_share
        Share of repairs that a robot does (a reset, a reboot, a re-image).
    automatic_median_hours, automatic_sigma
        Of those.
    useless_share
        Share of repairs that do not help: the same fault comes again.
    relapse_mean_hours
        Mean (exponential) time in service until it does.
    """

    median_hours: float = 6.0
    sigma: float = 0.9
    automatic_share: float = 0.0
    automatic_median_hours: float = 0.5
    automatic_sigma: float = 0.5
    useless_share: float = 0.0
    relapse_mean_hours: float = 12.0

    def __post_init__(self) -> None:
        """Refuse times and shares that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_positive(
            "repair",
            median_hours=self.median_hours,
            automatic_median_hours=self.automatic_median_hours,
            relapse_mean_hours=self.relapse_mean_hours,
        )
        check_not_negative("repair", sigma=self.sigma, automatic_sigma=self.automatic_sigma)
        check_shares("repair", automatic_share=self.automatic_share, useless_share=self.useless_share)


class Cascade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second symptom that follows a fault on the same part (PCIe → Xid 79).

    Parameters
    ----------
    symptom, xid
        What it shows; the Xid it prints, or None.
    probability
        That it follows.
    delay_seconds
        Mean (exponential) delay.
    """

    symptom: str
    probability: float
    xid: int | None = None
    delay_seconds: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn or printed.

        Raises
        ------
        ValueError
            Naming what is wrong.
        """
        check_shares("cascade", probability=self.probability)
        check_not_negative("cascade", delay_seconds=self.delay_seconds)
        if self.xid not in XIDS and (self.xid is not None or self.symptom not in CRITICAL_SYMPTOMS):
            raise ValueError(f"cascade to {self.symptom}: no line is known for it; give one of the Xids {XIDS}")


class FailureMode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way in which one kind of part goes wrong: a Poisson process that runs while the node is in service.

    Parameters
    ----------
    component
        Part that fails: gpu, nic, nvlink, pcie, dimm, disk, filesystem, psu, cpu, fan or node.
    symptom
        What an observer sees, from the closed symptom vocabulary (``gpu_memory``, ``ib_link``, …).
    per_1000_node_days
        Hazard of all parts of a node together, events per 1000 node-days in service; with a shape other than 1 the
        hazard at the age of ``reference_age_days``.
    slots
        Number of such parts per node.
    effect
        ``down``: the node leaves service at once and every attempt on it ends. ``drain``: it takes no new work and
        leaves service once it is idle. ``slow``: a straggler, what runs on it runs longer. ``corrupt``: silent data
        corruption, the work since then is lost once somebody notices. ``none``: a line in a log and nothing else.
    shape, reference_age_days
        Weibull shape of the hazard in the part's age in service: below 1 infant mortality, above 1 ageing. A replaced
        part begins anew.
    xids
        NVRM Xid codes it prints, one of them per event; empty if it prints none.
    permanent_share
        Share of events in which the part is replaced.
    silent
        No check can see it: only the scheduler notices that the node does not answer.
    checked_from_day
        Day of the log on which the health check for it was introduced; before, it goes unseen like a missed one.
    cascades
        What may follow on the same part.
    duration_median_hours, slowdown
        With ``slow``: log-normal length (sigma 1), and the share by which work takes longer. With ``corrupt``: the
        time until somebody notices.
    repair
        How the node is mended.
    """

    component: str
    symptom: str
    per_1000_node_days: float
    slots: int = 1
    effect: Effect = "down"
    shape: float = 1.0
    reference_age_days: float = 365.0
    xids: tuple[int, ...] = ()
    permanent_share: float = 0.0
    silent: bool = False
    checked_from_day: int = 0
    cascades: tuple[Cascade, ...] = ()
    duration_median_hours: float = 4.0
    slowdown: float = 0.3
    repair: Repair = Repair()

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated or printed.

        Raises
        ------
        ValueError
            Naming the mode and what is wrong.
        """
        named = f"failure mode {self.symptom} of {self.component}"
        if self.per_1000_node_days < 0 or self.slots < 1 or self.shape <= 0:
            raise ValueError(f"{named}: rate, slots or shape out of range")
        if self.silent and self.effect == "drain":
            raise ValueError(f"{named}: a node is drained for what a check has seen; it cannot be silent")
        check_shares(named, permanent_share=self.permanent_share)
        check_positive(
            named, reference_age_days=self.reference_age_days, duration_median_hours=self.duration_median_hours
        )
        check_not_negative(named, slowdown=self.slowdown)
        if any(xid not in XIDS for xid in self.xids):
            raise ValueError(f"{named}: unknown Xid; known: {', '.join(map(str, XIDS))}")
        seen = not self.silent and not self.xids and self.effect in {"down", "drain", "none"}
        known = BENIGN_SYMPTOMS if self.effect == "none" else CRITICAL_SYMPTOMS
        if seen and self.symptom not in known:
            raise ValueError(f"{named}: no line is known for it; give xids, make it silent, or name {', '.join(known)}")


class DomainFault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault that many nodes share: rack power, a switch, the cooling of a pod, a file system.

    Parameters
    ----------
    domain
        Kind of domain: ``rack``, ``pod``, ``power``, ``cooling``, ``cluster``, or a tier of the fabric (``tor``,
        ``leaf``, ``agg``, ``spine``, ``core``, ``nvswitch``).
    component, symptom
        What each of its nodes reports.
    per_1000_domain_days
        Rate of one such domain, whether its nodes are in service or not.
    affected_share
        Share of the domain's nodes that are hit, each by itself; at least one is.
    spread_seconds
        The nodes are hit within so many seconds of the first.
    false_alarm
        The nodes are flagged, and nothing is the matter with any of them.
    silent
        The nodes stop answering and print nothing.
    slowdown
        Of a switch whose loss takes no node down (dual ToR, spine): share by which work takes longer meanwhile.
    repair
        One repair for all of them.
    """

    domain: DomainKind
    component: str
    symptom: str
    per_1000_domain_days: float
    affected_share: float = 1.0
    spread_seconds: float = 60.0
    false_alarm: bool = False
    silent: bool = False
    slowdown: float = 0.0625
    repair: Repair = Repair(median_hours=2.0, sigma=0.6)

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated or printed.

        Raises
        ------
        ValueError
            Naming the fault and what is wrong.
        """
        if self.per_1000_domain_days < 0 or not 0 < self.affected_share <= 1 or self.spread_seconds < 0:
            raise ValueError(f"domain fault of {self.domain}: rate, affected_share or spread_seconds out of range")
        if self.silent and self.false_alarm:
            raise ValueError(f"domain fault of {self.domain}: a false alarm cannot be silent")
        check_not_negative(f"domain fault of {self.domain}", slowdown=self.slowdown)
        if not self.silent and self.symptom not in CRITICAL_SYMPTOMS:
            raise ValueError(
                f"domain fault of {self.domain}: no line is known for {self.symptom}; "
                f"make it silent, or name {', '.join(CRITICAL_SYMPTOMS)}"
            )


class Lemons(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A few nodes that fail again and again, each for one root cause.

    Parameters
    ----------
    share
        Share of the nodes; rounded, drawn without replacement.
    per_1000_node_days
        Hazard of the root cause on such a node, on top of the fleet's: the median over the lemons.
    spread
        Lemons differ: each one's hazard is multiplied by a factor between 1 / spread and spread, log-uniform.
    symptoms, weights
        Root causes and their relative frequencies.
    from_share
        Share of lemons that are so from the beginning; the others turn bad at a moment uniform in the log.
    cured_share
        Share of the root cause's repairs, among those that help, that find it: the node is a lemon no longer.
    """

    share: float
    per_1000_node_days: float
    symptoms: tuple[str, ...]
    weights: tuple[float, ...]
    spread: float = 1.0
    from_share: float = 0.5
    cured_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_shares("lemons", share=self.share, from_share=self.from_share, cured_share=self.cured_share)
        check_not_negative("lemons", per_1000_node_days=self.per_1000_node_days)
        if not self.spread >= 1 or not math.isfinite(self.spread):
            raise ValueError(f"lemons.spread must be at least 1, not {self.spread}")
        if not self.symptoms or len(self.weights) != len(self.symptoms) or not min(self.weights) > 0:
            raise ValueError("lemons.symptoms must name at least one root cause, and lemons.weights weigh each above 0")


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nodes bought together whose parts are worse (or better) than the others'.

    Parameters
    ----------
    name
        Of the batch.
    share
        Of the nodes, whole racks from the first rack on.
    symptom, factor
        The hazard of this symptom is multiplied on its nodes.
    """

    name: str
    share: float
    symptom: str
    factor: float


class Firmware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version that is rolled out node by node and changes one hazard.

    Parameters
    ----------
    version
        As the driver prints it at boot.
    symptom, factor
        The hazard of this symptom is multiplied once a node runs it.
    from_day, rollout_days
        The nodes take it, in random order, evenly over these days.
    """

    version: str
    symptom: str
    factor: float
    from_day: float
    rollout_days: float


class Regression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hazard that is multiplied on all nodes between two dates (a bad driver, a heat wave).

    Parameters
    ----------
    symptom, factor
        Which, and by how much.
    from_day, to_day
        Days of the log.
    """

    symptom: str
    factor: float
    from_day: float
    to_day: float
