"""``scontrol show job``: what Slurm's controller knows of the jobs it still remembers, one block of lines a job.

As Slurm's ``job_info.c`` prints it (``slurm_sprint_job_info``), releases 22.05 to 26.05, also with ``--oneliner``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.slurm.job_records import PRESENT_SIZE, JobRecord, job_chunks, job_records
from ingest.slurm.jobs import NEVER_RAN
from ingest.slurm.values import settled_exit_code
from ingest.source import Chunk, Options, Reject, Source

_BEGIN: Final = re.compile(r"JobId=\d+ (?:\w+=\S+ )*?JobName=")
_PAIR: Final = re.compile(r"(?:^|\s)([A-Za-z]\w*)=(\S*)")
_STATE: Final = re.compile(r"(?:^|\s)JobState=")
#: a job whose lines exceed this is taken for damage
_MOST_LINES: Final = 1_000
_LONGEST: Final = 1 << 20


class SlurmJobView(Source):
    """Source of the ``jobs`` table."""

    name = "slurm-job-view"
    title = "Slurm controller's view of its jobs: scontrol show job"
    covers = ()
    names_cluster = False

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins with a job."""
        lines = head_lines(head, most=5)
        return bool(lines) and _BEGIN.match(lines[0]) is not None and any("UserId=" in line for line in lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the attempts."""
        yield from job_chunks(job_records(_blocks(file), _record, str), options.zone)


def _blocks(file: InputFile) -> Iterator[tuple[int, str | Reject]]:
    """Yield the lines of each job, joined."""
    begun, lines, length = 0, list[str](), 0
    for number, line in numbered_lines(file):
        if isinstance(line, Reject):
            yield number, line
            continue
        if line.startswith("JobId=") or len(lines) >= _MOST_LINES or length > _LONGEST:
            if lines:
                yield begun, "\n".join(lines)
            begun, lines, length = number, [], 0
        begun = begun or number
        lines.append(line)
        length += len(line)
    if lines:
        yield begun, "\n".join(lines)


def _record(number: int, text: str) -> JobRecord:
    begin = _BEGIN.match(text)
    if begin is None:
        raise ValueError("does not begin like a job")
    early = dict(_PAIR.findall(begin[0]))
    rest = text[begin.end() :]
    name, found, rest = rest.partition("\n") if "\n" in rest else rest.partition(" UserId=")
    rest = f"UserId={rest}" if found == " UserId=" else rest
    if len(_STATE.findall(rest)) != 1:
        raise ValueError("not one JobState: cut short, or a text that looks like a part of the record")
    late: dict[str, str] = {}
    for key, value in _PAIR.findall(rest):  # what the user may write freely comes last, so the first of a key counts
        late.setdefault(key, "" if value in {"(null)", "N/A"} else value)
    state = late["JobState"]
    allocated, requested = late.get("AllocTRES", late.get("TRES", "")), late.get("ReqTRES", late.get("TRES", ""))
    memory = re.search(r"\bmem=([^,]+)", requested)
    fields = {
        **_ids(early),
        "jobname": name,
        "user": late.get("UserId", "").partition("(")[0],
        "account": late.get("Account", ""),
        "partition": late.get("Partition", ""),
        "qos": late.get("QOS", ""),
        "priority": late.get("Priority", ""),
        "state": state,
        "exitcode": settled_exit_code(late.get("ExitCode", ""), state),
        "submit": late.get("SubmitTime", ""),
        "eligible": late.get("EligibleTime", ""),
        "start": late.get("StartTime", ""),
        "end": late.get("EndTime", ""),
        "timelimit": late.get("TimeLimit", ""),
        "nnodes": late.get("NumNodes", "").partition("-")[0],
        "nodelist": late.get("NodeList") or NEVER_RAN,
        "excnodelist": late.get("ExcNodeList", ""),
        "alloctres": allocated if late.get("NodeList") else "",
        "reqtres": requested,
        "reqmem": memory[1] if memory else "",
    }
    if "ResizeTime" in late:
        fields.update(dict.fromkeys(PRESENT_SIZE, ""))
    return JobRecord(number, fields)


def _ids(early: dict[str, str]) -> dict[str, str]:
    raw = early["JobId"]
    if "ArrayJobId" in early:
        task = early.get("ArrayTaskId", "")
        return {"jobid": f"{early['ArrayJobId']}_{task if task.isdecimal() else f'[{task}]'}", "jobidraw": raw}
    if "HetJobId" in early:
        return {"jobid": f"{early['HetJobId']}+{early.get('HetJobOffset', '')}", "jobidraw": raw}
    return {"jobid": raw, "jobidraw": raw}
