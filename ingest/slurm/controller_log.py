r"""``slurmctld.log``: what the controller did to nodes and jobs, and why.

The lines are those of Slurm's ``src/slurmctld`` (``node_mgr.c``, ``ping_nodes.c``, ``job_mgr.c``, ``preempt.c``,
``proc_req.c``; 22.05 to 26.05, where the wording is the same); the stamps those of ``LogTimeFormat`` in the manual page
of ``slurm.conf``: ``iso8601(_ms)``, ``rfc3339``, ``rfc5424(_ms, _us)``, ``short``, each with or without ``thread_id``.
``clock`` and ``omit`` print no date and cannot be read. The same lines from syslog or ``journalctl`` are read, too.

A log that is appended to or rotated is read part by part. An outage that is open at the end of a part comes out with
``to_utc`` null; when the node comes back in a later part (or when its outage began before the first), there is a row
``up`` from that moment. So of one node's rows from this source, one without an end ends where the next one begins.

The log tells every change of a node's state at its default level, so it is taken for a complete record of
``node_states``. What it does not tell: power saving, reservations, and when exactly a node that was asked to reboot
went away: such an outage is taken to begin when the node booted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.parsing.stamps import RFC_3164, SYSLOG_ISO, Clock, Dialect, local_to_utc
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.slurm.controller_log_jobs import JobLines
from ingest.slurm.controller_log_nodes import NodeLines
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

_AMBIGUOUS: Final = "{count} lines have a time that occurs twice because the clocks were set back: read as the earlier"
#: a line of the log file; the thread id is whatever stands between the stamp and the bracket
_BRACKETED: Final = re.compile(
    r"\[(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?P<zone>Z|[+-]\d\d:?\d\d)?(?: [^\]]*)?\]"
    r" (?P<message>.*)",
    re.DOTALL,
)
_SHORT: Final = re.compile(
    r"\[(?P<stamp>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d)(?: [^\]]*)?\]"
    r" (?P<message>.*)",
    re.DOTALL,
)
_TAGGED: Final = re.compile(r"slurmctld(?:\[\d+\])?: (?P<message>.*)", re.DOTALL)
_LEVEL: Final = re.compile(r"(?:slurmctld: )?(?:(?:error|fatal|warning|verbose|debug\d?): +)?(?:sched: )?")
#: lines that only the controller writes; slurmd and slurmdbd use the same stamps
_OWN_LINES: Final = re.compile(
    r"slurmctld version |Running as primary controller|sched/backfill: |Allocate JobId=|_slurm_rpc_\w"
    r"|_job_complete: JobId=|update_node: node |validate_node_specs: |drain_nodes: node |job_signal: "
    r"|Nodes? \S+ (?:now|not) responding|[Rr]equeu(?:e job|ing) JobId=|preempted JobId="
    r"|Time limit exhausted for JobId=|agent/is_node_resp: "
)
_CLUSTER: Final = re.compile(r"slurmctld version \S+ started on cluster ([\w.-]+)")
_NEEDLES: Final = re.compile(f"{NodeLines.needles}|{JobLines.needles}")
_LINES_JUDGED: Final = 200


class SlurmControllerLog(Source):
    """Source of ``node_states`` and ``job_events``."""

    name = "slurmctld-log"
    title = "Slurm controller log: slurmctld.log, or the same lines from syslog or journalctl"
    asks = "`--year` if the stamps have none"
    covers = ("node_states",)
    names_cluster = True
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines are stamped as Slurm does and some are the controller's own."""
        lines = head_lines(head, _LINES_JUDGED)
        if not lines:
            return False
        cut = [_cut(line) for line in lines]
        messages = [found.message for found in cut if found is not None and found.message is not None]
        return len(messages) >= 0.5 * len(lines) and any(_OWN_LINES.match(_bare(message)) for message in messages)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the intervals of nodes as they end, and what happened to jobs.

        Raises
        ------
        MissingOptionError
            If the stamps have no year and the options do not give it.
        """
        head = file.head()
        cut = [_cut(line) for line in head_lines(head, _LINES_JUDGED)]
        clock = Clock(options, file.continues_after)
        if not clock.knows_year and any(line is not None and line.dialect is RFC_3164 for line in cut):
            raise MissingOptionError(file.path, "--year YYYY", "the stamps have no year")
        findings = Findings()
        parser = _Parser(options, clock, _cluster(head), findings)
        yield from chunks(numbered_lines(file), parser.parse, str, findings, parser.finish)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line cut into its parts; ``message`` is None for lines of other programs in a syslog."""

    stamp: str
    message: str | None
    zone: str = ""
    dialect: Dialect | None = None


def _cut(line: str) -> _Line | None:
    """Cut a line; None if it does not begin with a stamp."""
    if line.startswith("["):
        found = _BRACKETED.fullmatch(line)
        if found is not None:
            return _Line(found["stamp"], found["message"], found["zone"] or "")
        found = _SHORT.fullmatch(line)
        return None if found is None else _Line(found["stamp"], found["message"], dialect=RFC_3164)
    for dialect in (RFC_3164, SYSLOG_ISO):
        found = dialect.pattern.fullmatch(line)
        if found is not None:
            tagged = _TAGGED.fullmatch(found["message"])
            return _Line(found["stamp"], tagged and tagged["message"], dialect=dialect)
    return None


def _bare(message: str) -> str:
    """Return a message without its level."""
    level = _LEVEL.match(message)
    return message[level.end() :] if level else message


def _cluster(head: bytes) -> str | None:
    found = _CLUSTER.search(head.decode("utf-8", "replace"))
    return None if found is None else found[1]


class _Parser:
    """Goes through one log line by line; almost none of them says anything."""

    def __init__(self, options: Options, clock: Clock, cluster: str | None, findings: Findings) -> None:
        self._zone = ZoneInfo(options.zone)
        self._clock = clock
        self._cluster = cluster
        self._findings = findings
        self._nodes = NodeLines(SlurmControllerLog.name)
        self._jobs = JobLines(SlurmControllerLog.name, findings)
        self._last: str | None = None
        # A burst of lines comes within the same millisecond.
        self._naive = lru_cache(maxsize=1024)(self._local)

    def parse(self, line: str) -> Sequence[Row]:
        """Return the rows of one line."""
        first = self._last is None
        self._last = line
        if first:
            self._see(line)
        if _NEEDLES.search(line) is None:
            return NOTHING
        cut = _cut(line)
        if cut is None:
            raise ValueError("no time stamp of slurmctld at the beginning of the line")
        if cut.message is None:
            return NOTHING
        message = _bare(cut.message)
        about_node, about_job = NodeLines.matches(message), JobLines.matches(message)
        if not (about_node or about_job):
            return NOTHING
        time = self._time(cut)
        self._findings.see(time)
        rows = [
            *(self._nodes.rows(about_node, time) if about_node else ()),
            *(self._jobs.rows(about_job, time, message) if about_job else ()),
        ]
        return [self._named(row) for row in rows if row.table] or KEPT

    def finish(self) -> Iterator[Row]:
        """Yield what is still open at the end of the log."""
        if self._last is not None:
            self._see(self._last)
        for row in (*self._jobs.finish(), *self._nodes.finish()):
            yield self._named(row)

    def _named(self, row: Row) -> Row:
        return row if self._cluster is None else Row(row.table, {"cluster": self._cluster, **row.values})

    def _see(self, line: str) -> None:
        cut = _cut(line)
        if cut is not None:
            try:
                self._findings.see(self._time(cut))
            except ValueError:
                return  # the line is not about anything, so its stamp is of no use but for the span

    def _time(self, cut: _Line) -> datetime:
        if cut.dialect is not None:
            return self._clock_time(cut.dialect, cut.stamp)
        if cut.zone:
            return datetime.fromisoformat(cut.stamp + cut.zone).astimezone(UTC)
        self._findings.naive_times = True
        time, ambiguous = self._naive(cut.stamp)
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return time

    def _clock_time(self, dialect: Dialect, stamp: str) -> datetime:
        before = self._clock.ambiguous
        time = self._clock.read(dialect, stamp)
        self._findings.naive_times |= self._clock.naive
        if self._clock.ambiguous > before:
            self._findings.note(_AMBIGUOUS)
        return time

    def _local(self, stamp: str) -> tuple[datetime, bool]:
        return local_to_utc(datetime.fromisoformat(stamp), self._zone)
