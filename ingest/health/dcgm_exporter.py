"""Scrapes of dcgm-exporter: Prometheus' text exposition, one scrape or several one after the other.

The layout is that of *Exposition formats* in Prometheus' documentation; the labels are those of NVIDIA's dcgm-exporter
3 and 4. Written from those and from scrapes in public repositories. What it means: :mod:`ingest.health.gpu_metrics`.

A sample is of its own time stamp (milliseconds), where it has one. dcgm-exporter prints none: such samples are of
``--taken-at``, else of the file's time stamp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingest.health.gpu_metrics import GpuMetrics, is_followed, series_of
from ingest.health.unix_time import from_unix
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_LONGEST_LINE: Final = 1 << 14
_LIKE_EXPOSITION: Final = re.compile(r"# (?:HELP|TYPE|EOF|UNIT)\b|[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{| )")
_DCGM_SAMPLE: Final = re.compile(rb"^DCGM_FI_[A-Z0-9_]+\{[^\n]*\} [-+0-9.eENaIinf]+", re.MULTILINE)
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPE: Final = re.compile(r"\\(.)")
_NO_TIMES: Final = "{count} samples have no time of their own: taken to be of the file's time stamp; give --taken-at"


class DcgmExporter(Source):
    """Source of ``events``."""

    name = "dcgm-exporter"
    title = "scrapes of dcgm-exporter (Prometheus text)"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file is an exposition with metrics of DCGM."""
        first = head_lines(head, most=1)
        return bool(first) and _LIKE_EXPOSITION.match(first[0]) is not None and _DCGM_SAMPLE.search(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events."""
        findings = Findings()
        parser = _Parser(options, file.modified_utc(), findings, GpuMetrics(self.name, findings))
        yield from chunks(numbered_lines(file, _LONGEST_LINE), parser.parse, lambda line: line, findings)


@dataclass(slots=True)
class _Parser:
    options: Options
    modified_utc: datetime
    findings: Findings
    metrics: GpuMetrics

    def parse(self, line: str) -> Sequence[Row]:
        """Return the event that a line shows, if it shows one."""
        text = line.strip()
        if text.startswith("#"):
            return NOTHING
        name = _NAME.match(text)
        if name is None:
            raise ValueError("not a sample: it does not begin with the name of a metric")
        if not is_followed(name[0]):
            return NOTHING
        labels, rest = _labels(text[name.end() :])
        series = series_of(name[0], labels, self.options.node)
        value, _, stamp = rest.strip().partition(" ")
        event = self.metrics.sample(series, self._time(stamp.strip()), float(value))
        return KEPT if event is None else (event,)

    def _time(self, stamp: str) -> datetime:
        if stamp:
            return from_unix(int(stamp) / 1000)
        if self.options.taken_utc is not None:
            return self.options.taken_utc
        self.findings.note(_NO_TIMES)
        return self.modified_utc


def _labels(text: str) -> tuple[dict[str, str], str]:
    """Return the labels at the beginning of a text, and what comes behind them."""
    if not text.startswith("{"):
        return {}, text
    labels = {}
    at = 1
    while (match := _LABEL.match(text, at)) is not None:
        labels[match[1]] = _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])
        at = match.end()
    if text[at : at + 1] != "}":
        raise ValueError(f"not a label at {text[at : at + 40]!r}")
    return labels, text[at + 1 :]
