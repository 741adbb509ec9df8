"""Hot spares: how often a failure finds none, how long it then waits, and how many are enough."""

from dataclasses import dataclass
from typing import Final

from models.errors import NotAShareError
from models.goodput.errors import TooManySparesError
from models.goodput.run_plan import RunPlan
from models.guards import checked_count, checked_non_negative

#: Where this many spares are not enough, the repair is slower than any stock can cover.
MOST_SPARES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SpareShortage:
    """How often a failure finds no spare left, and what it then waits.

    `chance` is that of a failure to find no spare; `wait_seconds` the mean time from then until the first of the
    nodes under repair is back; `in_repair` the mean number under repair if no failure ever waited.
    """

    spares: int
    chance: float
    wait_seconds: float
    in_repair: float

    @property
    def mean_wait_seconds(self) -> float:
        """Mean wait over all failures, those that find a spare included."""
        return self.chance * self.wait_seconds


def erlang_loss(servers: int, load: float) -> float:
    """Return Erlang's loss formula: the chance that an arrival finds all servers busy.

    Parameters
    ----------
    servers : int
        c, places that can be busy.
    load : float
        a, arrivals per mean service time.

    Returns
    -------
    float
        (a^c / c!) / sum over k = 0..c of a^k / k!.

    Raises
    ------
    NotACountError, NegativeValueError, NotFiniteError
        An argument cannot be.

    Notes
    -----
    Erlang (1917), by the recursion B(k) = a B(k-1) / (k + a B(k-1)). It holds for any law of service times of that
    mean (Sevastyanov 1957).

    Examples
    --------
    >>> round(erlang_loss(2, 1.0), 3)
    0.2
    """
    places = checked_count("servers", servers)
    arrivals = checked_non_negative("load", load)
    loss = 1.0
    for busy in range(1, places + 1):
        loss = arrivals * loss / (busy + arrivals * loss)
    return loss


def spare_shortage(plan: RunPlan, spares: int, repair_seconds: float) -> SpareShortage:
    """Return how often a failure of the run finds no spare.

    Parameters
    ----------
    plan : RunPlan
        The run; its nodes and its failure rate count.
    spares : int
        Nodes held ready beyond those the run needs.
    repair_seconds : float
        Mean time from a failure until the node is ready again, whatever its law.

    Returns
    -------
    SpareShortage
        Without a spare every failure waits for a whole repair.

    Raises
    ------
    NotACountError, NegativeValueError, NotFiniteError
        An argument cannot be.

    Notes
    -----
    Nodes fail at the rate of the run while it holds all it needs; a failed node is repaired, beside others, and becomes
    a spare. With s spares the run stands still only while s + 1 nodes are under repair, and nothing fails then: the
    loss system M/G/c/c with c = s + 1. A failure finds no spare with chance B(s, rate * repair). The wait,
    repair / (s + 1), is the mean that belongs to that share of time standing still. Spares do not fail on the shelf.

    Examples
    --------
    >>> shortage = spare_shortage(RunPlan(2048, 6.5e-3, 3600, 300), spares=20, repair_seconds=86_400)
    >>> round(shortage.chance, 3), round(shortage.in_repair, 1)
    (0.021, 13.3)
    """
    repair = checked_non_negative("repair_seconds", repair_seconds)
    load = plan.failures_per_second * repair
    return SpareShortage(
        spares=checked_count("spares", spares),
        chance=erlang_loss(spares, load),
        wait_seconds=repair / (spares + 1),
        in_repair=load,
    )


def spares_needed(plan: RunPlan, repair_seconds: float, shortage_chance: float) -> int:
    """Return the fewest spares with which a failure finds none at most with a chance.

    Parameters
    ----------
    plan : RunPlan
        The run. Give it the upper limit of a measured failure rate to be safe for the rate's uncertainty too.
    repair_seconds : float
        Mean time from a failure until the node is ready again.
    shortage_chance : float
        Largest chance per failure to find no spare, above 0.

    Returns
    -------
    int
        Zero for a run that never fails.

    Raises
    ------
    NotAShareError
        A chance of zero, which no stock gives, or outside (0, 1].
    TooManySparesError
        More than a million spares.
    NegativeValueError, NotFiniteError
        A repair time cannot be.

    Notes
    -----
    The first s at which Erlang's B(s, rate * repair) reaches the chance: spares that come back. For spares that do not
    come back before a date, ask `models.lifetimes.spares`.

    Examples
    --------
    >>> spares_needed(RunPlan(2048, 6.5e-3, 3600, 300), repair_seconds=86_400, shortage_chance=0.001)
    26
    """
    if not 0.0 < shortage_chance <= 1.0:
        raise NotAShareError("shortage_chance", shortage_chance)
    load = plan.failures_per_second * checked_non_negative("repair_seconds", repair_seconds)
    loss, spares = (1.0 if load > 0.0 else 0.0), 0
    while loss > shortage_chance:
        spares += 1
        if spares > MOST_SPARES:
            raise TooManySparesError(load, MOST_SPARES)
        loss = load * loss / (spares + load * loss)
    return spares
