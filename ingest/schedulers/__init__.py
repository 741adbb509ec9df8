"""Schedulers other than Slurm, and the exchange format of their traces."""

from __future__ import annotations

from typing import Final

from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = ()
