"""What becomes of an attempt's run time: restart, productive work, checkpoints; and what a restart can resume from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saving:
    """How a job saves its state, in seconds; an interval of 0 means it never does.

    Parameters
    ----------
    interval
        Productive time between two checkpoints.
    write
        Time from the begin of a checkpoint until it is safe.
    stall
        Time that training stands still for it, at most ``write``.
    restart
        Time from the start of an attempt to its first productive step.
    """

    interval: int = 0
    write: int = 0
    stall: int = 0
    restart: int = 0


NO_SAVING = Saving()


def wall_seconds(work: int, saving: Saving) -> int:
    """Run time that an undisturbed attempt needs.

    Parameters
    ----------
    work
        Productive seconds left.
    saving
        How the job saves its state. No checkpoint is written at the very end.

    Returns
    -------
    int
        Seconds.

    Examples
    --------
    >>> wall_seconds(250, Saving(interval=100, write=10, stall=10, restart=30))
    300
    """
    if not saving.interval:
        return saving.restart + work
    return saving.restart + work + max(0, -(-work // saving.interval) - 1) * saving.stall


def progress(elapsed: int, saving: Saving) -> tuple[int, int, int, int]:
    """Split run time so far.

    Parameters
    ----------
    elapsed
        Run time, without what a straggler cost.
    saving
        How the job saves its state.

    Returns
    -------
    tuple of int
        Seconds of restart, of productive work, of standing still for checkpoints (these three add up to ``elapsed``),
        and the productive seconds that the last safe checkpoint holds.

    Examples
    --------
    >>> progress(30 + 250, Saving(interval=100, write=10, stall=10, restart=30))
    (30, 230, 20, 200)
    >>> progress(30 + 205, Saving(interval=100, write=50, stall=10, restart=30))  # the first is safe, training goes on
    (30, 195, 10, 100)
    >>> progress(280, Saving())
    (0, 280, 0, 0)
    """
    restart = min(elapsed, saving.restart)
    trained = elapsed - restart
    interval = saving.interval
    if not interval:
        return restart, trained, 0, 0
    cycle = interval + saving.stall
    cycles, rest = divmod(trained, cycle)
    writing = cycles * saving.stall + max(0, rest - interval)
    safe = (trained - saving.write + saving.stall) // cycle  # a cycle's checkpoint is safe `write` after it began
    return restart, trained - writing, writing, max(0, safe) * interval
