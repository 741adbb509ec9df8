"""What looks after a host: BMC, GPU, switch and disk monitors."""

from __future__ import annotations

from typing import Final

from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = ()
