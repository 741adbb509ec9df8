"""The transform of a run whose gaps follow any law: the chain over the segments left, solved for each frequency."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.goodput.attempts import Attempts
from models.goodput.gaps import GapLaw
from models.goodput.inversion import ComplexArray
from models.goodput.renewal import expected_run
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray

#: cells into which a checkpoint cycle is cut: gaps that end in one are taken to end in its middle
_CELLS: Final = 32
#: cells before the first checkpoint at most, however long the restart
_MOST_CELLS: Final = 4096
#: what the contour integral may be wrong by
_ALIAS: Final = 1e-11
_NEGLIGIBLE: Final = 1e-18
#: complex numbers held at once
_AT_ONCE: Final = 1_000_000
#: step of the differences that give a variance, in standard deviations
_CURVATURE_STEP: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class RenewedChain:
    """A finite run, failing after gaps of any law.

    State j has j segments before those that are done in one go; an attempt of it takes ``finish_seconds`` and is not
    cut short with the chance ``done``. It fails before a checkpoint is safe within the ``early`` cells (state 0: the
    ``only`` cells), or with k of them safe in the cells of row k - 1 of ``cycle_mass``; of the last row before the end
    only the first ``cells_before_end`` cells come before the run is done.
    """

    plan: RunPlan
    law: GapLaw
    attempts: Attempts
    finish_seconds: FloatArray
    done: FloatArray
    early_seconds: FloatArray
    early_mass: FloatArray
    only_seconds: FloatArray
    only_mass: FloatArray
    cycle_seconds: FloatArray
    cycle_mass: FloatArray
    cells_before_end: int

    @classmethod
    def of(cls, plan: RunPlan, law: GapLaw) -> "RenewedChain":
        """Cut the gaps of a law into cells."""
        attempts = Attempts.of(plan)
        cycle, first_safe = attempts.cycle_seconds, attempts.first_safe_seconds
        states = (attempts.segments or 1) - attempts.unsaved
        in_one_go = attempts.finish_seconds(attempts.unsaved + 1)
        finish = in_one_go + cycle * np.arange(states, dtype=np.float64)
        # From the last checkpoint that helps until the run is done; in (0, cycle].
        to_end = min(cycle, max(0.0, in_one_go + cycle - first_safe))
        before_end = _edges(to_end, cycle)
        edges = np.append(before_end, (to_end + _edges(cycle - to_end, cycle))[1:] if to_end < cycle else [])
        started = first_safe + cycle * np.arange(states - 1, dtype=np.float64)
        used = int(np.searchsorted(-law.survival(started), -_NEGLIGIBLE)) if states > 1 else 0
        early, only = _edges(first_safe, cycle), _edges(in_one_go, cycle)
        return cls(
            plan=plan,
            law=law,
            attempts=attempts,
            finish_seconds=finish,
            done=law.survival(finish),
            early_seconds=_middles(early),
            early_mass=_mass(law, early),
            only_seconds=_middles(only),
            only_mass=_mass(law, only),
            cycle_seconds=_middles(edges),
            cycle_mass=-np.diff(law.survival(started[:used, None] + edges), axis=1),
            cells_before_end=before_end.size - 1,
        )

    def of_wall(self, s: ComplexArray) -> ComplexArray:
        """Return E[e^(-s wall)] for each s."""
        idle, queue = self.attempts.idle_seconds_per_failure, self.attempts.queue_wait_seconds
        return self._solved(s, np.exp(-s * idle)) * np.exp(-s * queue)

    def of_interruptions(self, z: ComplexArray) -> ComplexArray:
        """Return E[z^interruptions] for each z."""
        return self._solved(np.zeros_like(z), z)

    def wall_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the wall-clock seconds; the latter to about five digits."""
        run = expected_run(self.plan, self.law)
        lost = run.wall_seconds - self.attempts.queue_wait_seconds - float(self.finish_seconds[-1])
        return run.wall_seconds, _sd(
            lambda step: self.of_wall(np.asarray(1j * step, dtype=np.complex128)), lost, run.interruptions
        )

    def interruption_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the number of failures; the latter to about five digits."""
        mean = expected_run(self.plan, self.law).interruptions
        return mean, _sd(lambda step: self.of_interruptions(np.exp(-1j * step)), mean, mean)

    def undisturbed_probability(self) -> float:
        """Return the chance of no failure."""
        return float(self.done[-1])

    def _solved(self, s: ComplexArray, kappa: ComplexArray) -> ComplexArray:
        """Return the transform of the whole run from its start; ``kappa`` is what each failure adds to it."""
        at_once = max(1, _AT_ONCE // (2 * self.done.size + self.early_mass.size + self.only_mass.size))
        parts = [slice(start, start + at_once) for start in range(0, s.size, at_once)]
        return np.concatenate([self._solved_part(s[part], kappa[part]) for part in parts])

    def _solved_part(self, s: ComplexArray, kappa: ComplexArray) -> ComplexArray:
        only = np.exp(-s[:, None] * self.only_seconds) @ self.only_mass
        at_last = self.done[0] * np.exp(-s * self.finish_seconds[0]) / (1.0 - kappa * only)
        steps, used = self.done.size - 1, self.cycle_mass.shape[0]
        if steps == 0:
            return np.asarray(at_last, dtype=np.complex128)
        early = 1.0 - kappa * (np.exp(-s[:, None] * self.early_seconds) @ self.early_mass)
        # The transform of gaps that end with k checkpoints safe, and its part after the end of a run with k of them.
        within = np.exp(-s[:, None] * self.cycle_seconds)
        begins = self.attempts.first_safe_seconds + self.attempts.cycle_seconds * np.arange(used)
        begun = kappa[:, None] * np.exp(-s[:, None] * begins)
        kept = begun * (within @ self.cycle_mass.T)
        end = self.cells_before_end
        beyond = begun * (within[:, end:] @ self.cycle_mass[:, end:].T)
        # A power series in the number of segments; its last coefficient by Cauchy's integral on a circle.
        points = 1 << (2 * steps + 1).bit_length()
        radius = _ALIAS ** (1.0 / points)
        powers = radius ** np.arange(steps + 1)
        costs = self.done * np.exp(-s[:, None] * self.finish_seconds)
        costs[:, 0] = early * at_last
        costs[:, 1 : used + 1] -= beyond * at_last[:, None]
        series = np.fft.fft(costs * powers, points)
        series /= early[:, None] - np.fft.fft(np.pad(kept * powers[1 : used + 1], ((0, 0), (1, 0))), points)
        turns = np.exp(2j * math.pi * ((np.arange(points) * steps) % points) / points)
        return np.asarray(series @ turns / (points * powers[-1]), dtype=np.complex128)


def _edges(seconds: float, cycle_seconds: float) -> FloatArray:
    return np.linspace(0.0, seconds, 1 + min(_MOST_CELLS, max(1, math.ceil(_CELLS * seconds / cycle_seconds))))


def _middles(edges: FloatArray) -> FloatArray:
    return (edges[1:] + edges[:-1]) / 2.0


def _mass(law: GapLaw, edges: FloatArray) -> FloatArray:
    """Return the chance of each cell; gaps of no length belong to the first."""
    longer = law.survival(edges)
    longer[0] = 1.0
    return -np.diff(longer)


def _sd(characteristic: Callable[[FloatArray], ComplexArray], excess: float, failures: float) -> float:
    """Return the standard deviation from the curvature of log |characteristic function| at zero."""
    if not math.isfinite(excess):
        return math.inf
    if excess <= 0.0:
        return 0.0
    sd = excess / math.sqrt(failures)
    for _ in range(4):
        step = _CURVATURE_STEP / sd
        near, far = -2.0 * np.log(np.abs(characteristic(np.array([step, 2.0 * step]))))
        # Differences of second order at two steps, combined so that the term of fourth order falls out.
        sd = math.sqrt(max((4.0 * near - far / 4.0) / 3.0, _NEGLIGIBLE)) / step
    return sd
