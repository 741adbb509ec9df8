"""LLM serving: one request a record."""

from __future__ import annotations

from typing import Final

from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = ()
