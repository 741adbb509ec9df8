"""OpenTelemetry spans of LLM servers, as the collector's file exporter writes them (OTLP JSON, one batch a line).

vLLM writes one span a request, ``llm_request``, with ``gen_ai.usage.prompt_tokens``,
``gen_ai.usage.completion_tokens``, ``gen_ai.latency.time_to_first_token`` and ``gen_ai.latency.e2e`` in seconds
(``vllm/tracing``); SGLang's spans bear the same attributes. Written from that code and from spans quoted in public
repositories; no real file was at hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import json_documents, json_lines
from ingest.parsing.lines import head_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.serving import fields as f
from ingest.serving.request_log import request_row
from ingest.source import Chunk, Options, Reject, Source

_OURS: Final = re.compile(rb'"gen_ai\.(?:usage|latency)\.')
_INSTANCE: Final = ("service.instance.id", "k8s.pod.name", "service.name")
_HOST: Final = ("host.name", "k8s.node.name")
_STATUS_ERROR: Final = frozenset({2, "STATUS_CODE_ERROR"})


class OtelSpans(Source):
    """Source of ``requests``."""

    name = "llm-otel"
    title = "OpenTelemetry spans of vLLM or SGLang requests, OTLP JSON"
    covers = ()
    cluster = None
    names_cluster = False

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins with a batch of spans about generated text."""
        start = head.lstrip()
        return start.startswith(b"{") and b'"resourceSpans"' in start[:4096] and _OURS.search(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the requests; a batch is a record."""
        findings = Findings()
        times = f.Times(options.zone)

        def parse(batch: Mapping[str, Any]) -> Sequence[Row]:
            rows = [Row("requests", row) for row in _requests(batch, times)]
            return rows or NOTHING

        yield from chunks(_batches(file), parse, lambda batch: json.dumps(batch, default=str), findings)


def _batches(file: InputFile) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    first = next(iter(head_lines(file.head(), most=1)), "")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return json_documents(file, "")
    return json_lines(file)


def _requests(batch: Mapping[str, Any], times: f.Times) -> Iterator[dict[str, Any]]:
    for resource in _objects(batch, "resourceSpans"):
        described = resource.get("resource")
        about = _attributes(described) if isinstance(described, Mapping) else {}
        host = next((str(about[name]) for name in _HOST if name in about), None)
        for scope in (*_objects(resource, "scopeSpans"), *_objects(resource, "instrumentationLibrarySpans")):
            for span in _objects(scope, "spans"):
                attributes = _attributes(span)
                if not any(name.startswith(("gen_ai.usage.", "gen_ai.latency.")) for name in attributes):
                    continue
                status = span.get("status")
                failed = isinstance(status, Mapping) and status.get("code") in _STATUS_ERROR
                record = {
                    **attributes,
                    "start_time": span.get("startTimeUnixNano"),
                    "end_time": span.get("endTimeUnixNano"),
                    "instance": next((about[name] for name in _INSTANCE if name in about), None),
                    "status": "error" if failed else "ok",
                }
                yield request_row(record, times, host)


def _objects(obj: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = obj.get(name)
    if found is None:
        return
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise ValueError(f"{name} is no list of objects")
    yield from found


def _attributes(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes by name; each value stands under the name of its type."""
    found = {}
    for entry in _objects(obj, "attributes"):
        value = entry.get("value")
        if isinstance(value, Mapping) and len(value) == 1:
            found[str(entry.get("key"))] = next(iter(value.values()))
    return found
