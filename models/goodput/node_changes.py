"""Runs that grow or shrink on the way: another number of nodes, another failure rate, another ETTR for each phase.

Each phase is a run of its own: it waits, restarts, works and ends with a checkpoint from which the next phase begins;
that last write counts, except for the last phase, after whose work nothing is saved. Work per second is taken to be
proportional to nodes: a phase of `productive_seconds` on n nodes does n × that many node-seconds of work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.goodput.errors import NoPhaseError
from models.goodput.gaps import GapLaw
from models.goodput.renewal import ExpectedRun, expected_run
from models.goodput.run_plan import RunPlan
from models.guards import checked_count, checked_positive


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run on a fixed number of nodes, as long as it takes for so many productive seconds."""

    nodes: int
    productive_seconds: float

    def __post_init__(self) -> None:
        checked_positive("nodes", checked_count("nodes", self.nodes))
        checked_positive("productive_seconds", self.productive_seconds)


@dataclass(frozen=True, slots=True)
class PhasedRun:
    """What to expect of a run in phases.

    ``ettr`` weighs all time alike: productive over mean wall-clock seconds. ``node_weighted_ettr`` weighs it by the
    nodes of each phase: productive node-seconds over node-seconds of wall-clock time.
    """

    ettr: float
    node_weighted_ettr: float
    wall_seconds: float
    interruptions: float
    phases: tuple[ExpectedRun, ...]


def ettr_of_phases(plan: RunPlan, phases: Sequence[Phase], gaps: Sequence[GapLaw] | None = None) -> PhasedRun:
    """Compute the exact ETTR of a run whose number of nodes changes.

    Parameters
    ----------
    plan : RunPlan
        All but the nodes and the productive time, which the phases give.
    phases : sequence of Phase
        In order.
    gaps : sequence of GapLaw, optional
        Law of the gaps between failures in each phase; exponential at its failure rate if left out.

    Returns
    -------
    PhasedRun
        The whole, and the mean of each phase.

    Raises
    ------
    NoPhaseError
        No phase, or not as many laws as phases.
    ModelError
        A phase cannot be.

    Notes
    -----
    Means add up; the ETTR is the ratio of the sums. A failure during the last write of a phase is not modelled.

    Examples
    --------
    >>> grown = ettr_of_phases(RunPlan(1, 6.5e-3, 3600, 300), [Phase(512, 7 * 86_400), Phase(2048, 7 * 86_400)])
    >>> [round(phase.ettr, 3) for phase in grown.phases], round(grown.ettr, 3), round(grown.node_weighted_ettr, 3)
    ([0.921, 0.714], 0.805, 0.748)
    """
    if not phases or (gaps is not None and len(gaps) != len(phases)):
        raise NoPhaseError(len(phases), None if gaps is None else len(gaps))
    runs = [
        expected_run(
            replace(plan, nodes=phase.nodes, productive_seconds=phase.productive_seconds),
            None if gaps is None else gaps[row],
        )
        for row, phase in enumerate(phases)
    ]
    write = plan.checkpoint_write_seconds or 0.0
    walls = [run.wall_seconds + write for run in runs[:-1]] + [runs[-1].wall_seconds]
    productive = sum(phase.productive_seconds for phase in phases)
    node_seconds = sum(phase.nodes * wall for phase, wall in zip(phases, walls, strict=True))
    return PhasedRun(
        ettr=productive / sum(walls),
        node_weighted_ettr=sum(phase.nodes * phase.productive_seconds for phase in phases) / node_seconds,
        wall_seconds=sum(walls),
        interruptions=sum(run.interruptions for run in runs),
        phases=tuple(runs),
    )
