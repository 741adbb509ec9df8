"""The levers of a replay: what can be set, and what each assumes about the past that it changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from reliability.errors import BadOptionError

#: who may name the lemons that are drained
NAMED_BY: Final = ("model", "rule")
#: symptoms that a second port to a second switch would have hidden
DUAL_TOR_SYMPTOMS: Final = ("ib_link", "ethernet_link")
_DRAINED: Final = (
    "their failures end no attempt from then on, other nodes do their work in time that stood idle the same day, and "
    "what idle time does not hold is lost to productive time. Too good: idle GPUs may be in the wrong place, and the "
    "nodes that take over fail too, as often as any"
)
_ASSUMPTIONS: Final = {
    "checkpoint_interval": "Every attempt is cut anew into stretches of work of the new interval, "
    "each followed by a stall as long as those of its run; an attempt that lost work loses what came after its last "
    "safe checkpoint. Neutral for the attempts as they were",
    "checkpoint_write": "Training stands still in proportion to the new time of a write; how often, and what failures "
    "lost, stays. A little too small: a shorter write is also safe earlier",
    "checkpoint_stall": "Training stands still in proportion to the new stall; how often, and what failures lost, "
    "stays. Neutral if writing on the side does not slow training",
    "restart_overhead": "Whoever restarted does it in the new time; what is freed is work that is kept. Slightly too "
    "good: of an attempt that failed, part of it would have been lost again",
    "detection": "Between the first sign of a failure and the end of its attempt passes at most the new time; what is "
    "freed is productive. Only failures with a sign before the end count: too small where a hang leaves none",
    "drain_lemons": "A node is judged every 7 days by what the log held until then, and is drained from the midnight "
    f"after it is first named, without hindsight; {_DRAINED}",
    "hindsight": "Every node that is named at the end is drained from the beginning, which nobody could have known to "
    f"do; {_DRAINED}",
    "dual_tor": "Failures whose cause is a link (InfiniBand or Ethernet) end no attempt: work is kept, and the next "
    "attempt of the run needs no restart. Too good: a second port may fail too, or share the fault, and half the "
    "bandwidth is slower",
    "no_preemption_after_failure": "Attempts preempted by a run that came back from a failure go on: work is kept, and "
    "they need no restart. Too good for the run that came back: it waits longer, in the queue and on no GPU",
}


@dataclass(frozen=True, slots=True)
class Levers:
    """What is changed about the past; None and False leave it as it was.

    Parameters
    ----------
    checkpoint_interval
        Seconds of work between two checkpoints, of every run that saves at all.
    checkpoint_write
        Seconds from the begin of a checkpoint until it is safe; training stands still for it unless
        `checkpoint_stall` says otherwise.
    checkpoint_stall
        Seconds that training stands still for one checkpoint (asynchronous ones).
    restart_overhead
        Seconds from the start of an attempt to its first step.
    detection
        Seconds at most from the first sign of a failure to the end of the attempt.
    drain_lemons
        ``model`` or ``rule``: the nodes that :func:`reliability.analyses.lemons.lemons` names are drained, each from
        the day it could have been named.
    hindsight
        With ``drain_lemons``: drained from the beginning, by what is known at the end.
    dual_tor
        Failures of links and switches end no attempt.
    no_preemption_after_failure
        Attempts that come back from a failure preempt nobody.
    """

    checkpoint_interval: float | None = None
    checkpoint_write: float | None = None
    checkpoint_stall: float | None = None
    restart_overhead: float | None = None
    detection: float | None = None
    drain_lemons: str | None = None
    hindsight: bool = False
    dual_tor: bool = False
    no_preemption_after_failure: bool = False

    def __post_init__(self) -> None:
        if self.checkpoint_interval is not None and not self.checkpoint_interval > 0:
            raise BadOptionError("--set", f"checkpoint_interval={self.checkpoint_interval:g}s", "a time above 0")
        for name in ("checkpoint_write", "checkpoint_stall", "restart_overhead", "detection"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise BadOptionError("--set", f"{name}={value:g}s", "a time of 0 or more")
        write, stall = self.checkpoint_write, self.checkpoint_stall
        if write is not None and stall is not None and stall > write:
            raise BadOptionError("--set", f"checkpoint_stall={stall:g}s", f"at most checkpoint_write, {write:g}s")
        if self.drain_lemons not in {None, *NAMED_BY}:
            raise BadOptionError("--set", f"drain_lemons={self.drain_lemons}", "true, model or rule")
        if self.hindsight and self.drain_lemons is None:
            raise BadOptionError("--set", "hindsight=true", "drain_lemons beside it")

    @property
    def are_set(self) -> bool:
        """Whether anything is changed at all."""
        return self != Levers()

    @property
    def stall(self) -> float | None:
        """Seconds that training stands still for a checkpoint, where they are set: a blocking one for all of it."""
        return self.checkpoint_write if self.checkpoint_stall is None else self.checkpoint_stall

    def alone(self) -> dict[str, Levers]:
        """Return each lever that is set, by name, without the others; what only qualifies a lever goes with it."""
        checkpoints = {name: getattr(self, name) for name in ("checkpoint_write", "checkpoint_stall")}
        found: dict[str, Levers] = {}
        if self.checkpoint_interval is not None:
            found["checkpoint_interval"] = Levers(checkpoint_interval=self.checkpoint_interval, **checkpoints)
        elif self.stall is not None:
            found["checkpoint_stall" if self.checkpoint_write is None else "checkpoint_write"] = Levers(**checkpoints)
        if self.drain_lemons is not None:
            found["drain_lemons"] = Levers(drain_lemons=self.drain_lemons, hindsight=self.hindsight)
        for name in ("restart_overhead", "detection", "dual_tor", "no_preemption_after_failure"):
            value = getattr(self, name)
            if value not in {None, False}:
                found[name] = Levers(**{name: value})
        return found

    def settings(self) -> dict[str, float | str | bool]:
        """Return what is set, by name: times in seconds."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}

    def setting(self, name: str) -> str:
        """Return how a person reads what one lever is set to, with what qualifies it."""
        value = getattr(self, name)
        text = duration_text(value) if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
        if value is True:
            text = "yes"
        if name == "checkpoint_interval" and self.checkpoint_write is not None:
            text += f", {duration_text(self.checkpoint_write)} to write"
        if name.startswith("checkpoint") and name != "checkpoint_stall" and self.checkpoint_stall is not None:
            text += f", {duration_text(self.checkpoint_stall)} standing still"
        return f"{text}, with hindsight" if name == "drain_lemons" and self.hindsight else text

    def assumption(self, name: str) -> str:
        """Return what one lever assumes about the past, and which way that errs."""
        return _ASSUMPTIONS["hindsight" if name == "drain_lemons" and self.hindsight else name]


def duration_text(seconds: float) -> str:
    """Return a time as a person reads it.

    >>> duration_text(600), duration_text(90), duration_text(5400), duration_text(0)
    ('10 min', '1.5 min', '1.5 h', '0 s')
    """
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.4g} {unit}"
    return f"{seconds:.4g} s"
