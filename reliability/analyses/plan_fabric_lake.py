"""A planned run in fabrics chosen by name, with what a lake knows: its cables, and which of its failures were links."""

from __future__ import annotations

from functools import lru_cache

from models.topology.fabric import Fabric
from reliability.analyses.collectives import with_room
from reliability.analyses.fabric import FROM_LAKE, fabric_of
from reliability.analyses.plan import Plan
from reliability.analyses.plan_fabric import PlanFabric, plan_fabric
from reliability.analyses.plan_fabric_rates import links_among_failures
from reliability.lake import Lake


def plan_in_fabrics(lake: Lake, planned: Plan, kind: str, against: str | None = None) -> PlanFabric:
    """Put a planned run into a fabric, and into another one on the same failures.

    Parameters
    ----------
    lake
        Read for its cables, if a fabric is ``from-lake``, and for the causes behind its own failure rate.
    planned
        The run and the failure rate of its nodes.
    kind, against
        Kinds of fabric, each of its published size or, where that is too small, with GPUs for the run; no other one
        if None.

    Raises
    ------
    reliability.errors.ReliabilityError, models.errors.ModelError
        There is no such fabric, or the run does not fit into it.
    """
    one, *other = (_fabric(lake, name, planned.gpus) for name in (kind, against) if name is not None)
    return plan_fabric(
        planned, one, against=other[0] if other else None, link_failures=own_link_failures(lake, planned)
    )


def own_link_failures(lake: Lake, planned: Plan) -> int | None:
    """Return how many of the failures behind a plan's rate a link caused; None where the lake cannot know."""
    return links_among_failures(lake, planned.rate) if planned.rate.source == "measured" else None


def _fabric(lake: Lake, kind: str, gpus: int) -> Fabric:
    if kind == FROM_LAKE:
        return fabric_of(kind, {}, lake)
    return _planned(kind, tuple(with_room(kind, {}, gpus).items()))


@lru_cache(maxsize=4)  # built in up to a second, and asked for with every number of a plan that moves
def _planned(kind: str, settings: tuple[tuple[str, str | int | float], ...]) -> Fabric:
    return fabric_of(kind, dict(settings), None)
