"""``scontrol show node``, over several lines or with ``-o`` on one: what each node is, and why it is out of service.

Written from the output of 22.05 and 26.05 and from ``slurm_sprint_node_table`` in Slurm's ``src/api/node_info.c``. The
output does not say which cluster it is of, nor when it was taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import Findings, Row, chunks
from ingest.slurm.node_events import parse_node_state
from ingest.slurm.node_views import Outage, Snapshot, node_row, stamp
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source

_BEGIN: Final = re.compile(r"NodeName=\S")
_PAIR: Final = re.compile(r"(?:^|\s)([A-Za-z][A-Za-z_]*)=(\S*)")
_REASON: Final = re.compile(r"\sReason=")
_SYSTEM: Final = re.compile(r"\sOS=")
_STAMP: Final = re.compile(r"\[([^@\[\]]{0,64})@([^@\[\]]{1,40})\]")
_FIELD: Final = re.compile(r"\s(?=[A-Z][A-Za-z]*=)")
#: a node's text with more lines than this is taken for something else
_MOST_LINES: Final = 100
_ATTRIBUTES: Final = {
    "arch": "Arch",
    "features": "AvailableFeatures",
    "partitions": "Partitions",
    "version": "Version",
}


class ScontrolNode(Source):
    """Source of ``nodes`` and ``node_states``."""

    name = "scontrol-node"
    title = "Slurm nodes: scontrol show node, with or without --oneliner"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins with a node as scontrol shows it (slurm.conf never says what is allocated)."""
        lines = head_lines(head, _MOST_LINES)
        begins = [place for place, line in enumerate(lines) if _BEGIN.match(line.lstrip())]
        if begins[:1] != [0]:
            return False
        first = "\n".join(lines[: begins[1] if len(begins) > 1 else None])
        return "CPUAlloc=" in first and "State=" in first

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield one row per node, and one more per node that is out of service."""
        findings = Findings()
        snapshot = Snapshot(self.name, file, options, findings)
        yield from chunks(_records(file), lambda text: _rows(text, snapshot), str, findings)


def _records(file: InputFile) -> Iterator[tuple[int, str | Reject]]:
    """Put the lines of each node together."""
    begun: tuple[int, list[str]] | None = None
    for number, line in numbered_lines(file):
        if isinstance(line, str) and not _BEGIN.match(line.lstrip()) and begun and len(begun[1]) < _MOST_LINES:
            begun[1].append(line)
            continue
        if begun:
            yield begun[0], "\n".join(begun[1])
        begun = None
        if isinstance(line, Reject):
            yield number, line
        elif _BEGIN.match(line.lstrip()):
            begun = (number, [line])
        else:
            yield number, Reject(number, line[:LINE_CUT], "no NodeName before it")
    if begun:
        yield begun[0], "\n".join(begun[1])


def _rows(text: str, snapshot: Snapshot) -> Sequence[Row]:
    text, reason, set_by, since = _reason(text)
    text, system = _system(text)
    fields = dict(_PAIR.findall(text))
    outage = Outage(
        node=fields["NodeName"],
        state=parse_node_state(fields["State"]),
        reason=reason,
        set_by=set_by,
        since=snapshot.time(since),
    )
    attributes = {
        **{key: fields.get(name) for key, name in _ATTRIBUTES.items()},
        "boot_time": stamp(snapshot.time(fields.get("BootTime", ""))),
        "os": system,
    }
    state = snapshot.state_row(outage)
    node = node_row(outage.node, fields.get("CfgTRES", ""), fields.get("Gres", ""), attributes)
    return [node] if state is None else [node, state]


def _reason(text: str) -> tuple[str, str | None, str | None, str]:
    """Cut off the reason, in which anything may stand: what is before it, the reason, who set it, and when."""
    found = _REASON.search(text)
    if found is None:
        return text, None, None, ""
    told, reason = text[: found.start()], text[found.end() :]
    set_at = next(_STAMP.finditer(reason), None)
    if set_at is None:
        return told, _one_line(reason), None, ""
    # Further lines of the reason follow the stamp, and further fields.
    more = _FIELD.split(reason[set_at.end() :], maxsplit=1)[0]
    return told, _one_line(reason[: set_at.start()] + more), set_at[1] or None, set_at[2]


def _system(text: str) -> tuple[str, str | None]:
    """Cut out the operating system, which holds blanks and ends before the memory."""
    found = _SYSTEM.search(text)
    end = text.find("RealMemory=", found.end()) if found else -1
    if found is None or end < 0:
        return text, None
    return text[: found.start()] + " " + text[end:], _one_line(text[found.end() : end])


def _one_line(text: str) -> str | None:
    return " ".join(text.split()) or None
