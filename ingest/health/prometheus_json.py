"""History of GPUs out of Prometheus: the JSON of ``/api/v1/query_range`` (and ``/api/v1/query``).

The layout is that of *HTTP API* in Prometheus' documentation, ``resultType`` ``matrix`` or ``vector``; Thanos, Mimir
and VictoriaMetrics answer alike. Written from it; no real file was at hand. What it means:
:mod:`ingest.health.gpu_metrics`, for dcgm-exporter's metrics; other metrics say nothing about failures.

When a pod comes or goes, Prometheus begins a new series for the same GPU: all series of a GPU are put together and
sorted by time before they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.health.gpu_metrics import GpuMetrics, Series, is_followed, series_of
from ingest.health.unix_time import from_unix
from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_OTHER: Final = "{count} series are of metrics that say nothing about failures of GPUs: left out"


class PrometheusJson(Source):
    """Source of ``events``."""

    name = "prometheus-json"
    title = "Prometheus' query_range of dcgm-exporter's metrics, as JSON"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document is an answer of Prometheus with series in it."""
        return {"status", "data.resultType", "data.result"} <= head_paths(head)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events, all at the end."""
        findings = Findings()
        parser = _Parser(options.node, findings, GpuMetrics(self.name, findings))
        items = json_items(file, "data.result.item")
        yield from chunks(items, parser.parse, lambda series: str(series)[:500], findings, parser.finish)


@dataclass(slots=True)
class _Parser:
    node: str | None
    findings: Findings
    metrics: GpuMetrics
    _points: dict[tuple[str, str | None, str, str], list[tuple[float, float]]] = field(default_factory=dict)
    _series: dict[tuple[str, str | None, str, str], Series] = field(default_factory=dict)

    def parse(self, item: object) -> Sequence[Row]:
        """Keep the samples of a series at which its value changes."""
        if not isinstance(item, dict) or not isinstance(item.get("metric"), dict):
            raise ValueError("a series without labels")  # noqa: TRY004 - refuses the record
        labels = {str(name): str(value) for name, value in item["metric"].items()}
        metric = labels.get("__name__", "")
        if not is_followed(metric):
            self.findings.note(_OTHER)
            return NOTHING
        series = series_of(metric, labels, self.node)
        values = item.get("values", [item["value"]] if "value" in item else None)
        if not isinstance(values, list):
            raise ValueError("a series without values")  # noqa: TRY004 - refuses the record
        points = _turns([_point(sample) for sample in values])
        key = (series.metric, series.node, series.identity, series.instance)
        self._series[key] = series
        self._points.setdefault(key, []).extend(points)
        return KEPT

    def finish(self) -> Iterable[Row]:
        """Return the events of all series."""
        for key, points in self._points.items():
            for seconds, value in sorted(points):
                event = self.metrics.sample(self._series[key], from_unix(seconds), value)
                if event is not None:
                    yield event


def _point(sample: object) -> tuple[float, float]:
    if not isinstance(sample, list) or len(sample) != 2 or not all(isinstance(x, str | int | float) for x in sample):
        raise ValueError(f"not a sample: {str(sample)[:80]}")
    seconds, value = float(sample[0]), float(sample[1])
    from_unix(seconds)  # refuses times that do not exist
    if value < 0:
        raise ValueError(f"a negative value: {value:g}")
    return seconds, value


def _turns(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the first and the last of every run of samples with one value.

    >>> _turns([(0, 1), (15, 1), (30, 1), (45, 2)])
    [(0, 1), (30, 1), (45, 2)]
    """
    last = len(points) - 1
    return [
        point
        for i, point in enumerate(points)
        if i in {0, last} or points[i - 1][1] != point[1] or points[i + 1][1] != point[1]
    ]
