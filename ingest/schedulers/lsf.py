"""``lsb.acct``: the job log of IBM Spectrum LSF, one JOB_FINISH record a line for every job that ended.

Fields as IBM documents them for ``lsb.acct`` (LSF 9.1 to 10.1), termination reasons as in its table of
``JOB_FINISH`` and ``lsbatch.h``. Written from the documentation; no real file was at hand. What newer releases append
to a record (GPU usage among it) is not read, so that GPU counts are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines
from ingest.parsing.quoted import quoted_records
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_DONE: Final = 64
_EXIT: Final = 32
_RUSAGE_FIELDS: Final = 19
_LAST_SECOND: Final = 10**11
_MOST_SLOTS: Final = 1 << 31
_OTHER_RECORDS: Final = frozenset({"EVENT_ADRSV_FINISH", "JOB_RESIZE", "JOB_STARTLIMIT"})
#: ``termInfo`` → state; a reason that is not here is the job's own failure
_ENDS: Final = {
    1: "PREEMPTED",  # TERM_PREEMPT
    2: "CANCELLED",  # TERM_WINDOW: the queue closed
    3: "CANCELLED",  # TERM_LOAD
    5: "TIMEOUT",  # TERM_RUNLIMIT
    6: "DEADLINE",  # TERM_DEADLINE
    8: "CANCELLED",  # TERM_FORCE_OWNER
    9: "CANCELLED",  # TERM_FORCE_ADMIN
    10: "REQUEUED",  # TERM_REQUEUE_OWNER
    11: "REQUEUED",  # TERM_REQUEUE_ADMIN
    12: "TIMEOUT",  # TERM_CPULIMIT
    13: "REQUEUED",  # TERM_CHKPNT: killed after a checkpoint, to migrate
    14: "CANCELLED",  # TERM_OWNER
    15: "CANCELLED",  # TERM_ADMIN
    16: "OUT_OF_MEMORY",  # TERM_MEMLIMIT
    20: "OUT_OF_MEMORY",  # TERM_SWAP
    22: "NODE_FAIL",  # TERM_SLURM: node failure
    23: "CANCELLED",  # TERM_BUCKET_KILL: bkill -b
    26: "NODE_FAIL",  # TERM_REMOVE_HUNG_JOB: the execution host is unavailable
    27: "CANCELLED",  # TERM_ORPHAN_SYSTEM
    30: "REQUEUED",  # TERM_MC_RECALL
    31: "PREEMPTED",  # TERM_RC_RECLAIM: the host was reclaimed
}
_COMES_BACK: Final = frozenset({"PREEMPTED", "REQUEUED"})


class LsfAccounting(Source):
    """Source of the ``jobs`` table."""

    name = "lsf-acct"
    title = "LSF accounting: lsb.acct"
    covers = ("jobs",)

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first lines are such records."""
        lines = head_lines(head, most=5)
        known = [line for line in lines if line.startswith('"JOB_FINISH" "')]
        return len(known) > len(lines) / 2

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the attempts."""
        findings = Findings()
        yield from chunks(quoted_records(file, " "), _Log(findings).parse, " ".join, findings)


class _Log:
    """Reads the records of one file."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        #: when jobs that come back ended last: LSF leaves their first submission in the next record
        self._requeued: dict[str, datetime] = {}

    def parse(self, record: list[str]) -> Sequence[Row]:
        """Return the row of an attempt."""
        if record[0] in _OTHER_RECORDS:
            return NOTHING
        if record[0] != "JOB_FINISH":
            raise ValueError("not a JOB_FINISH record")
        job = _job(_Cursor(record))
        if job["start_utc"] is not None and job["end_utc"] < job["start_utc"]:
            raise ValueError(f"ends at {job['end_utc']}, before it starts at {job['start_utc']}")
        before = self._requeued.pop(job["job_id_raw"], None)
        if before is not None and job["submit_utc"] <= before <= job["end_utc"]:
            job["submit_utc"] = before
        if job["state"] in _COMES_BACK:
            self._requeued[job["job_id_raw"]] = job["end_utc"]
        self._findings.see(job["end_utc"])
        return (Row("jobs", job),)


class _Cursor:
    """Takes the fields of a record one after the other."""

    def __init__(self, record: list[str]) -> None:
        self._record = record
        self._place = 0

    def text(self) -> str:
        """Return the next field; ValueError if the record is cut short."""
        if self._place >= len(self._record):
            raise ValueError("cut short")
        self._place += 1
        return self._record[self._place - 1]

    def skip(self, fields: int) -> None:
        """Pass over fields."""
        self._place += fields

    def integer(self) -> int:
        """Return the next field as a number."""
        text = self.text()
        if not text.removeprefix("-").isdecimal() or len(text) > 18:
            raise ValueError(f"field {self._place}: not a whole number: {text[:80]!r}")
        return int(text)

    def time(self) -> datetime | None:
        """Return the next field as a time; 0 is none."""
        seconds = self.integer()
        if not 0 <= seconds < _LAST_SECOND:
            raise ValueError(f"field {self._place}: not a time: {seconds}")
        return None if seconds == 0 else datetime.fromtimestamp(seconds, UTC)

    def texts(self) -> list[str]:
        """Return a list that says its length first."""
        length = self.integer()
        if not 0 <= length <= len(self._record):
            raise ValueError(f"field {self._place}: {length} is no length of a list within the record")
        return [self.text() for _ in range(length)]


def _job(fields: _Cursor) -> dict[str, Any]:
    fields.skip(2)  # JOB_FINISH, version
    end = fields.time()
    job_id = fields.integer()
    fields.skip(2)  # user number, options
    asked = fields.integer()
    submit, eligible, _deadline, start = (fields.time() for _ in range(4))
    user, queue = fields.text(), fields.text()
    fields.skip(9)  # resources asked for, dependencies, pre-execution, host, folder, files
    fields.texts()  # hosts asked for
    slots = fields.texts()
    status = fields.integer()
    fields.skip(1)  # host factor
    name = fields.text()
    fields.skip(1 + _RUSAGE_FIELDS + 1)  # command, usage, mail address
    project = fields.text()
    wait_status = fields.integer()
    fields.skip(3)  # processors at most, login shell, time event
    index = fields.integer()
    fields.skip(8)  # usage, spool files, reservation, service class, exception mask, additional information
    reason = fields.integer()
    if end is None or submit is None:
        raise ValueError("no time of end or submission")
    nodes, count = _nodes(slots)
    count = count or max(asked, 0)
    if count >= _MOST_SLOTS:
        raise ValueError(f"{count} slots: more than any cluster has")
    shown = f"{job_id}[{index}]" if index > 0 else str(job_id)
    ran = start is not None and status in {_DONE, _EXIT}
    return {
        "job_id": shown,
        "job_id_raw": shown,
        "job_name": name or None,
        "user": user or None,
        "account": project or None,
        "partition": queue or None,
        "submit_utc": submit,
        "eligible_utc": eligible,
        "start_utc": start,
        "end_utc": end,
        "state": _state(status, reason, ran=ran),
        "state_raw": f"{'DONE' if status == _DONE else 'EXIT'} {reason}",
        "exit_code": wait_status >> 8 & 0xFF if ran else None,
        "exit_signal": wait_status & 0x7F if ran else None,
        "node_count": len(nodes) or None,
        "cpu_count": count or None,
        "nodes": nodes or None,
    }


def _state(status: int, reason: int, *, ran: bool) -> str:
    if status == _DONE:
        return "COMPLETED"
    if status != _EXIT:
        raise ValueError(f"job status {status}: neither 32 (EXIT) nor 64 (DONE)")
    return _ENDS.get(reason, "FAILED" if ran else "CANCELLED")


def _nodes(slots: list[str]) -> tuple[list[str], int]:
    """Return hosts in order and slots: a host is printed once a slot, or as ``4*host`` (SHORT_EVENTFILE)."""
    count = 0
    hosts: dict[str, None] = {}
    for slot in slots:
        times, star, host = slot.partition("*")
        if star and times.isdecimal():
            count += int(times[:9])
            hosts[host] = None
        else:
            count += 1
            hosts[slot] = None
    return list(hosts), count
