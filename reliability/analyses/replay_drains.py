"""Lemons drained in a replay: which nodes, from which day on, and what their capacity costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reliability.analyses.lemon_drains import named_on_their_day
from reliability.analyses.lemon_evidence import gather
from reliability.analyses.lemons import lemons

if TYPE_CHECKING:
    from reliability.analyses.replay_levers import Levers
    from reliability.lake import Lake

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DrainedNode:
    """A node that is drained from a moment on."""

    cluster: str
    node: str
    from_utc: datetime


def drained_nodes(lake: Lake, levers: Levers) -> tuple[DrainedNode, ...]:
    """Return whom the lever drains, the first one first.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    levers
        `drain_lemons` says by whom the lemons are named, `hindsight` whether everything is known from the beginning.

    Notes
    -----
    Without hindsight nodes are judged every seven days, by what the log held until then and for the first time when 28
    days are known; a named node is drained from the midnight (UTC) after. Nodes are judged by the whole observation of
    the lake, whatever part of it is replayed.
    """
    if levers.drain_lemons is None:
        return ()
    if levers.hindsight:
        found = lemons(lake)
        by_model = levers.drain_lemons == "model"
        named = [node for node in found.nodes if (node.named_by_model if by_model else node.named_by_rule)]
        return tuple(DrainedNode(node.cluster, node.node, found.from_utc) for node in named)
    evidence = gather(lake, None, None, 28.0)
    if evidence is None:
        return ()
    moments = named_on_their_day(lake, evidence)[levers.drain_lemons]
    nodes = [DrainedNode(cluster, node, _next_midnight(moment)) for (cluster, node), moment in moments.items()]
    return tuple(sorted(nodes, key=lambda node: (node.from_utc, node.cluster, node.node)))


def drain_values(nodes: tuple[DrainedNode, ...]) -> dict[str, list[str] | list[int]]:
    """Return the nodes as the questions take them: three lists of equal length."""
    return {
        "drained_clusters": [node.cluster for node in nodes],
        "drained_nodes": [node.node for node in nodes],
        "drained_micros": [(node.from_utc - _EPOCH) // timedelta(microseconds=1) for node in nodes],
    }


def _next_midnight(moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + timedelta(days=1)
