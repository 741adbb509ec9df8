"""What was done to the cluster, and when, written down by the one who did it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self


class Span:
    """The time between two looks at the clock: what was done or seen in between happened then.

    Slurm's times are whole seconds, cut off.

    >>> Span(10.9, 12.1).holds(10), Span(10.9, 12.1).holds(13)
    (True, False)
    """

    def __init__(self, earliest: float = 0.0, latest: float = 0.0) -> None:
        self.earliest = earliest
        self.latest = latest

    def __enter__(self) -> Self:
        self.earliest = time.time()
        return self

    def __exit__(self, *_: object) -> None:
        self.latest = time.time()

    def __repr__(self) -> str:
        return f"between {self.earliest} and {self.latest}"

    def holds(self, seconds: float) -> bool:
        """Tell whether a time that Slurm gives may lie in the span."""
        return int(self.earliest) <= seconds <= self.latest


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job as it went; ``exit`` is None where releases of Slurm differ, as after a node failed."""

    job_id_raw: str
    job_id: str
    name: str
    user: str
    partition: str
    qos: str
    state: str
    node_count: int
    gpu_count: int
    nodes: list[str] | None
    submitted: Span
    started: Span | None = None
    ended: Span | None = None
    exit: tuple[int, int] | None = None
    step_out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """A node out of service.

    ``ended`` is None if it still was when the logs were taken; ``asked`` is when a drain was asked for that began
    later, with the end of the job on the node.
    """

    node: str
    state: str
    reason: str
    planned: bool
    began: Span
    ended: Span | None
    continues: bool = False
    asked: Span | None = None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job, of those that the controller's log tells."""

    job_id_raw: str
    kind: str
    at: Span
    node: str | None = None
    by_job_id_raw: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything."""

    version: str
    kills_for_memory: bool
    taken: Span
    attempts: list[Attempt] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    job_events: list[JobEvent] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), default=vars, indent=1))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``write`` wrote."""
        given: dict[str, Any] = json.loads(path.read_text(), object_hook=_span)
        given["attempts"] = [
            Attempt(**{**row, "exit": row["exit"] and tuple(row["exit"])}) for row in given["attempts"]
        ]
        given["outages"] = [Outage(**row) for row in given["outages"]]
        given["job_events"] = [JobEvent(**row) for row in given["job_events"]]
        return cls(**given)


def _span(given: dict[str, Any]) -> Any:
    return Span(**given) if given.keys() == {"earliest", "latest"} else given
