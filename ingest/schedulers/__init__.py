"""Schedulers other than Slurm, and the exchange format of their traces."""

from __future__ import annotations

from typing import Final

from ingest.schedulers.lsf import LsfAccounting
from ingest.schedulers.pbs import PbsAccounting
from ingest.schedulers.swf import StandardWorkload
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (PbsAccounting(), LsfAccounting(), StandardWorkload())
