"""``perfquery``: all counters of ports, reading after reading.

The format is that of infiniband-diags (``src/perfquery.c``), the short names of counters in older releases included;
written from its output as users have posted it. A file holds readings of one port or several, each group after a line
with its date. A port is named by its LID alone: ``--node`` says whose ports they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.fabric.port_counters import Port, Readings
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_HEADER: Final = re.compile(
    r"# Port (?P<extended>extended )?counters: (?:Lid|DR path slid) (?P<lid>\d{1,5})\D.*?port (?P<port>\d{1,3})\b.*"
)
_ALL: Final = re.compile(r"# Port (?:extended )?counters: .*all ports.*")
_COUNTER: Final = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9]{1,63}):\.*(?P<value>0x[0-9a-fA-F]{1,16}|\d{1,20})")
_NO_HOST: Final = "{count} events name their port by its LID only; give --node to say whose ports they are"


class Perfquery(Source):
    """Source of ``events``."""

    name = "perfquery"
    title = "InfiniBand port counters: perfquery, with a date before each reading"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether there is a header of perfquery with counters below it."""
        lines = head_lines(head, 1_000)
        return any(line.startswith("# Port ") and (_HEADER.fullmatch(line) or _ALL.fullmatch(line)) for line in lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield an event for every counter that rose since the reading before."""
        findings = Findings()
        reader = _Reader(Readings(self.name, options, findings), options.node, findings)
        yield from chunks(numbered_lines(file), reader.parse, str, findings)


class _Reader:
    def __init__(self, readings: Readings, node: str | None, findings: Findings) -> None:
        self._readings = readings
        self._node = node
        self._findings = findings
        self._port: Port | None = None
        self._extended = False
        self._summed = False
        # Newer tools print a counter twice, the extended one does not stop at 255.
        self._kind: dict[tuple[Port, str], bool] = {}

    def parse(self, line: str) -> Sequence[Row]:
        """Return the event of one line."""
        if self._readings.date(line):
            self._port = None
            return NOTHING
        if line.startswith("#"):
            self._begin(line)
            return NOTHING
        counter = _COUNTER.fullmatch(line.strip())
        if counter is None:
            raise ValueError("nothing that perfquery prints")
        if self._summed:
            return NOTHING
        if self._port is None:
            raise ValueError("a counter without the port it is of")
        name, value = counter["name"], counter["value"]
        if self._kind.setdefault((self._port, name), self._extended) != self._extended or value.startswith("0x"):
            return NOTHING
        event = self._readings.event(self._port, name, int(value))
        if event is None:
            return KEPT
        if self._node is None:
            self._findings.note(_NO_HOST)
        return [event]

    def _begin(self, line: str) -> None:
        header = _HEADER.fullmatch(line)
        self._summed = header is None and _ALL.fullmatch(line) is not None
        if header is None:
            self._port = None
            return
        self._extended = header["extended"] is not None
        lid = header["lid"]
        self._port = Port("nic" if self._node else "link", None, self._node, header["port"], f"Lid {lid}")
