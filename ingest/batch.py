"""Commits: the parts of many small files together, a large one alone; table by table, ``ingests`` last.

A commit costs the same however little it brings. The fingerprint of every part stands in it, so that a part is
committed once, whatever it was grouped with when a run was killed.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from ingest.spool import Spool, open_spool
from ingest.taking import Parsed, ingests_batch
from reliability.lake import Lake
from reliability.schema import TABLES

#: parts, and rows, after which a batch is committed
_MOST_PARTS: Final = 100
_MOST_ROWS: Final = 500_000


class Batch:
    """Parts that are parsed, and the locks and spools that they hold until they are committed."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held = ExitStack()
        self._locks = 0
        self._parsed: list[Parsed] = []

    def lock(self, name: str) -> None:
        """Hold a lock until the next commit.

        Where another process holds it, what this one has is committed first: nobody waits who holds anything, so that
        two ingests of the same files in another order cannot wait for each other.
        """
        if self._locks >= _MOST_PARTS:
            self.commit()
        try:
            self._held.enter_context(self._lake.lock(name, wait=False))
        except BlockingIOError:
            self.commit()
            self._held.enter_context(self._lake.lock(name))
        self._locks += 1

    def spool(self, ingest_id: str) -> Spool:
        """Make a spool that lasts until the next commit."""
        return self._held.enter_context(open_spool(self._lake, ingest_id))

    def add(self, parsed: Parsed) -> None:
        """Take a part whose spool is finished; commits when there are enough."""
        self._parsed.append(parsed)
        if len(self._parsed) >= _MOST_PARTS or sum(part.tally.rows.total() for part in self._parsed) >= _MOST_ROWS:
            self.commit()

    def holds(self, ingest_ids: set[str]) -> bool:
        """Tell whether one of these ingests waits to be committed."""
        return any(part.ingest_id in ingest_ids for part in self._parsed)

    def names_clusters(self) -> bool:
        """Tell whether a part that waits to be committed names its cluster."""
        return any(not part.tally.unnamed for part in self._parsed)

    def commit(self) -> None:
        """Commit what waits, and let go of everything.

        Raises
        ------
        LakeWriteError
            If the lake cannot be written; no part of the batch counts then.
        """
        with self._held.pop_all():
            parsed, self._parsed, self._locks = self._parsed, [], 0
            for table in TABLES:
                found = {part.ingest_id: part.batches(table) for part in parsed if table in part.spool.rows}
                if found:
                    self._lake.append_all(table, found)
            if parsed:
                self._lake.append_all("ingests", {part.ingest_id: [ingests_batch(part)] for part in parsed})

    def drop(self) -> None:
        """Let go of everything without committing it."""
        self._parsed, self._locks = [], 0
        self._held.close()
