"""Lines of the Slurm controller's log about nodes, put together to intervals as Slurm itself keeps them.

The rules are those of ``src/slurmctld/node_mgr.c``: a node keeps the reason it was given until it is back in service; a
failure that Slurm notices itself gives a reason only to a node that has none (or one that did not respond).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from ingest.records import KEPT, NOTHING, Row
from ingest.slurm.host_lists import parse_hosts
from ingest.slurm.node_events import parse_node_state
from ingest.taxonomy.reasons import read_reason

_NOT_RESPONDING: Final = "Not responding"
_DAEMON: Final = "slurmctld"
#: pattern of a whole message → what it means; the groups are ``node`` or ``nodes``, and ``text``
_LINES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("reason", r"update_node: node (?P<node>\S+) reason set to: (?P<text>.*)"),
        ("set", r"update_node: node (?P<node>\S+) state set to ?(?P<text>\S*).*"),
        ("drained", r"drain_nodes: node (?P<node>\S+) state set to DRAIN.*"),
        ("silent", r"Nodes (?P<nodes>\S+) not responding, setting DOWN.*"),
        ("rebooted", r"(?:\w+: )?Node (?P<node>\S+) unexpectedly rebooted.*"),
        ("invalid", r"Setting node (?P<node>\S+) state to INVAL with reason:(?P<text>.*)"),
        ("down", r"Setting node (?P<node>\S+) state to DOWN.*"),
        ("returned", r"(?:node_did_resp: )?node (?P<node>\S+) returned to service.*"),
        ("booted", r"Node (?P<node>\S+) rebooted (?P<text>\d{1,9}) secs ago.*"),
        ("asked", r"reboot request queued for nodes (?P<nodes>\S+).*"),
        ("issued", r"(?:Issuing|Queuing) reboot request for nodes (?P<nodes>\S+).*"),
        ("spared", r"Canceling REBOOT on node (?P<node>\S+).*"),
        ("prolog", r"(?:\w+: )?Prolog or job env setup failure on node (?P<node>[^\s,]+), draining.*"),
        ("epilog", r"(?:\w+: )?JobId=\S+ epilog error on (?P<node>[^\s,]+), draining.*"),
        ("batch", r"slurmd error running JobId=\S+ on node\(s\)=(?P<nodes>[^\s:]+):.*"),
        (
            "low",
            r"Node (?P<node>\S+) has (?P<text>low (?:real_memory|cpu count|tmp_disk|socket\*core\*thread count)).*",
        ),
    )
)
#: what Slurm writes as the reason where the log says only what went wrong
_HINTS: Final = {
    "prolog": "Prolog error",
    "epilog": "Epilog error",
    "batch": "batch job complete failure",
    "low real_memory": "Low RealMemory",
    "low cpu count": "Low CPUs",
    "low tmp_disk": "Low TmpDisk",
    "low socket*core*thread count": "Low socket*core*thread count",
}


@dataclass(frozen=True, slots=True)
class _Interval:
    from_utc: datetime
    state: str
    reason: str | None
    set_by: str | None
    planned: bool
    continues: bool


@dataclass(slots=True)
class _Node:
    """What is known of one node at this place of the log."""

    open: _Interval | None = None
    reason: str | None = None
    hint: str | None = None
    draining: bool = False
    #: None until the log says anything about the node
    up: bool | None = None
    #: end of the last unplanned outage
    failed_until: datetime | None = None
    booted: datetime | None = None
    reboot_asked: bool = False


@dataclass(slots=True)
class NodeLines:
    """Follows the nodes through one log.

    Parameters
    ----------
    source
        Name to put into the rows.
    """

    source: str
    _nodes: dict[str, _Node] = field(default_factory=dict)

    #: pattern: a line without any of these is about no node's state
    needles: ClassVar[str] = (
        r" set to|setting DOWN|rebooted|Setting node|returned to service|reboot request|REBOOT|, draining"
        r"|slurmd error| has low "
    )

    @staticmethod
    def matches(message: str) -> tuple[str, re.Match[str]] | None:
        """Return what a message says about a node; None if it says nothing."""
        for name, pattern in _LINES:
            found = pattern.fullmatch(message)
            if found is not None:
                return name, found
        return None

    def rows(self, said: tuple[str, re.Match[str]], time: datetime) -> Sequence[Row]:
        """Return the intervals that end with a message.

        Raises
        ------
        ValueError
            If the list of nodes or the state is none.
        """
        name, found = said
        groups = found.groupdict()
        nodes = parse_hosts(groups["nodes"]) if "nodes" in groups else [groups["node"]]
        return [row for node in nodes for row in self._one(name, node, groups.get("text") or "", time)] or KEPT

    def finish(self) -> Iterator[Row]:
        """Yield the intervals that last beyond the end of the log."""
        for name, node in self._nodes.items():
            if node.open is not None:
                yield self._row(name, node.open, None)

    def _one(self, said: str, name: str, text: str, time: datetime) -> Sequence[Row]:
        node = self._nodes.setdefault(name, _Node())
        reason = _reason(said, node, text)
        if reason is not None:
            return self._fail(name, node, said, reason, time)
        match said:
            case "reason":
                node.reason = text.strip() or None
            case "set":
                return self._set(name, node, parse_node_state(text), time)
            case "returned":
                return self._return(name, node, time)
            case "booted":
                node.booted = time - timedelta(seconds=int(text))
            case "asked" | "spared":
                node.reboot_asked = said == "asked"
            case _:
                node.hint = _HINTS[text or said]
        return NOTHING

    def _fail(self, name: str, node: _Node, said: str, reason: str, time: datetime) -> Sequence[Row]:
        """Begin what Slurm did to the node of its own accord."""
        node.reason = reason or None
        if said == "drained":
            node.draining = True
            return NOTHING if _state(node) == "down" else self._begin(name, node, "drain", time, _DAEMON)
        return self._begin(name, node, "down", time, None if said == "issued" else _DAEMON)

    def _set(self, name: str, node: _Node, state: str, time: datetime) -> Sequence[Row]:
        if state == "up":
            node.draining = False
            return self._up(name, node, time)
        node.draining |= state == "drain"
        return self._begin(name, node, state, time, None)

    def _begin(self, name: str, node: _Node, state: str, time: datetime, set_by: str | None) -> Sequence[Row]:
        """Begin an interval, unless it is the one that lasts."""
        before = node.open
        node.hint, node.up, node.booted, node.reboot_asked = None, False, None, False
        if before is not None and (before.state, before.reason) == (state, node.reason):
            return NOTHING
        rows = self._end(name, node, time)
        planned = read_reason(node.reason or "").planned
        node.open = _Interval(time, state, node.reason, set_by, planned, node.failed_until == time)
        return rows

    def _return(self, name: str, node: _Node, time: datetime) -> Sequence[Row]:
        """End an outage by the node's own return: it stays drained if it was, and may have been sent to reboot."""
        if node.open is None and node.reboot_asked:
            begun = min(node.booted or time, time)
            interval = _Interval(begun, "down", "reboot requested", None, planned=True, continues=False)
            node.reboot_asked, node.booted, node.reason, node.up = False, None, None, True
            return [self._row(name, interval, time)]
        if node.draining and _state(node) == "down":
            return self._begin(name, node, "drain", time, None)
        return self._up(name, node, time)

    def _up(self, name: str, node: _Node, time: datetime) -> Sequence[Row]:
        known = node.up is not None
        rows = self._end(name, node, time)
        node.reason, node.hint, node.up = None, None, True
        if known:
            return rows
        # The outage that ends here began before this part of the log.
        return [self._row(name, _Interval(time, "up", None, None, planned=False, continues=False), None)]

    def _end(self, name: str, node: _Node, time: datetime) -> Sequence[Row]:
        interval, node.open = node.open, None
        if interval is None:
            return NOTHING
        if interval.state == "down" and not interval.planned:
            node.failed_until = time
        return [self._row(name, interval, max(time, interval.from_utc))]

    def _row(self, name: str, interval: _Interval, to_utc: datetime | None) -> Row:
        reason = read_reason(interval.reason or "")
        values: dict[str, Any] = {
            "node": name,
            "from_utc": interval.from_utc,
            "to_utc": to_utc,
            "state": interval.state,
            "planned": interval.planned,
            "continues": interval.continues,
            "reason": interval.reason,
            "set_by": interval.set_by,
            "component": reason.component,
            "symptom": reason.symptom,
            "domain": reason.domain,
            "source": self.source,
        }
        return Row("node_states", values)


def _state(node: _Node) -> str:
    return "up" if node.open is None else node.open.state


def _reason(said: str, node: _Node, text: str) -> str | None:
    """Return the reason of a node that Slurm itself takes out of service; None if a message does not say so."""
    match said:
        case "drained" | "down":
            return _kept(node) or node.hint or ""
        case "silent":
            return node.reason or _NOT_RESPONDING
        case "rebooted":
            return _kept(node) or "Node unexpectedly rebooted"
        case "invalid":
            return text.strip() or node.reason or ""
        case "issued":
            return f"{node.reason} : reboot issued" if node.reason else "reboot issued"
    return None


def _kept(node: _Node) -> str | None:
    """Return the reason that stands when Slurm notices a failure itself."""
    return None if node.reason == _NOT_RESPONDING else node.reason
