"""Slurm: accounting, node events, the controller's log and views."""

from __future__ import annotations

from typing import Final

from ingest.slurm.node_events import SlurmEvents
from ingest.slurm.sacct import SlurmSacct
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (SlurmSacct(), SlurmEvents())
