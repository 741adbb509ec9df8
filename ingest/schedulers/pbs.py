"""Accounting logs of PBS: OpenPBS, PBS Professional and Torque (``server_priv/accounting/YYYYMMDD``).

``MM/DD/YYYY HH:MM:SS;type;id;key=value …``, as OpenPBS's ``src/server/accounting.c`` writes it and the manuals of PBS
Professional and Torque describe it; exit codes below 0 as in OpenPBS's ``job.h``. Written from these; no real file was
at hand. E (ended) and R (rerun) records are attempts; a job that is still running is in none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.parsing.stamps import local_to_utc
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.schedulers.pbs_values import gpus_of, hosts_of, parse_bytes, parse_walltime, slots_of
from ingest.source import Chunk, Options, Source

_RECORD: Final = re.compile(r"(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)(?:\.\d+)?;([A-Za-z]);([^;\s]+);(.*)", re.DOTALL)
_PAIR: Final = re.compile(r"(?<![\w.])([\w.]+)=(\"[^\"]*\"|'[^']*'|\S*)")
_JOB: Final = re.compile(r"(\d+(?:\[\d*\]|-\d+)?)(?:\.(\S+))?")
#: of so many running jobs is remembered what was said as they started
_MOST_STARTED: Final = 100_000
#: signals are logged as 256 + signal
_SIGNALS: Final = 256
_TERM: Final = 15
_KILL: Final = 9
#: exit codes that PBS itself gives: what killed the job, or kept it from running
_PBS_STATES: Final = {
    -4: "NODE_FAIL",  # INITABT: aborted as the node's daemon came up again
    -5: "NODE_FAIL",  # INITRST
    -6: "NODE_FAIL",  # INITRMG
    -14: "NODE_FAIL",  # RERUN_SIS_FAIL: a sister node's daemon failed
    -20: "NODE_FAIL",  # RERUN_MS_FAIL: lost the first node
    -26: "OUT_OF_MEMORY",  # KILL_VMEM
    -27: "OUT_OF_MEMORY",  # KILL_MEM
    -28: "TIMEOUT",  # KILL_CPUT
    -29: "TIMEOUT",  # KILL_WALLTIME
    -31: "OUT_OF_MEMORY",  # KILL_HPMEM
}
_AMBIGUOUS: Final = "{count} reruns have a time that occurs twice because the clocks were set back: read as the earlier"


class PbsAccounting(Source):
    """Source of the ``jobs`` table."""

    name = "pbs-accounting"
    title = "PBS accounting: OpenPBS, PBS Professional, Torque"
    covers = ("jobs",)
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines are such records."""
        lines = head_lines(head)
        return sum(_RECORD.fullmatch(line) is not None for line in lines) > len(lines) / 2

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the attempts."""
        findings = Findings()
        log = _Log(ZoneInfo(options.zone), findings)
        yield from chunks(numbered_lines(file), log.parse, str, findings)


class _Log:
    """Reads the records of one file."""

    def __init__(self, zone: ZoneInfo, findings: Findings) -> None:
        self._zone = zone
        self._findings = findings
        #: what Torque said of running jobs as they started: its rerun records say nothing
        self._started: dict[str, dict[str, str]] = {}
        self._rerun: dict[str, datetime] = {}

    def parse(self, line: str) -> Sequence[Row]:
        """Return the row of an attempt."""
        record = _RECORD.fullmatch(line)
        if record is None:
            raise ValueError("not a record such as 08/26/2014 17:07:50;E;11923.server;user=…")
        stamp, kind, full_id, text = record.groups()
        fields: dict[str, str] = {}
        for key, value in _PAIR.findall(text):
            fields.setdefault(key, value[1:-1] if value[:1] in {'"', "'"} else value)
        if kind in {"S", "T"}:
            if "run_count" not in fields and "exec_vnode" not in fields:
                self._started[full_id] = fields
                if len(self._started) > _MOST_STARTED:
                    del self._started[next(iter(self._started))]
            return NOTHING
        if kind not in {"E", "R"}:
            return NOTHING
        job = _JOB.fullmatch(full_id)
        if job is None:
            raise ValueError(f"{full_id[:80]!r}: not a job id")
        if job[1].endswith("[]"):  # an array as a whole, which runs nowhere
            return NOTHING
        return self._attempt(stamp, kind, full_id, job, fields)

    def _attempt(
        self, stamp: str, kind: str, full_id: str, job: re.Match[str], fields: dict[str, str]
    ) -> Sequence[Row]:
        before = self._started.pop(full_id, None)
        logged: datetime | None = None
        if kind == "R" and "start" not in fields:
            if before is None:
                return NOTHING  # it started in an earlier file
            logged = self._local(stamp)
            fields = {**before, **fields}
        created, start = _epoch(fields, "ctime"), _epoch(fields, "start")
        end = logged or _epoch(fields, "end")
        if end is None or created is None:
            raise ValueError("no end or ctime: cut short")
        if start is not None and end < start:
            raise ValueError(f"ends at {end}, before it starts at {start}")
        # The attempts of a job that was rerun have one ctime; when it was requeued is not logged, or as a stamp alone.
        again = start if fields.get("run_count", "1") not in {"0", "1"} else None
        submit = self._rerun.pop(full_id, None) or again or created
        if logged is not None:
            self._rerun[full_id] = logged
        row = {
            "cluster": job[2],
            "job_id": job[1],
            "job_id_raw": job[1],
            "submit_utc": submit,
            "eligible_utc": _epoch(fields, "etime"),
            "start_utc": start,
            "end_utc": end,
            **_outcome(kind, fields),
            **_request(fields),
        }
        self._findings.see(end)
        return (Row("jobs", row),)

    def _local(self, stamp: str) -> datetime:
        self._findings.naive_times = True
        naive = datetime.strptime(stamp, "%m/%d/%Y %H:%M:%S")  # noqa: DTZ007 - the log's stamps have no zone
        instant, ambiguous = local_to_utc(naive, self._zone)
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return instant


def _outcome(kind: str, fields: dict[str, str]) -> dict[str, Any]:
    """Return state, exit code and signal."""
    text = fields.get("Exit_status", "")
    raw = f"{kind} {text}".strip()
    if not text:
        if kind == "R":
            return {"state": "REQUEUED", "state_raw": raw}
        raise ValueError("no Exit_status: cut short")
    if not text.removeprefix("-").isdecimal() or len(text) > 6:
        raise ValueError(f"Exit_status {text[:80]!r}: not a number")
    status = int(text)
    if status < 0:
        return {"state": _PBS_STATES.get(status, "REQUEUED" if kind == "R" else "FAILED"), "state_raw": raw}
    signal = max(0, status - _SIGNALS) if status != _SIGNALS else 0
    ended = {"state_raw": raw, "exit_code": 0 if status >= _SIGNALS else status, "exit_signal": signal}
    if kind == "R":
        return {"state": "REQUEUED", **ended}
    if signal in {_TERM, _KILL} and _over_time(fields):
        return {"state": "TIMEOUT", **ended}
    if signal == _TERM:  # what qdel sends
        return {"state": "CANCELLED", **ended}
    return {"state": "FAILED" if status else "COMPLETED", **ended}


def _over_time(fields: dict[str, str]) -> bool:
    limit = parse_walltime(fields.get("Resource_List.walltime", ""))
    used = parse_walltime(fields.get("resources_used.walltime", ""))
    return limit is not None and used is not None and used >= limit


def _request(fields: dict[str, str]) -> dict[str, Any]:
    """Return who asked for what, and what was given."""
    nodes = hosts_of(fields.get("exec_host", ""))
    asked = _count(fields, "Resource_List.nodect")
    cpus = _count(fields, "Resource_List.ncpus")
    gpus = gpus_of(fields)
    model = fields.get("Resource_List.gpu_type") or fields.get("Resource_List.gpu_model")
    return {
        "job_name": fields.get("jobname") or None,
        "user": fields.get("user") or None,
        "account": fields.get("account") or fields.get("project") or None,
        "partition": fields.get("queue") or None,
        "node_count": len(nodes) or asked,
        "cpu_count": cpus if cpus is not None else slots_of(fields.get("exec_host", "")),
        "gpu_count": gpus,
        "gpu_model": model if gpus else None,
        "requested_memory_bytes": parse_bytes(fields.get("Resource_List.mem", "")),
        "time_limit_seconds": parse_walltime(fields.get("Resource_List.walltime", "")),
        "nodes": nodes or None,
    }


def _epoch(fields: dict[str, str], name: str) -> datetime | None:
    text = fields.get(name, "")
    if text in {"", "0", "-1"}:
        return None
    if not text.isdecimal() or len(text) > 11:
        raise ValueError(f"{name} {text[:80]!r}: not a Unix time")
    return datetime.fromtimestamp(int(text), UTC)


def _count(fields: dict[str, str], name: str) -> int | None:
    text = fields.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{name} {text[:80]!r}: not a count")
    return int(text)
