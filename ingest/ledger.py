"""What the lake has taken in: read once, then kept up with commit by commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow.parquet as pq

from ingest.extents import Mark
from reliability.lake import Lake

Record = dict[str, Any]

#: length of an ingest's own id; further clusters of one file add their name to it
ID_LENGTH: Final = 20


class Ledger:
    """The rows of ``ingests``, without those that a later one replaces.

    Parameters
    ----------
    lake
        The lake; None stands for one that does not exist yet.
    """

    def __init__(self, lake: Lake | None) -> None:
        self._lake = lake
        self._commits = -1
        self._seen: set[str] = set()
        self._records: dict[str, Record] = {}
        self._replaced: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Read what was committed since."""
        if self._lake is None or self._lake.commits("ingests") == self._commits:
            return
        self._commits = self._lake.commits("ingests")
        fresh = [file for file in self._lake.files("ingests") if file not in self._seen]
        if not fresh:
            return
        for file in fresh:
            for record in pq.ParquetFile(file).read().to_pylist():
                self._records[record["ingest_id"]] = record
                if record["replaces"] is not None:
                    self._replaced.add(record["replaces"])
        self._seen.update(fresh)

    def records(self) -> list[Record]:
        """Return the rows in force."""
        return [record for record in self._records.values() if record["ingest_id"][:ID_LENGTH] not in self._replaced]

    def get(self, ingest_id: str) -> Record | None:
        """Return one row in force."""
        return None if ingest_id in self._replaced else self._records.get(ingest_id)

    def unchanged(self, path: str, size_bytes: int, modified_utc: datetime, settings: str) -> list[Record]:
        """Return the rows of a file that was taken in up to its end and has not been written since; empty if it has."""
        same = [r for r in self._own() if r["path"] == path and r["settings"] == settings]
        last = [r for r in same if (r["file_bytes"], r["file_modified_utc"]) == (size_bytes, modified_utc)]
        return self._back_from(max(last, key=lambda r: r["content_bytes"]), same) if last else []

    def positions(self, settings: str) -> set[int]:
        """Return where the content of files read with these settings ended."""
        return {record["content_bytes"] for record in self._own() if record["settings"] == settings}

    def of(self, marks: Sequence[Mark], settings: str) -> list[Record]:
        """Return the rows whose content is the beginning of a file with these marks, shortest first."""
        hashes = {(mark.position, mark.sha256) for mark in marks}
        same = [record for record in self._own() if record["settings"] == settings]
        found = [record for record in same if (record["content_bytes"], record["sha256"]) in hashes]
        return sorted(found, key=lambda record: record["content_bytes"])

    def _own(self) -> list[Record]:
        """Return the rows that stand for a file, not for a further cluster of one."""
        return [record for record in self.records() if len(record["ingest_id"]) == ID_LENGTH]

    def _back_from(self, last: Record, records: list[Record]) -> list[Record]:
        """Return a row and the rows of what comes before it in the file."""
        chain = [last]
        while chain[-1]["content_from_bytes"] > 0:
            before = [
                r for r in records if r["content_bytes"] == chain[-1]["content_from_bytes"] and not r["unfinished"]
            ]
            if not before:
                break
            chain.append(before[0])
        return chain[::-1]
