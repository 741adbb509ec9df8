"""Kernel logs of hosts, however they were collected, and logs of daemons and machines that are like them."""

from __future__ import annotations

from typing import Final

from ingest.host.bgl import BlueGeneL
from ingest.host.fabric_manager import FabricManager
from ingest.host.journal_export import JournalExport
from ingest.host.kernel_log import KernelLog
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (KernelLog(), JournalExport(), FabricManager(), BlueGeneL())
