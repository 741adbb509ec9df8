"""Where to put a job in a fabric, how many spares its segments need, and how placed jobs failed so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.availability.component_rates import ComponentRates
from models.availability.published import RSC_1_FAILURES_PER_1000_NODE_DAYS, published_rates
from models.placement.advice import Advice, Placement, advise
from models.placement.leaning import leaning
from models.placement.segments import Segment, segments
from models.placement.spares import HostRate, SegmentSpares, segment_spares
from models.topology.fabric import Fabric
from reliability.analyses.answer import Answer
from reliability.analyses.placement_spread import PlacementSpread
from reliability.analyses.plan import SEED, FailureRate
from reliability.analyses.plan_fabric_rates import tiers_without_rate
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEFINITION: Final = (
    "Compact: the hosts on which the job leans on the fewest parts that take it down, weighted by their failures and "
    "by the hours a stop costs; for a job that needs all its hosts. Spread: the smallest part of the job on one set "
    "of switches; for replicas of which some may be lost. Random: drawn from the free hosts, the mean, and the middle"
    " 90% of the lost hours. Lost hours: of the job, to shared parts, by stopping and by slowing; what a host does by"
    " itself is the same everywhere. Spares: hosts beyond those wanted, switched on, so that at least the wanted "
    "number works (k of n, binomial), times the segment's own availability; on the shelf: spares that fail only in "
    "use."
)
#: HPN's own answer: hosts of a segment, and spares beside them (Qian et al., SIGCOMM 2024)
HPN_SPARES: Final = (128, 8)
#: what a stop costs where nobody says otherwise: half an hourly checkpoint interval and a restart of five minutes
LOST_HOURS: Final = 0.5 + 5 / 60
TARGET: Final = 0.999


@dataclass(frozen=True, slots=True)
class SegmentAnswer:
    """The spares of the segments of one size, and what takes such a segment down."""

    segments: int
    hosts: int
    outages_per_day: float
    outage_hours: float
    fatal: dict[str, int]
    spares: SegmentSpares

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        found = self.spares
        return {
            "segments": self.segments,
            "hosts": self.hosts,
            "target_availability": found.target,
            "spares_enough": found.enough,
            "spares_enough_at_lower_limit": found.surely_enough,
            "availability_ceiling": found.ceiling,
            "segment_outages_per_year": self.outages_per_day * 365.25,
            "segment_outage_hours": self.outage_hours,
            "fatal_switches": self.fatal,
            "hosts_down_mean": found.hosts_down,
            "levels": self.rows(),
            "warnings": list(found.warnings),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per number of spares."""
        return [
            {
                "spares": level.spares,
                "availability": level.availability,
                "availability_low": level.low,
                "availability_high": level.high,
                "availability_on_the_shelf": level.on_the_shelf,
            }
            for level in self.spares.levels
        ]


@dataclass(frozen=True, slots=True, eq=False)
class PlacementAdvice(Answer):
    """Placements of a job side by side, spares of its segments, and what the log says; each None where not asked."""

    fabric: Fabric | None
    gpus: int | None
    advice: Advice | None
    segment: SegmentAnswer | None
    rate: FailureRate | None
    spread: PlacementSpread | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per placement; without a job, one per number of spares, or per group of past jobs."""
        if self.advice is not None:
            return [self._row(self.advice.compact), self._row(self.advice.spread), self._random(self.advice)]
        if self.segment is not None:
            return self.segment.rows()
        return [] if self.spread is None else self.spread.rows()

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        fabric, advice = self.fabric, self.advice
        return {
            "fabric": None if fabric is None else fabric.kind,
            "fabric_gpus": None if fabric is None else fabric.hosts * fabric.gpus_per_host,
            "gpus": self.gpus,
            "hosts": None if advice is None else int(advice.compact.hosts.size),
            "placements": [] if advice is None else self.rows(),
            "compact_is_exact": None if advice is None else advice.is_exact,
            "saved_hours_per_day": None if advice is None else advice.saved_hours_per_day,
            "saved_gpu_hours_per_30_days": None
            if advice is None or self.gpus is None
            else advice.saved_hours_per_day * self.gpus * 30,
            "hosts_compact": [] if advice is None else self.names(advice.compact),
            "hosts_spread": [] if advice is None else self.names(advice.spread),
            "failures_per_1000_node_days": None if self.rate is None else self.rate.per_1000_node_days,
            "rate_source": None if self.rate is None else self.rate.source,
            "spares": None if self.segment is None else self.segment.document(),
            "measured": None if self.spread is None else self.spread.document(),
            "definition": _DEFINITION,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the availability over the number of spares, or the rates of past jobs."""
        from reliability.figures.placement import placement_figure  # noqa: PLC0415 - figures read what they draw

        return placement_figure(self)

    def names(self, found: Placement) -> list[str]:
        """Return the hosts of a placement by name, or by number in a fabric that was planned."""
        named = () if self.fabric is None else self.fabric.host_names
        return [named[host] if named else f"host{host}" for host in found.hosts.tolist()]

    @staticmethod
    def _row(found: Placement) -> dict[str, Any]:
        return {
            "placement": found.name,
            "switches": sum(found.switches.values()),
            "switches_by_tier": dict(found.switches),
            "fatal_per_year": found.fatal_per_day * 365.25,
            "lost_hours_per_year": found.lost_hours_per_day * 365.25,
            "lost_hours_per_year_low": None,
            "lost_hours_per_year_high": None,
            "largest_share_at_once": found.largest_share,
            "hosts_lost_per_year": found.hosts_lost_per_day * 365.25,
        }

    @classmethod
    def _random(cls, advice: Advice) -> dict[str, Any]:
        drawn = advice.random
        lost = np.array([one.lost_hours_per_day for one in drawn]) * 365.25
        tiers = dict.fromkeys(tier for one in drawn for tier in one.switches)

        def mean(values: list[float]) -> float:
            return float(np.mean(values))

        return {
            "placement": "random",
            "switches": mean([sum(one.switches.values()) for one in drawn]),
            "switches_by_tier": {tier: mean([one.switches.get(tier, 0) for one in drawn]) for tier in tiers},
            "fatal_per_year": mean([one.fatal_per_day for one in drawn]) * 365.25,
            "lost_hours_per_year": float(lost.mean()),
            "lost_hours_per_year_low": float(np.quantile(lost, 0.05)),
            "lost_hours_per_year_high": float(np.quantile(lost, 0.95)),
            "largest_share_at_once": mean([one.largest_share for one in drawn]),
            "hosts_lost_per_year": mean([one.hosts_lost_per_day for one in drawn]) * 365.25,
        }


def placement_advice(
    fabric: Fabric | None,
    *,
    gpus: int | None = None,
    free: Sequence[str] | None = None,
    rate: FailureRate | None = None,
    lost_hours_per_failure: float = LOST_HOURS,
    repair_hours: float = 24.0,
    target_availability: float = TARGET,
    spread: PlacementSpread | None = None,
    confidence: float = 0.9,
    seed: int = SEED,
) -> PlacementAdvice:
    """Say where to put a job in a fabric, and how many spares its segments need.

    Parameters
    ----------
    fabric
        Planned or real; None for what the log says alone.
    gpus
        Of the job; None for no job.
    free
        Hosts to choose from, by name, or ``host7`` in a planned fabric; all by default.
    rate
        Failures of hosts, for the spares; Kokolis et al.'s r_f of RSC-1 by default.
    lost_hours_per_failure
        What a stop costs the job.
    repair_hours
        How long a failed host is gone.
    target_availability
        Share of time in which a segment is to have all hosts wanted.
    spread
        What the log says, from `reliability.analyses.placement_spread.placement_spread`.
    confidence
        Of the intervals.
    seed
        Of the random placements and of the draws.

    Raises
    ------
    BadOptionError
        A size or a host cannot be.
    models.errors.ModelError
        The job does not fit, or a number cannot be.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> found = placement_advice(hpn(hosts=512, gpus_per_host=8, single_tor=True), gpus=1024)
    >>> [(row["placement"], round(row["fatal_per_year"], 3)) for row in found.rows()]
    [('compact', 0.049), ('spread', 0.196), ('random', 0.196)]
    """
    if fabric is None:
        return PlacementAdvice(None, gpus, None, None, None, spread, (), () if spread is None else spread.warnings)
    rng = np.random.default_rng(seed)
    lean, rates = leaning(fabric), published_rates(fabric.kind)
    advice = None
    warnings = [] if spread is None else list(spread.warnings)
    warnings += _left_out(fabric, rates)
    if gpus is not None:
        if gpus <= 0:
            raise BadOptionError("--gpus", gpus, "a positive number")
        hosts = math.ceil(gpus / fabric.gpus_per_host)
        advice = advise(lean, hosts, rates, lost_hours_per_failure, rng, free=_numbers(fabric, free))
        if not advice.is_exact:
            warnings.append(
                "switches overlap without one holding the hosts of the other: the compact placement was searched for "
                "step by step and may not be the best"
            )
        if advice.compact.fatal_per_day == 0:
            warnings.append("no switch that hosts share takes a job down: placement decides only what slows it")
    notes = []
    if rate is None:
        rate = FailureRate(RSC_1_FAILURES_PER_1000_NODE_DAYS)
        notes.append(
            "failure rate of hosts: r_f of RSC-1 (Kokolis et al., HPCA 2025), since none was given or measured"
        )
    found = segments(lean)
    segment = None
    if found:
        segment = _segment(found, rates, rate, repair_hours, target_availability, confidence, rng)
        warnings += segment.spares.warnings
        notes.append(f"HPN keeps {HPN_SPARES[1]} spare hosts beside {HPN_SPARES[0]} (Qian et al., SIGCOMM 2024).")
    else:
        warnings.append("no two hosts are plugged into the same switches: there are no segments to keep spares in")
    return PlacementAdvice(fabric, gpus, advice, segment, rate, spread, tuple(notes), tuple(warnings))


def _typical(found: tuple[Segment, ...]) -> Segment:
    """Return a segment of the commonest size, the largest of equals."""
    sizes = [segment.hosts.size for segment in found]
    commonest = max(set(sizes), key=lambda size: (sizes.count(size), size))
    return next(segment for segment in found if segment.hosts.size == commonest)


def _segment(
    found: tuple[Segment, ...],
    rates: ComponentRates,
    rate: FailureRate,
    repair_hours: float,
    target: float,
    confidence: float,
    rng: np.random.Generator,
) -> SegmentAnswer:
    typical = _typical(found)
    per_day, hours = typical.outages(rates)
    return SegmentAnswer(
        segments=sum(segment.hosts.size == typical.hosts.size for segment in found),
        hosts=int(typical.hosts.size),
        outages_per_day=per_day,
        outage_hours=hours,
        fatal=dict(typical.fatal),
        spares=segment_spares(
            int(typical.hosts.size),
            HostRate(rate.per_1000_node_days / 1000, rate.failures, rate.exposure_node_days),
            repair_hours,
            target,
            rng,
            shared_failures_per_day=per_day,
            shared_repair_hours=hours,
            confidence=confidence,
        ),
    )


def _left_out(fabric: Fabric, rates: ComponentRates) -> list[str]:
    """Return sentences on what the advice does not see."""
    warnings = [
        f"no failure rate is known of {tier}: it costs nothing here" for tier in tiers_without_rate(fabric, rates)
    ]
    if fabric.peer_links or fabric.circuits:
        warnings.append(
            "a job needs neighbours here, a box of hosts or whole rings: the advice counts shared switches alone"
        )
    return warnings


def _numbers(fabric: Fabric, free: Sequence[str] | None) -> list[int] | None:
    if free is None:
        return None
    known = {name: number for number, name in enumerate(fabric.host_names)}
    if not known:
        known = {f"host{number}": number for number in range(fabric.hosts)}
    for name in free:
        if name not in known:
            raise BadOptionError("--free", name, f"hosts of the fabric, such as {', '.join(list(known)[:3])}")
    return [known[name] for name in free]
