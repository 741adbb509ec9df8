"""A resized job is several accounting rows but one attempt.

When a job gives nodes back (or loses one and goes on), Slurm closes its row as RESIZING and opens another with the same
id, submitted at that moment; release 22.05 even repeats the first start in it. Read as they stand, the rows would count
the job twice and its node-hours more than once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from ingest.parsing.columns import any_of

_RESIZING: Final = "RESIZING"
#: these tell how the attempt ended; everything else is as it began
_OF_THE_LAST: Final = ("end_utc", "state", "state_raw", "exit_code", "exit_signal", "failed_node")
#: an attempt is as large as it ever was
_LARGEST: Final = ("node_count", "cpu_count", "gpu_count", "requested_memory_bytes")


class ResizeFolder:
    """Joins the rows of resized jobs, block after block: other jobs' rows lie in between."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], dict[str, Any]] = {}

    def fold(self, jobs: pa.Table) -> tuple[pa.Table, int]:
        """Return the rows that are whole attempts by now, and the number of rows that are none of their own."""
        resizing = any_of(jobs["state"].combine_chunks(), _RESIZING)
        if not self._open and not resizing.any():
            return jobs, 0
        ids = {key[1] for key in self._open} | set(jobs["job_id_raw"].filter(pa.array(resizing)).to_pylist())
        involved = any_of(jobs["job_id_raw"].combine_chunks(), *ids)
        whole: list[dict[str, Any]] = []
        folded = 0
        for row in jobs.filter(pa.array(involved)).to_pylist():
            key = (row["cluster"], row["job_id_raw"])
            before = self._open.pop(key, None)
            folded += before is not None
            attempt = _joined(before, row) if before is not None and _continues(row, before) else row
            if row["state"] == _RESIZING:
                self._open[key] = attempt
            else:
                whole.append(attempt)
        rest = jobs.filter(pa.array(np.logical_not(involved)))
        return pa.concat_tables([rest, pa.Table.from_pylist(whole, schema=jobs.schema)]), folded

    def unfinished(self, schema: pa.Schema) -> pa.Table:
        """Return the attempts whose continuation is not in the file."""
        return pa.Table.from_pylist(list(self._open.values()), schema=schema)


def _continues(row: dict[str, Any], before: dict[str, Any]) -> bool:
    """Tell whether a row goes on with a resized attempt.

    If not, it is the next attempt: ``sacct`` without ``-D`` leaves out the end of a requeued attempt, but not what was
    accounted before a resize; that remnant goes the way of its attempt. The accounting submits the continuation at the
    moment of resizing, the completion log keeps the first submission.
    """
    return row["submit_utc"] is None or row["submit_utc"] in {before["submit_utc"], before["end_utc"]}


def _joined(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    killed = {first["step_out_of_memory"], last["step_out_of_memory"]} - {None}
    larger = max(first, last, key=lambda row: len(row["nodes"] or ()))
    return {
        **first,
        **{name: last[name] for name in _OF_THE_LAST},
        **{name: max(first[name] or 0, last[name] or 0) for name in _LARGEST if None not in (first[name], last[name])},
        "nodes": larger["nodes"],
        "step_out_of_memory": any(killed) if killed else None,
    }
