"""Google's ML goodput of one run, from the parts that our ledger knows.

Google's library measures a run from the record of its steps: goodput is the time of the steps that were kept over the
time from the first start of the run to its end, and each kind of other time is a type of badput. Here the same number
follows from the seconds that a measured run is split into, so that it can stand beside ETTR.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from models.goodput.errors import PartsAboveElapsedError, RestartPartsError, UnfinishedStepError
from models.guards import checked_non_negative, checked_positive

#: Google's names of the types that it finds in a training run, in the order of its own enumeration.
BADPUT_TYPES: Final = (
    "tpu_initialization",
    "training_prep",
    "program_startup",
    "data_loading_sync",
    "unproductive_checkpoint_save_time",
    "unproductive_checkpoint_restore_time",
    "wasted_progress_from_disruption",
    "infrastructure_recovery_from_disruption",
    "other",
)
# Parts are measured to the microsecond and summed in floating point.
_ROUNDING_SECONDS: Final = 1e-3


@dataclass(frozen=True, slots=True)
class RunSeconds:
    """Where the time of one run went, from its first start to its last end, in seconds.

    Parameters
    ----------
    elapsed_seconds : float
        From the start of the first attempt to the end of the last, waiting between attempts included. The wait before
        the first start is not in it: Google's clock begins when the job does.
    productive_seconds : float
        Work that was kept.
    checkpoint_seconds : float
        Training at a stand for a checkpoint.
    lost_seconds : float
        Work done since the last checkpoint and done again.
    restart_seconds : float
        From each start of an attempt to its first new step.
    initialization_seconds, preparation_seconds, restore_seconds, data_loading_seconds, startup_seconds : float
        What is known of ``restart_seconds``: accelerator initialisation, preparation of training, reading the
        checkpoint, waiting for the first batch, and what the first step took longer than the others (compilation).
        What is not known is Google's type "other".
    unfinished_step_seconds : float
        Of ``lost_seconds``, the steps that disruptions cut short. Google learns of a step when it begins, so these
        seconds are recovery with Google, not wasted progress.

    Raises
    ------
    NegativeValueError, NotPositiveError, NotFiniteError
        A part cannot be.
    PartsAboveElapsedError
        The parts add up to more than the run took.
    RestartPartsError
        More is known of the restarts than they took.
    UnfinishedStepError
        More steps were cut short than work was lost.

    Examples
    --------
    >>> RunSeconds(elapsed_seconds=10_000, productive_seconds=9_000, restart_seconds=600).waiting_seconds
    400.0
    """

    elapsed_seconds: float
    productive_seconds: float
    checkpoint_seconds: float = 0.0
    lost_seconds: float = 0.0
    restart_seconds: float = 0.0
    initialization_seconds: float = 0.0
    preparation_seconds: float = 0.0
    restore_seconds: float = 0.0
    data_loading_seconds: float = 0.0
    startup_seconds: float = 0.0
    unfinished_step_seconds: float = 0.0

    def __post_init__(self) -> None:
        for part in fields(self):
            checked_non_negative(part.name, getattr(self, part.name))
        checked_positive("elapsed_seconds", self.elapsed_seconds)
        if self.scheduled_seconds > self.elapsed_seconds + _ROUNDING_SECONDS:
            raise PartsAboveElapsedError(self.scheduled_seconds, self.elapsed_seconds)
        if self.known_restart_seconds > self.restart_seconds + _ROUNDING_SECONDS:
            raise RestartPartsError(self.known_restart_seconds, self.restart_seconds)
        if self.unfinished_step_seconds > self.lost_seconds + _ROUNDING_SECONDS:
            raise UnfinishedStepError(self.unfinished_step_seconds, self.lost_seconds)

    @property
    def scheduled_seconds(self) -> float:
        """Time in which the run held its nodes."""
        return self.productive_seconds + self.checkpoint_seconds + self.lost_seconds + self.restart_seconds

    @property
    def waiting_seconds(self) -> float:
        """Time between attempts: the run was ended and waited to be started again."""
        return max(0.0, float(self.elapsed_seconds - self.scheduled_seconds))

    @property
    def known_restart_seconds(self) -> float:
        """The part of the restarts whose kind is known."""
        begun = self.initialization_seconds + self.preparation_seconds + self.restore_seconds
        return begun + self.data_loading_seconds + self.startup_seconds


@dataclass(frozen=True, slots=True)
class MlGoodput:
    """Google's ML goodput of one run.

    Parameters
    ----------
    goodput : float
        Share of the elapsed time that was productive, 0 to 1 (Google prints percent).
    badput : dict of str to float
        Share of the elapsed time by type, in the order of `BADPUT_TYPES`; with ``goodput`` they add up to 1.
    elapsed_seconds : float
        What the shares are of.
    """

    goodput: float
    badput: dict[str, float]
    elapsed_seconds: float


def ml_goodput(run: RunSeconds) -> MlGoodput:
    """Return Google's ML goodput of one run and its types of badput.

    Parameters
    ----------
    run : RunSeconds
        Where its time went.

    Returns
    -------
    MlGoodput
        Shares of the time from the first start to the last end.

    Notes
    -----
    The definition of the package ml-goodput-measurement 0.2.3 (Google, Apache-2.0), `GoodputCalculator`: wasted
    progress runs from the begin of the step that training resumes from to the begin of the last step recorded before
    the disruption, infrastructure recovery from there to the next start of the job, so a wait in the queue after an
    interruption is recovery, and the wait before the first start is no part of the run. The numerator is that of ETTR.
    The denominator lacks the first wait, and has time between attempts in which the job could not start (held,
    requeued later, resubmitted by hand), which is no available time of Kokolis et al.

    Examples
    --------
    >>> found = ml_goodput(RunSeconds(10_000, 9_000, checkpoint_seconds=100, lost_seconds=300, restart_seconds=500))
    >>> found.goodput
    0.9
    >>> [f"{name} {share:.2f}" for name, share in found.badput.items() if share > 0][1:]
    ['wasted_progress_from_disruption 0.03', 'infrastructure_recovery_from_disruption 0.01', 'other 0.05']
    """
    seconds = (
        run.initialization_seconds,
        run.preparation_seconds,
        run.startup_seconds,
        run.data_loading_seconds,
        run.checkpoint_seconds,
        run.restore_seconds,
        run.lost_seconds - run.unfinished_step_seconds,
        run.waiting_seconds + run.unfinished_step_seconds,
        run.restart_seconds - run.known_restart_seconds,
    )
    return MlGoodput(
        goodput=run.productive_seconds / run.elapsed_seconds,
        badput={name: max(0.0, spent) / run.elapsed_seconds for name, spent in zip(BADPUT_TYPES, seconds, strict=True)},
        elapsed_seconds=float(run.elapsed_seconds),
    )
