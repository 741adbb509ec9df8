"""What a log format has to offer to be ingested, and what it hands over.

A source is two methods: :meth:`Source.recognise` looks at the first bytes of a file, :meth:`Source.read` turns the
whole of it into chunks of rows (most do so with :func:`ingest.records.chunks`). Everything else (fingerprints, lineage,
commits, counts) is the pipeline's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import pyarrow as pa

from ingest.anonymize import Anonymizer
from ingest.opening import InputFile
from ingest.path_facts import PathPattern
from reliability.errors import BadOptionError

#: a rejected line is kept up to this length
LINE_CUT = 500
#: an event's message is kept up to this length
MESSAGE_CUT = 500
LONGEST_CLUSTER = 100
#: a cluster is a folder of the lake: its escaped name, after ``cluster=``, has to fit into 255 bytes
_LONGEST_ESCAPED_CLUSTER = 240


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about the files, because the files do not.

    Attributes
    ----------
    cluster
        Name of the cluster; overrides what the file says.
    format
        Name of a source; skips recognition.
    timezone
        IANA zone of times without one. ``None`` reads them as UTC and the summary says so.
    node
        Host of a log whose lines do not name one.
    year
        Year of the first line, for syslog stamps that have none.
    columns
        Column names of a ``sacct`` file without a header.
    time_origin
        ISO 8601 time of day 0 for traces with relative times; of the boot for kernel logs that count from it; of the
        first line for logs of time differences.
    fleet_nodes
        Nodes of the fleet, for traces that list only the failing ones.
    gpus_per_node
        GPUs in each node of such a fleet.
    job
        Job id of a log that one job wrote and that does not name it.
    taken_at
        ISO 8601 time at which a snapshot (``scontrol show node``, ``sinfo -R``) was taken.
    complete
        ISO 8601 times between which the user vouches for the files being a complete record of what they hold.
    from_path
        Pattern that finds node, job or cluster of a file in its path, where the options do not give them.
    mapping
        A source made from a mapping file; skips recognition.
    anonymizer
        Replaces the names of people and jobs.

    Raises
    ------
    BadOptionError
        If a value cannot be used.

    Examples
    --------
    >>> Options(timezone="Europe/Berlin").zone
    'Europe/Berlin'
    >>> Options(timezone="Mars/Olympus")
    Traceback (most recent call last):
    ...
    reliability.errors.BadOptionError: --timezone Mars/Olympus: expected an IANA zone such as Europe/Berlin
    """

    cluster: str | None = None
    format: str | None = None
    timezone: str | None = None
    node: str | None = None
    year: int | None = None
    columns: tuple[str, ...] | None = None
    time_origin: str | None = None
    fleet_nodes: int | None = None
    gpus_per_node: int | None = None
    job: str | None = None
    taken_at: str | None = None
    complete: tuple[str, str] | None = None
    from_path: str | None = None
    mapping: Source | None = None
    anonymizer: Anonymizer | None = None

    def __post_init__(self) -> None:
        _check_name("--cluster", self.cluster)
        if self.cluster is not None and not may_be_cluster(self.cluster):
            expected = f"a name of at most {LONGEST_CLUSTER} characters, fewer if not plain ASCII"
            raise BadOptionError("--cluster", f"{self.cluster[:LONGEST_CLUSTER]}…", expected)
        _check_name("--node", self.node)
        _check_name("--job", self.job)
        if self.timezone is not None and not _is_zone(self.timezone):
            raise BadOptionError("--timezone", self.timezone, "an IANA zone such as Europe/Berlin")
        if self.year is not None and not 1970 <= self.year <= 9998:
            raise BadOptionError("--year", self.year, "a year such as 2025")
        if self.columns is not None:
            _check_columns(self.columns)
        if self.from_path is not None:
            PathPattern(self.from_path)
        _check_times("--time-origin", self.time_origin)
        _check_times("--taken-at", self.taken_at)
        _check_times("--complete", *(self.complete or ()))
        for option, number, least in (
            ("--fleet-nodes", self.fleet_nodes, 1),
            ("--gpus-per-node", self.gpus_per_node, 0),
        ):
            if number is not None and number < least:
                raise BadOptionError(option, number, f"at least {least}")

    def of_path(self, path: Path) -> Options:
        """Return these options with what the path of a file tells; what the user says outright comes first.

        >>> Options(from_path="{node}.log", cluster="c").of_path(Path("logs/n1.log")).node
        'n1'
        """
        if self.from_path is None:
            return self
        told = PathPattern(self.from_path).match(path)
        return replace(
            self,
            cluster=self.cluster or told.get("cluster"),
            node=self.node or told.get("node"),
            job=self.job or told.get("job"),
        )

    @property
    def zone(self) -> str:
        """Zone in which times without one are read."""
        return self.timezone or "UTC"

    @property
    def origin_utc(self) -> datetime | None:
        """``time_origin`` as an instant; without an offset it is UTC."""
        return None if self.time_origin is None else _parse_time("--time-origin", self.time_origin)

    @property
    def complete_utc(self) -> tuple[datetime, datetime] | None:
        """``complete`` as instants; without an offset they are UTC."""
        if self.complete is None:
            return None
        begin, end = self.complete
        return _parse_time("--complete", begin), _parse_time("--complete", end)

    @property
    def taken_utc(self) -> datetime | None:
        """``taken_at`` as an instant; without an offset it is UTC."""
        return None if self.taken_at is None else _parse_time("--taken-at", self.taken_at)


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was refused: the line where it begins (from 1), the record, and why."""

    line_number: int
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A portion of a file: rows for the lake, and what became of every record.

    ``tables`` hold the columns the source knows; the pipeline adds lineage, and ``cluster`` where a source leaves it
    out or null. Over all chunks of a file ``read == used + len(rejects) + dropped``.

    Attributes
    ----------
    tables
        Rows per table of the lake.
    rejects
        Records refused.
    read, used, dropped
        Records in this portion; records that reached a table; records with nothing to say.
    observed
        Times (UTC) between which the file is a complete record, as far as this portion tells.
    notes
        Warnings with the number of records they are about; the pipeline adds the numbers up and puts them
        in place of ``{count}``.
    naive_times
        Whether times without a zone were read (in the zone of the options).
    incomplete
        Tables of ``covers`` that this very file does not record completely.
    """

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    rejects: Sequence[Reject] = ()
    read: int = 0
    used: int = 0
    dropped: int = 0
    observed: tuple[datetime, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    naive_times: bool = False
    incomplete: frozenset[str] = frozenset()


class Source(ABC):
    """One log format: a subclass sets the class attributes and says how to recognise and read a file.

    Attributes
    ----------
    name
        Name for ``--format``, and of the folder of its golden pairs.
    title
        One line for the list of formats.
    asks
        Options that the user has to give with it, and when; empty if none.
    covers
        Tables of which a file of this format is a complete record.
    cluster
        Cluster that a public trace is of; None for logs that any cluster writes.
    names_cluster
        Whether such files say which cluster they are of; those that do are read first.
    grows
        Whether such files are appended to, line by line, so that what was added can be read on its own: no header,
        and no record spans a line end.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    asks: ClassVar[str] = ""
    covers: ClassVar[tuple[str, ...]] = ()
    cluster: ClassVar[str | None] = None
    names_cluster: ClassVar[bool] = False
    grows: ClassVar[bool] = False

    @property
    def digest(self) -> str:
        """Hash of the file that the source was made from; empty for one written in code."""
        return ""

    @abstractmethod
    def recognise(self, head: bytes, options: Options) -> bool:
        """Tell from the first bytes whether the file is of this format."""

    @abstractmethod
    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Turn the file into chunks; all of them together account for every record."""


def may_be_cluster(name: str) -> bool:
    """Tell whether a name is short enough for the folder of a cluster.

    >>> may_be_cluster("a" * 100), may_be_cluster("a" * 101), may_be_cluster("ü" * 100)
    (True, False, False)
    """
    if len(name) > LONGEST_CLUSTER:
        return False
    escaped = sum(1 if letter.isascii() and letter.isalnum() else 3 * len(letter.encode()) for letter in name)
    return escaped <= _LONGEST_ESCAPED_CLUSTER


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a name such as 'Europe' is a folder of the zone database
        return False
    return True


def _check_name(option: str, name: str | None) -> None:
    if name is not None and not name.strip():
        raise BadOptionError(option, repr(name), "a name")
    try:
        (name or "").encode()
    except UnicodeEncodeError as error:
        raise BadOptionError(option, repr(name), "a name in UTF-8") from error


def _check_times(option: str, *texts: str | None) -> None:
    moments = [_parse_time(option, text) for text in texts if text is not None]
    if moments != sorted(set(moments)):
        raise BadOptionError(option, "/".join(str(text) for text in texts), "a beginning before its end")


def _check_least(option: str, number: int | None, least: int) -> None:
    if number is not None and number < least:
        raise BadOptionError(option, number, f"at least {least}")


def _check_columns(columns: tuple[str, ...]) -> None:
    names = {column.strip().lower() for column in columns}
    if not ({"jobid", "jobidraw"} & names and "state" in names):
        raise BadOptionError("--columns", ",".join(columns), "names of sacct fields, among them JobID and State")


def _parse_time(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadOptionError(option, text, "an ISO 8601 time such as 2024-03-30T00:00:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
