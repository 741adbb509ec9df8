"""When failures strike a run and how many nodes each takes: one clock per run, which stands while no nodes are held."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.goodput.simulation.laws import Law, Rows
from models.guards import FloatArray, checked_count, checked_non_negative, checked_positive

# Failures of one run worked out ahead at a time: each time all its nodes are looked at.
_AHEAD: Final = 256


@dataclass(frozen=True, slots=True)
class NodeLives:
    """Every node lives its own life and is as good as new after it: the run meets the superposition of all of them.

    Parameters
    ----------
    law : Law
        Life of one node in seconds of being held by the run.
    age_seconds : float
        How long all nodes have been in service when the run starts; at 0 all are new.

    Notes
    -----
    The superposition of many renewal processes is Poisson only in the limit and long after the start; the failures of
    young nodes of decreasing hazard come earlier.
    """

    law: Law
    age_seconds: float = 0.0

    def __post_init__(self) -> None:
        checked_non_negative("age_seconds", self.age_seconds)


@dataclass(frozen=True, slots=True)
class FailureDomain:
    """Nodes behind one switch, power feed or cooling loop, which go down together.

    Parameters
    ----------
    nodes : int
        Nodes in one domain; the run fills domain after domain, the last one perhaps in part.
    failures_per_day : float
        Failures of one domain per day of being used by the run, besides those of its nodes; gaps are exponential.
    repair : Law or None
        How long its nodes are gone, all of them for the same time; None for the repair of a node.
    """

    nodes: int
    failures_per_day: float
    repair: Law | None = None

    def __post_init__(self) -> None:
        checked_positive("nodes", checked_count("nodes", self.nodes))
        checked_non_negative("failures_per_day", self.failures_per_day)


@dataclass(frozen=True, slots=True, eq=False)
class Strike:
    """The next failure of each run: held time since the last one, what failed (-1 a node, else the domain kind)."""

    gap_seconds: FloatArray
    kind: npt.NDArray[np.intp]


class Strikes:
    """The failures of all replicas, one after the other."""

    def __init__(
        self,
        plan: RunPlan,
        gaps: Law | NodeLives | None,
        domains: tuple[FailureDomain, ...],
        replicas: int,
        rng: np.random.Generator,
    ) -> None:
        of_nodes, *of_domains = rng.spawn(1 + len(domains))
        sources: list[Rows | _Superposition] = [
            _Superposition(gaps, plan.nodes, replicas, of_nodes)
            if isinstance(gaps, NodeLives)
            else Rows(_Memoryless(plan.failures_per_second) if gaps is None else gaps, replicas, of_nodes)
        ]
        for domain, of_domain in zip(domains, of_domains, strict=True):
            many = -(-plan.nodes // domain.nodes)
            sources.append(Rows(_Memoryless(many * domain.failures_per_day / SECONDS_PER_DAY), replicas, of_domain))
        self._sources = sources
        self._left = np.stack([source.next() for source in sources]) if domains else None
        self._nodes_alone = np.full(replicas, -1, dtype=np.intp)

    def next(self) -> Strike:
        """Return the next failure of every replica."""
        if self._left is None:
            return Strike(self._sources[0].next(), self._nodes_alone)
        kind = np.argmin(self._left, axis=0)
        gap = self._left.min(axis=0)
        for number, source in enumerate(self._sources):
            fresh = source.next()
            # inf - inf is met only where nothing ever fails.
            spent = np.where(np.isinf(self._left[number]), np.inf, self._left[number] - np.where(np.isinf(gap), 0, gap))
            self._left[number] = np.where(kind == number, fresh, spent)
        return Strike(gap, kind - 1)


@dataclass(frozen=True, slots=True)
class _Memoryless:
    """Exponential gaps; never a failure at rate zero."""

    per_second: float

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        drawn = rng.standard_exponential(size)
        return drawn / self.per_second if self.per_second > 0 else np.full(size, np.inf)


class _Superposition:
    """Failures of many nodes in the order of time, worked out a few hundred at a time for each replica."""

    def __init__(self, lives: NodeLives, nodes: int, replicas: int, rng: np.random.Generator) -> None:
        self._law, self._rng = lives.law, rng
        self._due = lives.law.sample(rng, replicas * nodes).reshape(replicas, nodes)
        self._clock = np.full(replicas, lives.age_seconds)
        self._step = max(float(np.median(self._due)), np.finfo(float).tiny) * _AHEAD / nodes
        self._looked = np.full(replicas, lives.age_seconds)
        self._ahead: list[list[float]] = [[] for _ in range(replicas)]
        for replica in range(replicas):
            self._pass_by(replica, lives.age_seconds)

    def next(self) -> FloatArray:
        """Return the next gap of every replica, shape (replicas,)."""
        for replica, ahead in enumerate(self._ahead):
            while not ahead:
                self._looked[replica] += self._step
                ahead.extend(sorted(self._pass_by(replica, self._looked[replica]), reverse=True))
        at = np.array([ahead.pop() for ahead in self._ahead])
        gaps = at - self._clock
        self._clock = at
        return np.asarray(gaps)

    def _pass_by(self, replica: int, until: float) -> list[float]:
        """Let the nodes of a replica fail and be renewed until a time; return when they failed."""
        due, failed = self._due[replica], list[float]()
        (over,) = np.nonzero(due <= until)
        while over.size:
            failed += due[over].tolist()
            due[over] += self._law.sample(self._rng, over.size)
            over = over[due[over] <= until]
        return failed
