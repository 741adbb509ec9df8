"""Public traces of failures and jobs: one that is just a table is a mapping, ``*.toml``; one with logic is a module."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest.mapping import load_mapping
from ingest.source import Source
from ingest.traces.backblaze import Backblaze
from ingest.traces.fta import FailureTraceArchive
from ingest.traces.infinitehbd import InfiniteHbd
from ingest.traces.lanl import Lanl
from ingest.traces.philly import Philly
from ingest.traces.titan import Titan

SOURCES: Final[tuple[Source, ...]] = (
    Backblaze(),
    InfiniteHbd(),
    Titan(),
    Philly(),
    Lanl(),
    FailureTraceArchive(),
    *(load_mapping(path) for path in sorted(Path(__file__).parent.glob("*.toml"))),
)
