"""Kernel logs of hosts, however they were collected."""

from __future__ import annotations

from typing import Final

from ingest.host.kernel_log import KernelLog
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (KernelLog(),)
