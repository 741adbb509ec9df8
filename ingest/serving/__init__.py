"""LLM serving: one request a record."""

from __future__ import annotations

from typing import Final

from ingest.serving.otel import OtelSpans
from ingest.serving.public_traces import AzureLlm, BurstGpt, Mooncake
from ingest.serving.request_log import RequestLog
from ingest.serving.sglang_log import SglangLog
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (RequestLog(), SglangLog(), OtelSpans(), AzureLlm(), Mooncake(), BurstGpt())
