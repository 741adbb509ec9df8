"""``sacct``: what the scheduler accounted for every attempt of every job.

Any delimiter, with or without a header, any fields in any order as long as a job id and the state are among them. Steps
are folded into their jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.opening import InputFile
from ingest.parsing.ahead import mapped_ahead
from ingest.parsing.columns import any_of
from ingest.parsing.slurm_text import (
    Layout,
    RecordAssembler,
    RecordBlock,
    decode,
    first_line,
    header_layout,
    read_columns,
)
from ingest.parsing.times import as_mask
from ingest.slurm.job_records import AMBIGUOUS, observed
from ingest.slurm.jobs import FIELDS, JobParser, JobRows
from ingest.slurm.resize import ResizeFolder
from ingest.slurm.values import parse_job_id, parse_state
from ingest.source import Chunk, Options, Reject, Source
from reliability.errors import UnreadableInputError

#: the form in which Open XDMoD asks for accounting, without a header
HEADERLESS_FIELDS: Final = (
    "jobid",
    "jobidraw",
    "cluster",
    "partition",
    "qos",
    "account",
    "group",
    "gid",
    "user",
    "uid",
    "submit",
    "eligible",
    "start",
    "end",
    "elapsed",
    "exitcode",
    "state",
    "nnodes",
    "ncpus",
    "reqcpus",
    "reqmem",
    "reqtres",
    "alloctres",
    "timelimit",
    "nodelist",
    "jobname",
)
_DELIMITERS: Final = (b"|#", b"|", b";", b"\t", b"^", b",")


class SlurmSacct(Source):
    """Source of the ``jobs`` table."""

    name = "slurm-sacct"
    title = "Slurm accounting: sacct --parsable2, any fields with JobID and State"
    asks = "`--columns` if there is no header"
    covers = ("jobs",)
    cluster = None
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:
        """Tell whether the first line is a header with a job id and a state, or a record of a known form."""
        return _layout(head, options) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the attempts, a few megabytes of text at a time.

        Raises
        ------
        UnreadableInputError
            If neither a header nor ``options.columns`` says what the columns are.
        """
        layout = _layout(file.head(), options)
        if layout is None:
            reason = "no header with JobID and State; if it has none, name the columns with --columns JobID,State,…"
            raise UnreadableInputError(file.path, reason)
        folder = ResizeFolder()
        schema = None
        assembler = RecordAssembler(layout, _Record(layout).plausible, _Record(layout).is_job)
        blocks = assembler.blocks(file.blocks())
        for chunk in mapped_ahead(lambda block: _chunk(block, layout, options.zone), blocks):
            if chunk.tables:
                schema = chunk.tables["jobs"].schema
            yield _folded(chunk, folder)
        if schema is not None:
            rest = folder.unfinished(schema)
            yield Chunk(tables={"jobs": rest}, used=rest.num_rows, observed=observed(rest))


class _Record:
    """What can be told of a record before it is parsed."""

    def __init__(self, layout: Layout) -> None:
        id_place, state_place = layout.position("jobidraw", "jobid"), layout.position("state")
        if id_place is None or state_place is None:
            raise ValueError("a layout without a job id or a state")
        self._id, self._state = id_place, state_place

    def plausible(self, fields: list[bytes]) -> bool:
        """Tell whether id and state look like ones."""
        try:
            parse_job_id(decode(fields[self._id]))
            parse_state(decode(fields[self._state]))
        except ValueError:
            return False
        return True

    def is_job(self, fields: list[bytes]) -> bool:
        """Tell a job from a step."""
        return b"." not in fields[self._id]


def _layout(head: bytes, options: Options) -> Layout | None:
    layout = header_layout(head, lambda names: bool({"jobid", "jobidraw"} & names) and "state" in names)
    if layout is not None:
        return layout
    columns = HEADERLESS_FIELDS if options.columns is None else tuple(c.strip().lower() for c in options.columns)
    _, line = first_line(head)
    for delimiter in _DELIMITERS:
        layout = Layout(delimiter, columns, 0)
        if line.count(delimiter) == len(columns) - 1 and _Record(layout).plausible(line.split(delimiter)):
            return layout
    return None


def _folded(chunk: Chunk, folder: ResizeFolder) -> Chunk:
    """Join the rows of resized jobs: the one step that must see the blocks in order."""
    if not chunk.tables:
        return chunk
    rows, folded = folder.fold(chunk.tables["jobs"])
    return replace(
        chunk,
        tables={"jobs": rows},
        used=rows.num_rows,
        dropped=chunk.dropped + folded,
        observed=observed(rows),
    )


def _chunk(block: RecordBlock, layout: Layout, zone: str) -> Chunk:
    read = block.count + len(block.rejects)
    if not block.count:
        return Chunk(read=read, rejects=block.rejects)
    columns = read_columns(block, layout, FIELDS)
    ids = columns["jobidraw" if "jobidraw" in columns else "jobid"]
    steps = as_mask(pc.match_substring(ids, "."))
    # Files put together with cat bring their headers along.
    headers = as_mask(pc.is_in(pc.utf8_lower(ids), value_set=pa.array(["jobid", "jobidraw"])))
    jobs = np.flatnonzero(~steps & ~headers)
    parsed = _parse_jobs(columns, ids, steps, jobs, zone)
    rejects = [
        Reject(int(block.line_numbers[jobs[row]]), decode(block.records[jobs[row]]), reason)
        for row, reason in parsed.refusals.items()
    ]
    return Chunk(
        tables={"jobs": parsed.rows},
        rejects=(*block.rejects, *rejects),
        read=read,
        used=parsed.rows.num_rows,
        dropped=len(ids) - len(jobs),
        notes={AMBIGUOUS: parsed.ambiguous},
        naive_times=parsed.naive_times,
    )


def _parse_jobs(columns: dict[str, pa.Array], ids: pa.Array, steps: np.ndarray, jobs: np.ndarray, zone: str) -> JobRows:
    out_of_memory = _out_of_memory(ids, steps, any_of(columns["state"], "OUT_OF_MEMORY", "OOM") & steps, jobs)
    if len(jobs) < len(ids):
        places = pa.array(jobs)
        columns = {name: column.take(places) for name, column in columns.items()}
    return JobParser(columns, len(jobs), zone).parse(out_of_memory)


def _out_of_memory(ids: pa.Array, steps: np.ndarray, killed_steps: np.ndarray, jobs: np.ndarray) -> pa.Array:
    """Tell which jobs had a step killed for memory: steps follow their job; null where none do (``sacct -X``)."""
    owners = np.searchsorted(jobs, np.flatnonzero(steps)) - 1
    unknown = np.ones(len(jobs), dtype=bool)
    unknown[owners[owners >= 0]] = False
    flags = np.zeros(len(jobs), dtype=bool)
    for step in np.flatnonzero(killed_steps):
        owner = int(np.searchsorted(jobs, step)) - 1
        if owner >= 0 and ids[int(jobs[owner])].as_py() == ids[int(step)].as_py().partition(".")[0]:
            flags[owner] = True
    return pa.array(flags, mask=unknown)
