"""The levers that a plan can be asked for: those that make another plan, and two that have an ETTR of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from models.errors import CheckpointWriteMissingError
from models.goodput.checkpoint_optimum import at_best_interval
from models.goodput.elastic import Elastic, elastic_ettr
from models.goodput.levers import LEVERS, Lever
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.goodput.two_level import TwoLevel, best_two_level, two_level_ettr
from models.guards import checked_count
from reliability.errors import BadOptionError

#: the highest ETTR over the checkpoint interval, and the interval that has it, in seconds
Best = tuple[float, float]


@dataclass(frozen=True, slots=True)
class OwnLever:
    """A lever that no plan describes: it has an ETTR of its own, of a long run, and no lever can follow it.

    `values` and the texts are as those of `models.goodput.levers.Lever`; values in `optional` may be left out.
    """

    name: str
    meaning: str
    values: Mapping[str, str]
    optional: frozenset[str]
    assumption: str
    source: str
    ettr: Callable[..., float]
    best: Callable[..., Best | None]


def _two_level(plan: RunPlan, copies: float, **values: float) -> TwoLevel:
    return TwoLevel(plan, copies=checked_count("copies", copies), **values)


def _two_level_ettr(plan: RunPlan, **values: float) -> float:
    return two_level_ettr(_two_level(plan, **values))


def _two_level_best(plan: RunPlan, **values: float) -> Best | None:
    if not plan.failures_per_second or not values["memory_write_seconds"]:
        return None
    best = best_two_level(_two_level(plan, **values))
    return two_level_ettr(best), best.plan.checkpoint_interval_seconds


def _elastic_ettr(plan: RunPlan, replica_nodes: float, least_replicas: float = 1, **values: float) -> float:
    nodes, least = checked_count("replica_nodes", replica_nodes), checked_count("least_replicas", least_replicas)
    return elastic_ettr(Elastic(plan, replica_nodes=nodes, least_replicas=least, **values))


def _elastic_best(_plan: RunPlan, **_values: float) -> None:
    """Return no interval: nobody falls back to a checkpoint."""


_OWN: Final = (
    OwnLever(
        name="two_level",
        meaning="fast checkpoints in memory in front of the plan's own, which become the remote ones",
        values=MappingProxyType(
            {
                "copies": "memory checkpoints per remote one",
                "memory_write_seconds": "from the begin of a memory checkpoint until a restart can use it",
                "memory_restart_seconds": "initialisation after a failure that memory survived",
                "memory_lost_share": "chance that a failure takes the memory level with it",
                "memory_stall_seconds": "how long a memory checkpoint stops training; all of its write if left out",
            }
        ),
        optional=frozenset({"memory_stall_seconds"}),
        assumption="memory survives a failure with one chance, on its own each time, and the allocation is kept then; "
        "a long run",
        source="Di et al. (IPDPS 2014); Gemini (SOSP 2023); SCR (SC 2010); the solution is our own",
        ettr=_two_level_ettr,
        best=_two_level_best,
    ),
    OwnLever(
        name="elastic",
        meaning="elastic data parallelism: the run goes on without the replica that failed, slower, until it is back",
        values=MappingProxyType(
            {
                "replica_nodes": "nodes of one replica, a divisor of the run's",
                "return_seconds": "mean time from a failure until the replica trains again",
                "leave_stall_seconds": "how long all stand still when a replica drops out, detection included",
                "rejoin_stall_seconds": "how long all stand still when a replica comes back; 0 if left out",
                "least_replicas": "with fewer the run stands still; 1 if left out",
            }
        ),
        optional=frozenset({"rejoin_stall_seconds", "least_replicas"}),
        assumption="no failure takes all replicas, so that nobody falls back to a checkpoint and none is paid for; "
        "speed in proportion to the replicas there; of the plan, nodes and failure rate count; a long run",
        source="Engset (1918); TorchElastic, torchft; FT-HSDP (arXiv 2602.00277)",
        ettr=_elastic_ettr,
        best=_elastic_best,
    ),
)

#: All levers by name, those that have an ETTR of their own last.
CATALOGUE: Final[Mapping[str, Lever | OwnLever]] = MappingProxyType({**LEVERS, **{own.name: own for own in _OWN}})


@dataclass(frozen=True, slots=True)
class Setting:
    """A lever and what it is set to: times in seconds, shares from 0 to 1, the rest whole numbers."""

    lever: Lever | OwnLever
    values: Mapping[str, float]


def setting(name: str, **values: float) -> Setting:
    """Return a lever set to values.

    Parameters
    ----------
    name
        A key of `CATALOGUE`.
    values
        What the lever takes; all but the optional ones.

    Raises
    ------
    BadOptionError
        There is no such lever, or it takes other values.

    Examples
    --------
    >>> setting("detection", detection_seconds=30).lever.meaning
    'failures are found sooner'
    """
    if name not in CATALOGUE:
        raise BadOptionError("--lever", name, f"one of {', '.join(CATALOGUE)}")
    lever = CATALOGUE[name]
    unknown = [value for value in values if value not in lever.values]
    if unknown:
        raise BadOptionError("--lever", f"{name}:{unknown[0]}", f"one of {', '.join(lever.values)}")
    missing = [value for value in lever.values if value not in values and value not in optional_values(lever)]
    if missing:
        raise BadOptionError("--lever", name, f"{', '.join(missing)} too (it takes {', '.join(lever.values)})")
    return Setting(lever, MappingProxyType(dict(values)))


def optional_values(lever: Lever | OwnLever) -> frozenset[str]:
    """Return the values of a lever that may be left out."""
    return lever.optional if isinstance(lever, OwnLever) else frozenset()


def kind_of(value: str) -> str:
    """Return how a value of a lever is written, which the end of its name tells: duration, share or count.

    >>> kind_of("repair_seconds"), kind_of("in_job_share"), kind_of("spares")
    ('duration', 'share', 'count')
    """
    if value.endswith("_seconds"):
        return "duration"
    return "share" if value.endswith("_share") else "count"


def checked_order(settings: Sequence[Setting]) -> None:
    """Check that only the last lever has an ETTR of its own.

    Raises
    ------
    BadOptionError
        Another lever follows one that no plan describes.
    """
    for earlier in settings[:-1]:
        if isinstance(earlier.lever, OwnLever):
            raise BadOptionError(
                "--lever",
                earlier.lever.name,
                "it to be the last: it has an ETTR of its own, which no later lever changes",
            )


def with_levers(run: RunPlan, settings: Sequence[Setting]) -> RunPlan:
    """Return the run with the levers that make another plan of it, applied in order.

    Raises
    ------
    BadOptionError
        A lever changes how checkpoints are written, and the run tells no time of a write.

    Examples
    --------
    >>> run = RunPlan(2000, 6.5e-3, 3600, 300, detection_seconds=600)
    >>> with_levers(run, [setting("detection", detection_seconds=30)]).detection_seconds
    30.0
    """
    for each in settings:
        if isinstance(each.lever, Lever):
            try:
                run = each.lever.pull(run, **each.values)
            except CheckpointWriteMissingError as error:
                raise BadOptionError("--lever", each.lever.name, "with it --checkpoint-write") from error
    return run


def ettr_with(run: RunPlan, settings: Sequence[Setting]) -> float:
    """Return the exact ETTR of a run with levers, applied in order.

    Examples
    --------
    >>> run = RunPlan(2000, 6.5e-3, 3600, 300, detection_seconds=600)
    >>> round(ettr_with(run, [setting("detection", detection_seconds=0)]), 3)
    0.72
    """
    changed = with_levers(run, settings)
    last = settings[-1]
    return last.lever.ettr(changed, **last.values) if isinstance(last.lever, OwnLever) else exact_ettr(changed)


def best_with(run: RunPlan, settings: Sequence[Setting]) -> Best | None:
    """Return the exact ETTR of a run with levers at its best checkpoint interval, and that interval in seconds.

    None where checkpoints are free or nothing fails, so that there is no best one, or where nobody falls back to one.
    """
    changed = with_levers(run, settings)
    last = settings[-1]
    if isinstance(last.lever, OwnLever):
        return last.lever.best(changed, **last.values)
    if not changed.failures_per_second or not changed.checkpoint_write_seconds:
        return None
    best = at_best_interval(changed)
    return exact_ettr(best), best.checkpoint_interval_seconds
