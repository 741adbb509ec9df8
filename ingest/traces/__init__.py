"""Public traces of failures and jobs."""

from __future__ import annotations

from typing import Final

from ingest.source import Source
from ingest.traces.infinitehbd import InfiniteHbd
from ingest.traces.titan import Titan

SOURCES: Final[tuple[Source, ...]] = (InfiniteHbd(), Titan())
