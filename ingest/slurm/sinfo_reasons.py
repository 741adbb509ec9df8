"""``sinfo -R``: the nodes that are down or drained, since when, by whom and why.

The default columns have fixed widths, and the reason is cut at 20 characters. ``-l`` adds the state, ``-N`` gives a
line per node; with ``-o`` and a bar between the columns any columns in any order, as long as there are the reason, the
time and the nodes. The format is that of sinfo's manual page (``-o``) and ``src/sinfo/print.c``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.slurm.host_lists import parse_hosts
from ingest.slurm.node_events import parse_node_state
from ingest.slurm.node_views import Outage, Snapshot
from ingest.source import Chunk, Options, Source
from reliability.errors import UnreadableInputError

#: what may follow the reason in columns of fixed width: none of it holds blanks, so that lines are cut from their ends
_AFTER_REASON: Final = frozenset({"USER", "TIMESTAMP", "STATE", "NODELIST", "HOSTNAMES"})
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|Unknown|N/A|")
_NO_STATE: Final = (
    "{count} lines do not say whether a node is down or drained: taken as drained, unless the reason tells"
)
#: Slurm gives these to nodes that it sets down; as far as the default width shows them
_DOWN: Final = ("Not responding", "Node unexpectedly rebooted")
_CUT_AT: Final = 20

_Cut = Callable[[str], dict[str, str] | None]


class SinfoReasons(Source):
    """Source of ``node_states``."""

    name = "slurm-sinfo-reasons"
    title = "Slurm nodes out of service: sinfo -R, also with -l, -N, or -o and bars"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first line is a header of sinfo with reason, time and nodes."""
        return _layout(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield one row per node.

        Raises
        ------
        UnreadableInputError
            If there is no header.
        """
        cut = _layout(file.head())
        if cut is None:
            raise UnreadableInputError(file.path, "no header with REASON, TIMESTAMP and NODELIST")
        findings = Findings()
        reader = _Reader(cut, Snapshot(self.name, file, options, findings), findings)
        yield from chunks(numbered_lines(file), reader.parse, str, findings)


def _layout(head: bytes) -> _Cut | None:
    """Return what cuts the lines of a file into their columns, told from its header."""
    lines = head_lines(head, 1)
    bars = "|" in lines[0] if lines else False
    names = [name.strip() for name in (lines[0].split("|") if bars else lines[0].split())] if lines else []
    if not {"REASON", "TIMESTAMP"} <= set(names) or not {"NODELIST", "HOSTNAMES"} & set(names):
        return None
    if bars:
        return lambda line: _barred(line, names)
    if names[0] != "REASON" or not set(names[1:]) <= _AFTER_REASON:
        return None
    return lambda line: _fixed(line, names)


def _fixed(line: str, names: list[str]) -> dict[str, str] | None:
    values = line.rsplit(None, len(names) - 1)
    if len(values) == len(names) - 1:
        values.insert(0, "")  # an empty reason
    return dict(zip(names, values, strict=True)) if len(values) == len(names) else None


def _barred(line: str, names: list[str]) -> dict[str, str] | None:
    values = [value.strip() for value in line.split("|")]
    if len(values) == len(names) + 1 and not values[-1]:
        values.pop()  # a bar after the last column
    if len(values) != len(names):
        return None
    return dict(reversed(list(zip(names, values, strict=True))))  # of two columns with one name the first counts


class _Reader:
    def __init__(self, cut: _Cut, snapshot: Snapshot, findings: Findings) -> None:
        self._cut = cut
        self._snapshot = snapshot
        self._findings = findings
        # With -o a node has a line for each of its partitions.
        self._seen: set[tuple[str, str, str]] = set()

    def parse(self, line: str) -> Sequence[Row]:
        """Return the rows of one line."""
        fields = self._cut(line)
        if fields is None:
            raise ValueError("not cut like the header")
        if fields["REASON"] == "REASON":
            return NOTHING
        if _STAMP.fullmatch(fields["TIMESTAMP"]) is None:
            raise ValueError("no time where the header has TIMESTAMP")
        reason = fields["REASON"].strip()
        if reason in {"none", ""} and fields["TIMESTAMP"] in {"Unknown", "N/A", ""}:
            return NOTHING
        user = fields.get("USER", "")
        rows = []
        for node in parse_hosts(fields.get("NODELIST") or fields["HOSTNAMES"]):
            key = (node, fields["TIMESTAMP"], fields.get("STATE", ""))
            if key in self._seen:
                continue
            self._seen.add(key)
            outage = Outage(
                node=node,
                state=self._state(fields, reason),
                reason=_whole(reason),
                set_by=None if user in {"Unknown", "N/A", ""} else user.partition("(")[0],
                since=self._snapshot.time(fields["TIMESTAMP"]),
            )
            row = self._snapshot.state_row(outage)
            rows += [] if row is None else [row]
        return rows

    def _state(self, fields: dict[str, str], reason: str) -> str:
        if "STATE" in fields:
            return parse_node_state(fields["STATE"])
        self._findings.note(_NO_STATE)
        return "down" if _whole(reason) in _DOWN else "drain"


def _whole(reason: str) -> str:
    """Return a reason of Slurm's own that the column cut off."""
    return next((text for text in _DOWN if text[:_CUT_AT] == reason), reason)
