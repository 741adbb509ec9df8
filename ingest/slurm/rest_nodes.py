"""Nodes as JSON: slurmrestd's ``/slurm/…/nodes``, ``scontrol show nodes --json``, ``sinfo --json``.

Written from real output of 22.05 (data parser 0.0.38), 24.11 (0.0.42) and 26.05 (0.0.44, 0.0.45) and Slurm's OpenAPI
reference. Until 23.02 the state is a word with flags beside it and times are numbers; then it is a list, and numbers
are ``{"set", "infinite", "number"}``. ``sinfo --json`` was the same as the list of nodes until 23.02; since then it has
groups of nodes that are alike, once for every partition. Nodes with different reasons are put into one group with the
reason of one of them, so only a group of one node tells why and since when it is out of service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import KEPT, Findings, Row, chunks
from ingest.slurm.node_events import parse_node_state
from ingest.slurm.node_views import Outage, Snapshot, node_row, stamp
from ingest.source import LINE_CUT, Chunk, Options, Source

_NODE_PATHS: Final = frozenset({"nodes.item.name", "nodes.item.state", "nodes.item.real_memory", "nodes.item.gres"})
_GROUP_PATHS: Final = frozenset({"sinfo.item.node.state", "sinfo.item.nodes.nodes", "sinfo.item.gres.total"})
_SHARED: Final = (
    "{count} nodes are out of service with others in one group of sinfo, whose reason is only one's: not taken"
)
_LATEST: Final = 253_402_214_400  # the year 9999


class SlurmNodesJson(Source):
    """Source of ``nodes`` and ``node_states``."""

    name = "slurm-nodes-json"
    title = "Slurm nodes as JSON: slurmrestd nodes, scontrol show nodes --json, sinfo --json"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document has nodes, or groups of nodes, as Slurm describes them."""
        paths = head_paths(head)
        return paths >= _NODE_PATHS or paths >= _GROUP_PATHS

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield one row per node, and one more per node that is out of service."""
        findings = Findings()
        cluster = next((name for _, name in json_items(file, "meta.slurm.cluster") if isinstance(name, str)), None)
        written = _written(file)
        snapshot = Snapshot(self.name, file, options, findings, written)
        if head_paths(file.head()) >= _NODE_PATHS:
            nodes = _Nodes(cluster or None, snapshot)
            yield from chunks(json_items(file, "nodes.item"), nodes.parse, _show, findings)
        else:
            groups = _Groups(cluster or None, snapshot, findings)
            yield from chunks(json_items(file, "sinfo.item"), groups.parse, _show, findings, groups.finish)


class _Nodes:
    """Reads one node after the other."""

    def __init__(self, cluster: str | None, snapshot: Snapshot) -> None:
        self._cluster = cluster
        self._snapshot = snapshot

    def parse(self, node: Any) -> Sequence[Row]:  # noqa: ANN401 - whatever the document holds
        _check(node)
        name = _text(node["name"])
        if not name:
            raise ValueError("a node without a name")
        attributes = {
            "arch": _text(node.get("architecture")),
            "os": _text(node.get("operating_system")),
            "features": _list(node.get("features")),
            "partitions": _list(node.get("partitions")),
            "version": _text(node.get("version") or node.get("slurmd_version")),
            "boot_time": stamp(_time(node.get("boot_time"))),
        }
        outage = Outage(
            node=name,
            state=_state(node["state"], node.get("state_flags")),
            reason=_text(node.get("reason")) or None,
            set_by=_text(node.get("reason_set_by_user")) or None,
            since=_time(node.get("reason_changed_at")),
        )
        rows = [node_row(name, _text(node.get("tres")), _text(node.get("gres")), attributes)]
        state = self._snapshot.state_row(outage)
        rows += [] if state is None else [state]
        cluster = _text(node.get("cluster_name")) or self._cluster
        return [Row(row.table, {"cluster": cluster, **row.values}) for row in rows]


class _Groups:
    """Reads groups of nodes; a node is in one group for each of its partitions."""

    def __init__(self, cluster: str | None, snapshot: Snapshot, findings: Findings) -> None:
        self._cluster = cluster
        self._snapshot = snapshot
        self._findings = findings
        self._partitions: dict[str, list[str]] = {}
        self._gres: dict[str, str] = {}
        self._features: dict[str, str] = {}
        #: None for nodes that are out of service, the group does not say since when
        self._outages: dict[str, Outage | None] = {}

    def parse(self, group: Any) -> Sequence[Row]:  # noqa: ANN401 - whatever the document holds
        _check(group)
        state = _state(group["node"]["state"], None)
        reason = group.get("reason") or {}
        _check(reason)
        since = _time(reason.get("time"))
        partition = group.get("partition") or {}
        _check(partition)
        names = group["nodes"]["nodes"]
        if not isinstance(names, list):
            raise ValueError("nodes.nodes is no list")  # noqa: TRY004 - refuses the record
        for name in map(_text, names):
            self._partitions.setdefault(name, []).append(_text(partition.get("name")))
            self._gres[name] = _text((group.get("gres") or {}).get("total"))
            self._features[name] = _text((group.get("features") or {}).get("total"))
            if len(names) > 1 and state != "up":
                self._outages.setdefault(name, None)
                continue
            self._outages[name] = Outage(
                name,
                state,
                _text(reason.get("description")) or None,
                _text(reason.get("user") or group.get("reason_set_by_user")) or None,
                since,
            )
        return KEPT

    def finish(self) -> Iterator[Row]:
        """Yield the nodes."""
        for name, outage in self._outages.items():
            attributes = {
                "features": self._features[name],
                "partitions": ",".join(dict.fromkeys(filter(None, self._partitions[name]))),
            }
            state = None if outage is None else self._snapshot.state_row(outage)
            if outage is None:
                self._findings.note(_SHARED)
            for row in (node_row(name, "", self._gres[name], attributes), *([] if state is None else [state])):
                yield Row(row.table, {"cluster": self._cluster, **row.values})


def _check(value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - refuses the record


def _state(state: object, flags: object) -> str:
    words = [*(state if isinstance(state, list) else [state]), *(flags if isinstance(flags, list) else [])]
    return parse_node_state("+".join(map(str, words)))


def _written(file: InputFile) -> datetime | None:
    """Return the time the document gives itself; None if it has none that can be read."""
    try:
        return next((_time(number) for _, number in json_items(file, "last_update")), None)
    except ValueError:
        return None


def _time(value: object) -> datetime | None:
    """Return Unix seconds as an instant; 0 and what is not set mean that there is none."""
    if isinstance(value, dict):
        value = value.get("number") if value.get("set") else None
    if value is None or value == 0:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST:
        raise ValueError(f"no time in seconds: {str(value)[:40]}")
    return datetime.fromtimestamp(value, UTC)


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"no text: {str(value)[:40]}")  # noqa: TRY004 - refuses the record
    return value


def _list(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else _text(value)


def _show(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:LINE_CUT]
