"""``ibqueryerrors``: the ports of a fabric whose error counters are above a threshold, scrape after scrape.

The format is that of infiniband-diags (``src/ibqueryerrors.c``); written from its output as users have posted it, no
file of a whole scrape was at hand. A file holds one scrape or several, each after a line with its date. A counter below
its threshold is not printed, so the scrape in which it first appears counts as its first reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.fabric import names
from ingest.fabric.port_counters import Port, Readings
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_NODE: Final = re.compile(r'Errors for (?:0x(?P<guid>[0-9a-f]{1,16}) ?)?(?:"(?P<text>.*)")?')
_PORT: Final = re.compile(r"\s*GUID 0x(?P<guid>[0-9a-f]{1,16}) port (?P<port>ALL|\d{1,3}):(?P<counters>.*)")
_COUNTER: Final = re.compile(r"\[(\w{1,64}) == (\w{1,64})")
_OTHER: Final = re.compile(r"\s*##|\s*Link info:|Suppressing:|ibwarn:|\s*#")


class Ibqueryerrors(Source):
    """Source of ``events``."""

    name = "ibqueryerrors"
    title = "InfiniBand port errors: ibqueryerrors, with a date before each scrape"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether there is a node with errors and a port with counters."""
        lines = head_lines(head, 1_000)
        return any(_NODE.fullmatch(line) for line in lines) and any(
            (found := _PORT.fullmatch(line)) and _COUNTER.search(found["counters"]) for line in lines
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield an event for every counter that rose since the scrape before."""
        findings = Findings()
        reader = _Reader(Readings(self.name, options, findings))
        yield from chunks(numbered_lines(file), reader.parse, str, findings)


class _Reader:
    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._switch = False
        self._description: str | None = None

    def parse(self, line: str) -> Sequence[Row]:
        """Return the events of one line."""
        if self._readings.date(line):
            self._description = None
            return NOTHING
        node = _NODE.fullmatch(line)
        if node is not None:
            self._switch = node["guid"] is not None
            self._description = node["text"] or node["guid"] or ""
            return NOTHING
        port = _PORT.fullmatch(line)
        if port is None:
            if _OTHER.match(line):
                return NOTHING
            raise ValueError("nothing that ibqueryerrors prints")
        if port["port"] == "ALL":
            return NOTHING  # the sum over a switch's ports
        if self._description is None:
            raise ValueError("counters without the node they are of")
        one = self._port(port["guid"], port["port"])
        counters = [(name, int(value)) for name, value in _COUNTER.findall(port["counters"])]
        events = [self._readings.event(one, name, value) for name, value in counters]
        return [event for event in events if event is not None] or KEPT

    def _port(self, guid: str, number: str) -> Port:
        text = self._description or ""
        return Port(
            component="switch" if self._switch else "nic",
            component_id=guid.rjust(16, "0"),
            host=None if self._switch else names.adapter(text).host,
            number=number,
            description=text,
        )
