"""Events of NVIDIA's Unified Fabric Manager: its ``event.log``, and the CSV its log analyzer makes of that.

Written from the analyzer's source (public repository ``Mellanox/ufm_sdk_3.0``, ``plugins/ufm_log_analyzer_plugin``: the
pattern of a line, the columns of the CSV, and ``policy.csv``, the list of all events with their texts) and from the
patterns in ``imbue-ai/cluster-health``; no real file was at hand. Times are local to the UFM server.

Only events about links, switches, their modules and nodes are kept; what UFM says of itself, of licences, partitions or
congestion is dropped. UFM cannot tell a fault from a reboot: a lost link is a ``warning``; a node or a switch that is
gone is ``critical``, for what ran over it has ended. A switch is never put down as a node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.parsing.quoted import head_columns, quoted_records
from ingest.parsing.stamps import local_to_utc
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_COLUMNS: Final = ("timestamp", "severity", "event_type", "object_type", "object_id", "event", "event_details")
_AMBIGUOUS: Final = "{count} events have a time that occurs twice because the clocks were set back: read as the earlier"
_LINE: Final = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) \[\d+\] \[(?P<code>\d{1,5})\] \w+ "
    r"(?:Site \[[^\]]*\] )?\[\w+\] \w+ \[(?P<object>[^\]]*)\](?: \[dev_id: (?P<device>\w+)\])?(?P<more>[^:]{0,200}): "
    r"(?P<text>.*)",
    re.DOTALL,
)
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?")
_COMPUTER: Final = re.compile(r"Computer: ?([\w.-]+)")
_SITE: Final = re.compile(r"Site configuration changes: ([\w.-]+)")
_PORT: Final = re.compile(r"(?:Switch|Computer): ?[^/\]]*/ ?([^\]]+)")
_CABLE: Final = re.compile(r"cable S/N: ?(\w+)")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One event of UFM: what its text begins with (for the CSV, which drops the number), and what it means."""

    text: re.Pattern[str]
    component: str
    symptom: str
    domain: str
    severity: str


def _kinds(*rows: tuple[int, str, str, str, str, str]) -> Mapping[int, _Kind]:
    return {code: _Kind(re.compile(text), *meaning) for code, text, *meaning in rows}


_LINK: Final = ("link", "ib_link", "hardware", "warning")
_KINDS: Final = _kinds(
    (110, r"Symbol-Error counter", *_LINK),
    (111, r"Link-Error-Recovery counter", *_LINK),
    (112, r"Link-Downed counter", *_LINK),
    (113, r"PortRcvErrors counter", *_LINK),
    (119, r"LocalLinkIntegrityErrors counter", *_LINK),
    (120, r"ExcessiveBufferOverrunErrors counter", *_LINK),
    (130, r"Found a \S+ link that operates in \S+ width mode", *_LINK),
    (141, r"Flow Control Update watchdog timer", *_LINK),
    (328, r"Link is up", "link", "ib_link", "hardware", "info"),
    (329, r"Link went down", *_LINK),
    (331, r"Site configuration changes: .* node is Down", "node", "node_unresponsive", "other", "critical"),
    (332, r"Site configuration changes: .* node is Up", "node", "node_unresponsive", "other", "info"),
    (344, r"Number of switch unhealthy ports exceeded", "switch", "ib_link", "hardware", "critical"),
    (382, r"Module .* status is NOT PRESENT", "switch", "other", "hardware", "warning"),
    (394, r"Module .* status is", "switch", "other", "hardware", "warning"),
    (392, r"Module Temperature threshold", "switch", "cooling", "hardware", "warning"),
    (399, r"Chip .* was removed from switch", "switch", "ib_link", "hardware", "critical"),
    (407, r"COMEX Ambient Temperature threshold", "switch", "cooling", "hardware", "warning"),
    (701, r"Found a \S+ link that operates in \S+ speed mode", *_LINK),
    (702, r"Peer Port .* is considered by SM as unhealthy", *_LINK),
    (750, r"High number of data retransmissions", *_LINK),
    (907, r"Site configuration changes: .* (?<!Director )Switch is Down", "switch", "ib_link", "hardware", "critical"),
    (908, r"Site configuration changes: .* (?<!Director )Switch is Up", "switch", "ib_link", "hardware", "info"),
    (909, r"Site configuration changes: .* Director Switch is Down", "switch", "ib_link", "hardware", "critical"),
    (910, r"Site configuration changes: .* Director Switch is Up", "switch", "ib_link", "hardware", "info"),
    (911, r"Module Temperature threshold", "switch", "cooling", "hardware", "warning"),
    (912, r"Module Temperature threshold", "switch", "cooling", "hardware", "warning"),
    (913, r"Voltage of Sensor", "switch", "power", "hardware", "warning"),
    (914, r"Current of Sensor", "switch", "power", "hardware", "warning"),
    (915, r"Effective BER Error", *_LINK),
    (916, r"Effective BER Warning", *_LINK),
    (917, r"Symbol BER Error", *_LINK),
    (918, r"Symbol BER Warning", *_LINK),
)


@dataclass(frozen=True, slots=True)
class _Event:
    code: int
    stamp: str
    about: str
    device: str | None
    text: str


class UfmEventLog(Source):
    """Source of ``events``."""

    name = "ufm-event-log"
    title = "UFM event log: event.log of NVIDIA's Unified Fabric Manager"
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines are events of UFM."""
        lines = head_lines(head)
        return sum(_LINE.fullmatch(line) is not None for line in lines) > 0.5 * len(lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events about links, switches and nodes."""
        findings = Findings()
        reader = _Reader(self.name, options, findings)
        yield from chunks(numbered_lines(file), reader.line, str, findings)


class UfmEventsCsv(Source):
    """Source of ``events``."""

    name = "ufm-events"
    title = "UFM events as CSV: timestamp, severity, event_type, object_type, object_id, event, event_details"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the header is that of UFM's log analyzer."""
        return head_columns(head, ",") == _COLUMNS

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events about links, switches and nodes."""
        findings = Findings()
        reader = _Reader(self.name, options, findings)
        yield from chunks(quoted_records(file, ","), reader.record, ",".join, findings)


class _Reader:
    def __init__(self, source: str, options: Options, findings: Findings) -> None:
        self._source = source
        self._zone = ZoneInfo(options.zone)
        self._findings = findings

    def line(self, line: str) -> Sequence[Row]:
        """Return the event of a line of the log."""
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError("no event of UFM")
        code = int(found["code"])
        if code not in _KINDS:
            return NOTHING
        return [
            self._row(_Event(code, found["stamp"], found["object"] + found["more"], found["device"], found["text"]))
        ]

    def record(self, record: list[str]) -> Sequence[Row]:
        """Return the event of a record of the CSV."""
        if tuple(record) == _COLUMNS:
            return NOTHING
        if len(record) != len(_COLUMNS):
            raise ValueError(f"{len(record)} values where the header has {len(_COLUMNS)}")
        fields = dict(zip(_COLUMNS, record, strict=True))
        details = fields["event_details"].strip()
        text = fields["event"].strip() + (f": {details}" if details else "")
        code = next((code for code, kind in _KINDS.items() if kind.text.match(text)), None)
        if code is None:
            return NOTHING
        return [self._row(_Event(code, fields["timestamp"], fields["object_id"], None, text))]

    def _row(self, event: _Event) -> Row:
        kind = _KINDS[event.code]
        place = f"{event.about} {event.text}"
        host = _COMPUTER.search(place) or (_SITE.match(event.text) if kind.component == "node" else None)
        cable = _CABLE.search(event.text) if kind.component == "link" else None
        port = _PORT.search(event.about)
        values = {
            "time_utc": self._time(event.stamp),
            "node": host and host[1],
            "component": kind.component,
            "component_id": cable[1] if cable else event.device,
            "slot": port and port[1].strip(),
            "symptom": _module_symptom(event.text) if event.code in {382, 394} else kind.symptom,
            "domain": kind.domain,
            "code": f"ufm:{event.code}",
            "severity": kind.severity,
            "source": self._source,
            "message": f"{event.about.strip()}: {event.text}",
        }
        return Row("events", values)

    def _time(self, stamp: str) -> datetime:
        if _STAMP.fullmatch(stamp) is None:
            raise ValueError("no time such as 2024-03-10 02:30:00.123")
        self._findings.naive_times = True
        time, ambiguous = local_to_utc(datetime.fromisoformat(_six_digits(stamp)), self._zone)
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return time


def _six_digits(stamp: str) -> str:
    whole, _, fraction = stamp.partition(".")
    return f"{whole}.{fraction:0<6}"


def _module_symptom(text: str) -> str:
    if re.search(r"\bfan", text, re.IGNORECASE):
        return "cooling"
    return "power" if re.search(r"\bps(?:u|\b|\d)", text, re.IGNORECASE) else "other"
