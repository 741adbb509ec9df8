"""Job records of any shape to rows of the ``jobs`` table, by way of the fields ``sacct`` prints.

A source that says what a record would look like in ``sacct`` gets the same reading of it as the text: states, memory,
time limits, host lists, resized jobs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from ingest.slurm.jobs import JobParser
from ingest.slurm.resize import ResizeFolder
from ingest.source import LINE_CUT, Chunk, Reject

T = TypeVar("T")

_AT_ONCE: Final = 5_000
#: fields in which the controller knows only what is left of a resized job, not what it was given
PRESENT_SIZE: Final = ("nnodes", "nodelist", "alloctres", "reqtres", "reqmem", "allocgres")
AMBIGUOUS: Final = (
    "{count} records have a time that occurs twice because the clocks were set back: "
    "read as the earlier instant unless the elapsed time says otherwise"
)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as ``sacct`` would print it.

    Attributes
    ----------
    number
        Line or position in the file.
    fields
        Text per lower-case field name; ``jobid`` and ``state`` among them.
    step_out_of_memory
        Whether a step was killed for memory; None where the steps are not known.
    """

    number: int
    fields: Mapping[str, str]
    step_out_of_memory: bool | None = None


def job_records(
    items: Iterable[tuple[int, T | Reject]], convert: Callable[[int, T], JobRecord], show: Callable[[T], str]
) -> Iterator[JobRecord | Reject]:
    """Convert what a file is made of; what cannot be converted comes as a reject.

    Parameters
    ----------
    items
        Each with its line or position.
    convert
        ``ValueError`` and ``KeyError`` refuse the item.
    show
        Text of an item, for the table of rejects.
    """
    for number, item in items:
        if isinstance(item, Reject):
            yield item
            continue
        try:
            yield convert(number, item)
        except KeyError as error:
            yield Reject(number, show(item)[:LINE_CUT], f"no field {error}")
        except (ValueError, OverflowError) as error:
            yield Reject(number, show(item)[:LINE_CUT], " ".join(str(error).split())[:LINE_CUT])


def job_chunks(
    records: Iterable[JobRecord | Reject], zone: str, incomplete: Callable[[], frozenset[str]] = frozenset
) -> Iterator[Chunk]:
    """Turn records into chunks.

    Parameters
    ----------
    records
        In the order of the file.
    zone
        IANA zone of times without one.
    incomplete
        Asked at the end: tables of which the file turned out to be no complete record.
    """
    folder = ResizeFolder()
    schema = None
    remaining = iter(records)
    while portion := list(islice(remaining, _AT_ONCE)):
        chunk = _chunk(portion, zone, folder)
        if chunk.tables:
            schema = chunk.tables["jobs"].schema
        yield chunk
    rest = None if schema is None else folder.unfinished(schema)
    yield Chunk(
        tables={} if rest is None else {"jobs": rest},
        used=0 if rest is None else rest.num_rows,
        observed=() if rest is None else observed(rest),
        incomplete=incomplete(),
    )


def observed(rows: pa.Table) -> tuple[datetime, ...]:
    """Return the span of the ends of attempts: accounting is selected and written by end."""
    bounds = pc.min_max(rows["end_utc"]).as_py()
    return () if bounds["min"] is None else (bounds["min"], bounds["max"])


def _chunk(portion: list[JobRecord | Reject], zone: str, folder: ResizeFolder) -> Chunk:
    rejects = [item for item in portion if isinstance(item, Reject)]
    jobs = [item for item in portion if isinstance(item, JobRecord)]
    if not jobs:
        return Chunk(read=len(portion), rejects=rejects)
    names = {name for job in jobs for name in job.fields}
    columns = {name: _column([job.fields.get(name, "") for job in jobs]) for name in names}
    killed = pa.array([job.step_out_of_memory for job in jobs], pa.bool_())
    parsed = JobParser(columns, len(jobs), zone).parse(killed)
    rows, folded = folder.fold(parsed.rows)
    refused = [
        Reject(jobs[row].number, json.dumps(dict(jobs[row].fields))[:LINE_CUT], reason)
        for row, reason in parsed.refusals.items()
    ]
    return Chunk(
        tables={"jobs": rows},
        rejects=(*rejects, *refused),
        read=len(portion),
        used=rows.num_rows,
        dropped=folded,
        observed=observed(rows),
        notes={AMBIGUOUS: parsed.ambiguous},
        naive_times=parsed.naive_times,
    )


def _column(texts: list[str]) -> pa.Array:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:  # JSON may escape half a surrogate pair
        return pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
