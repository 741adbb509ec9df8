"""What went wrong in a simulation, what the scheduler knew of it, and what several nodes shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "critical",
    "crash_loop",
    "drain",
    "straggler",
    "silent_corruption",
    "cascade",
    "benign",
    "application",
    "false_alarm",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong, or seemed to.

    Parameters
    ----------
    fault_id
        Ordinal, from 1.
    time_seconds
        When it happened.
    node, component, slot, symptom, xid, kind
        Where and what; ``xid`` is None if it prints none.
    silent
        No log but the scheduler's shows it: nothing can see it, or the checks missed it.
    missed
        The checks missed it, or were not there yet.
    permanent
        The part is replaced.
    repair_helped
        False if the same fault comes again.
    detected_seconds
        When the cluster notices a fault that takes its node out; None for the other kinds.
    repaired_seconds
        When the node comes back, perhaps after the end of the log; None for the other kinds.
    domain_event
        Number of the domain event it belongs to, or None.
    caused_by
        Fault that it follows from, or None.
    lemon
        It is the root cause of a lemon node.
    cured
        Its repair found that root cause: the node is a lemon no longer.
    """

    fault_id: int
    time_seconds: float
    node: int
    component: str
    slot: int
    symptom: str
    xid: int | None
    kind: Kind
    silent: bool = False
    missed: bool = False
    permanent: bool = False
    repair_helped: bool = True
    detected_seconds: int | None = None
    repaired_seconds: int | None = None
    domain_event: int | None = None
    caused_by: int | None = None
    lemon: bool = False
    cured: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """An interval in which a node is out of service, as the scheduler knows it.

    Parameters
    ----------
    node
        Node number.
    from_seconds, to_seconds
        From its detection, or from the moment the node was idle; the end may lie behind the end of the log.
    state
        ``down`` for a fault, ``drain`` for one that could wait, ``maintenance`` for planned work.
    number
        Of the fault, or of the change request.
    """

    node: int
    from_seconds: int
    to_seconds: int
    state: Literal["down", "drain", "maintenance"]
    number: int


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """A fault that several nodes share.

    Parameters
    ----------
    event_id
        Ordinal, from 1.
    time_seconds
        When it began.
    domain, kind
        Name and kind of the domain.
    nodes
        Nodes that were hit (those in service then).
    real
        False if nothing was the matter with them.
    takes_down
        False if its nodes only ran slower.
    """

    event_id: int
    time_seconds: float
    domain: str
    kind: str
    nodes: tuple[int, ...]
    real: bool
    takes_down: bool
