"""What training programs print: steps and checkpoints."""

from __future__ import annotations

from typing import Final

from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = ()
