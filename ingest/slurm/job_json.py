"""Slurm's jobs as JSON: ``sacct --json``, and the REST service's ``slurmdb/…/jobs`` and ``slurm/…/jobs``.

Fields as the OpenAPI plugins print them, from ``dbv0.0.38`` (Slurm 22.05) to ``data_parser/v0.0.45`` (26.05): numbers
are plain or ``{"set", "infinite", "number"}``, a state is a word or a list of a base state and flags. See
https://slurm.schedmd.com/rest_api.html and https://slurm.schedmd.com/job_state_codes.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.slurm.job_records import PRESENT_SIZE, JobRecord, job_chunks, job_records
from ingest.slurm.jobs import NEVER_RAN
from ingest.slurm.values import settled_exit_code
from ingest.source import Chunk, Options, Source

Job = dict[str, Any]

#: state flags in the order in which Slurm's ``job_state_string`` looks for them, before it looks at the base state
_FLAGS: Final = (
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RESV_DEL_HOLD",
    "SIGNALING",
)
_BASE_STATES: Final = frozenset(
    {
        "PENDING",
        "RUNNING",
        "SUSPENDED",
        "COMPLETED",
        "CANCELLED",
        "FAILED",
        "TIMEOUT",
        "NODE_FAIL",
        "PREEMPTED",
        "BOOT_FAIL",
        "DEADLINE",
        "OUT_OF_MEMORY",
    }
)
#: NO_VAL and INFINITE of 16, 32 and 64 bits: Slurm's own marks for "not set"
_NO_VALUE: Final = frozenset(base - less for base in (1 << 16, 1 << 32, 1 << 64) for less in (1, 2))
_MASK: Final = re.compile(r"0x(?P<digits>[0-9A-Fa-f]+)(?P<limit>(?:%\d+)?)")
#: hexadecimal digits of the longest mask that is unfolded, four tasks each
_LONGEST_MASK: Final = 4096
#: Slurm prints more tasks than this, at equal steps over more places than that, as a range with a step
_LEAST_STEPS: Final = 5
_LEAST_SPAN: Final = 11
_ACCOUNTED_PATHS: Final = frozenset({"jobs.item.allocation_nodes", "jobs.item.association"})
_CONTROLLED_PATHS: Final = frozenset({"jobs.item.accrue_time", "jobs.item.array_job_id"})


class SlurmJson(Source):
    """Source of the ``jobs`` table."""

    name = "slurm-json"
    title = "Slurm jobs as JSON: sacct --json, slurmrestd slurmdb/…/jobs and slurm/…/jobs"
    covers = ("jobs",)
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document has a list of jobs, with fields of the accounting or of the controller."""
        paths = head_paths(head)
        if "jobs.item" not in paths:  # no jobs in the time asked for
            return "jobs" in paths and bool(paths & {"meta.slurm", "meta.Slurm"})
        return "jobs.item.job_id" in paths and (paths >= _ACCOUNTED_PATHS or paths >= _CONTROLLED_PATHS)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the attempts. What the controller knows is a snapshot, not a complete record.

        Raises
        ------
        UnreadableInputError
            If the file is not JSON, or ends too early.
        """
        reader = _Reader()
        records = job_records(json_items(file, "jobs.item"), reader.read, repr)
        yield from job_chunks(records, options.zone, reader.incomplete)


class _Reader:
    """Reads the jobs of one file."""

    def __init__(self) -> None:
        self._snapshot = False

    def incomplete(self) -> frozenset[str]:
        return frozenset({"jobs"}) if self._snapshot else frozenset()

    def read(self, number: int, job: Job) -> JobRecord:
        if not isinstance(job, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - every unreadable record is refused alike
        if "job_state" in job:
            self._snapshot = True
            return JobRecord(number, _controlled(job))
        return JobRecord(number, _accounted(job), _step_out_of_memory(_list(job.get("steps"))))


def _accounted(job: Job) -> dict[str, str]:
    """Return the fields of a job of the accounting database."""
    time, tres = _object(job.get("time")), _object(job.get("tres"))
    array, het = _object(job.get("array")), _object(job.get("het"))
    state = _state(_object(job["state"])["current"])
    requested, allocated = _tres(tres.get("requested")), _tres(tres.get("allocated"))
    killer = _text(job.get("kill_request_user"))
    return {
        **_ids(
            job,
            array.get("job_id"),
            array.get("task_id"),
            unfold_tasks(_text(array.get("task")), _tasks_at_once(array)),
            het.get("job_id"),
            het.get("job_offset"),
        ),
        **_names(job, _text(job.get("user")) or _text(_object(job.get("association")).get("user"))),
        "state": f"{state} by {killer}" if state == "CANCELLED" and killer else state,
        "exitcode": _exit_code(job.get("exit_code"), state),
        "submit": _time(time.get("submission")),
        "eligible": _time(time.get("eligible")),
        "start": _time(time.get("start")),
        "end": _time(time.get("end")),
        "timelimitraw": _limit(time.get("limit")),
        "nnodes": _count(job.get("allocation_nodes") or None) or allocated.get("node") or requested.get("node", ""),
        "nodelist": _text(job.get("nodes")),
        "alloctres": _joined(allocated),
        "reqtres": _joined(requested),
        "reqmem": f"{requested['mem']}M" if "mem" in requested else "",
        "submitline": _text(job.get("submit_line")),
        "failednode": _text(job.get("failed_node")),
    }


def _controlled(job: Job) -> dict[str, str]:
    """Return the fields of a job as the controller has it."""
    state = _state(job["job_state"])
    requested = dict(part.partition("=")[::2] for part in _text(job.get("tres_req_str")).split(","))
    fields = {
        **_ids(
            job,
            job.get("array_job_id"),
            job.get("array_task_id"),
            job.get("array_task_string"),
            job.get("het_job_id"),
            job.get("het_job_offset"),
        ),
        **_names(job, _text(job.get("user_name"))),
        "state": state,
        "exitcode": settled_exit_code(_exit_code(job.get("exit_code"), state), state),
        "submit": _time(job.get("submit_time")),
        "eligible": _time(job.get("eligible_time")),
        "start": _time(job.get("start_time")),
        "end": _time(job.get("end_time")),
        "timelimitraw": _limit(job.get("time_limit")),
        "nnodes": _count(job.get("node_count")) or requested.get("node", ""),
        "nodelist": _text(job.get("nodes")) or NEVER_RAN,
        "excnodelist": _text(job.get("excluded_nodes")),
        "alloctres": _text(job.get("tres_alloc_str")),
        "allocgres": ",".join(_text(detail) for detail in _list(job.get("gres_detail"))),
        "reqtres": _text(job.get("tres_req_str")),
        "reqmem": requested.get("mem", ""),
        "failednode": _text(job.get("failed_node")),
    }
    if _time(job.get("resize_time")):
        fields.update(dict.fromkeys(PRESENT_SIZE, ""))
    return fields


def _ids(job: Job, array: object, task: object, tasks: object, het: object, offset: object) -> dict[str, str]:
    raw = _count(job["job_id"])
    if not raw:
        raise ValueError("job_id is not set")
    shown = raw
    array_id, het_id, pending = _count(array), _count(het), _text(tasks).strip("[]")
    if array_id not in {"", "0"}:
        one = _count(task)
        shown = f"{array_id}_{one}" if one else f"{array_id}_[{pending}]" if pending else raw
    elif het_id not in {"", "0"}:
        shown = f"{het_id}+{_count(offset) or 0}"
    return {"jobid": shown, "jobidraw": raw}


def unfold_tasks(tasks: str, at_once: str) -> str:
    """Return the tasks of a waiting array as the text prints them.

    Slurm 22.05 hands out the mask that its database holds, in which bit n stands for task n. Slurm's own
    ``xlate_array_task_str`` tells steps by the same rule; what it cuts after 64 characters is whole here.

    Parameters
    ----------
    tasks
        The mask, or what is no mask and stays as it is; so does a mask of more than 16,384 tasks.
    at_once
        How many of them may run at once; empty for any number.

    Examples
    --------
    >>> unfold_tasks("0x1F", ""), unfold_tasks("0x2D", "4"), unfold_tasks("0x2D%4", ""), unfold_tasks("0x555555", "")
    ('0-4', '0,2-3,5%4', '0,2-3,5%4', '0-22:2')
    >>> unfold_tasks("1-3%2", "2")
    '1-3%2'
    """
    match = _MASK.fullmatch(tasks)
    if match is None or len(match["digits"]) > _LONGEST_MASK:
        return tasks
    bits = f"{int(match['digits'], 16):b}"[::-1]
    runs = [(run.start(), run.end() - 1) for run in re.finditer("1+", bits)]
    steps = {later[0] - earlier[0] for earlier, later in pairwise(runs)}
    if len(bits) - bits.find("1") > _LEAST_SPAN and len(runs) == bits.count("1") > _LEAST_STEPS and len(steps) == 1:
        shown = f"{runs[0][0]}-{runs[-1][0]}:{steps.pop()}"
    else:
        shown = ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
    return shown + (match["limit"] or (f"%{at_once}" if at_once else ""))


def _tasks_at_once(array: Job) -> str:
    most = _object(_object(_object(array.get("limits")).get("max")).get("running")).get("tasks")
    return _time(most)


def _names(job: Job, user: str) -> dict[str, str]:
    names = {name: _text(job.get(name)) for name in ("cluster", "account", "partition", "qos")}
    return {**names, "jobname": _text(job.get("name")), "user": user, "priority": _count(job.get("priority"))}


def _state(value: object) -> str:
    """Return the one word that the text would print for a state: a flag beats the base state."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValueError(f"a state that is neither text nor a list: {value!r}"[:200])  # noqa: TRY004 - refused alike
    known = {word for word in words if isinstance(word, str)}
    for flag in _FLAGS:
        if flag in known:
            return flag
    base = known & _BASE_STATES
    if len(base) != 1:
        raise ValueError(f"state {words!r}: not one base state of Slurm"[:200])
    return base.pop()


def _exit_code(value: object, state: str) -> str:
    """Return ``code:signal``.

    Slurm 22.05 prints every exit code but 0 as SUCCESS and 0, so that 0 is believed of completed jobs only. The
    controller of that release prints the bare wait status.
    """
    if isinstance(value, int):
        return f"{value >> 8 & 0xFF}:{value & 0x7F}"
    status = _object(value)
    words = status.get("status")
    signal = _object(status.get("signal"))
    code = _count(status.get("return_code"))
    number = _count(signal.get("id")) or _count(signal.get("signal_id"))
    if isinstance(words, str) and words == "SUCCESS" and not number and state != "COMPLETED":
        return ""
    return f"{code or 0}:{number or 0}" if code or number else ""


def _step_out_of_memory(steps: list[Any]) -> bool | None:
    if not steps:
        return None
    states = [_object(step).get("state") for step in steps]
    return any(state == "OUT_OF_MEMORY" or (isinstance(state, list) and "OUT_OF_MEMORY" in state) for state in states)


def _tres(entries: object) -> dict[str, str]:
    """Return the trackable resources that say how much of them there is."""
    found = {}
    for entry in _list(entries):
        kind, name = _text(_object(entry).get("type")), _text(_object(entry).get("name"))
        count = _object(entry).get("count")
        if isinstance(count, int) and count >= 0 and kind in {"cpu", "mem", "node", "gres"}:
            found[f"{kind}/{name}" if name else kind] = str(count)
    return found


def _joined(tres: dict[str, str]) -> str:
    return ",".join(f"{name}={count}" for name, count in tres.items() if name != "mem")


def _time(value: object) -> str:
    number = _count(value)
    return "" if number == "0" else number


def _limit(value: object) -> str:
    if isinstance(value, dict) and value.get("infinite") is True:
        return "UNLIMITED"
    return "UNLIMITED" if value == (1 << 32) - 1 else _count(value)


def _count(value: object) -> str:
    """Return a number that is plain, or wrapped with whether it is set; empty if it is not."""
    if isinstance(value, dict):
        if value.get("set") is not True:
            return ""
        value = value.get("number")
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"not a whole number: {value!r}"[:200])
    return "" if value in _NO_VALUE else str(int(value))


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"not text: {value!r}"[:200])  # noqa: TRY004 - every unreadable record is refused alike
    return value


def _object(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"not an object: {value!r}"[:200])  # noqa: TRY004 - every unreadable record is refused alike
    return value


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"not a list: {value!r}"[:200])  # noqa: TRY004 - every unreadable record is refused alike
    return value
