"""The network: who is cabled to whom, and which ports count errors."""

from __future__ import annotations

from typing import Final

from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = ()
