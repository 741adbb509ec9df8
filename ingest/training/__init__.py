"""Logs of training programs: steps and checkpoints."""

from __future__ import annotations

from typing import Final

from ingest.source import Source
from ingest.training.log import TrainingLog

SOURCES: Final[tuple[Source, ...]] = (TrainingLog(),)
