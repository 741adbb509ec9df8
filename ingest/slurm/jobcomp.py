"""Slurm's job completion log as text (``JobCompType=jobcomp/filetxt``): one line for every attempt that ended.

The line is that of ``JOB_FORMAT`` in Slurm's ``jobcomp_filetxt.c`` as of 26.05; older releases print ``Gres=`` where
newer ones print ``Tres=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.slurm.job_records import JobRecord, job_chunks, job_records
from ingest.slurm.jobs import NEVER_RAN
from ingest.slurm.values import settled_exit_code
from ingest.source import Chunk, Options, Source

_BEGIN: Final = re.compile(r"JobId=(?P<JobId>\d+) UserId=(?P<UserId>\S*) GroupId=\S* Name=")
#: between the name and the folder, which are the user's and may hold anything
_MIDDLE: Final = re.compile(
    r" JobState=(?P<JobState>\S+) Partition=(?P<Partition>\S*) TimeLimit=(?P<TimeLimit>\S+)"
    r" StartTime=(?P<StartTime>\S+) EndTime=(?P<EndTime>\S+) NodeList=(?P<NodeList>\S*)"
    r" NodeCnt=(?P<NodeCnt>\d+) ProcCnt=(?P<ProcCnt>\d+) WorkDir="
)
_PAIR: Final = re.compile(r"(?<!\w)(\w+)=(\S*)")


class SlurmJobcomp(Source):
    """Source of the ``jobs`` table."""

    name = "slurm-jobcomp"
    title = "Slurm job completion log: jobcomp/filetxt"
    covers = ("jobs",)
    names_cluster = True
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines are such records."""
        lines = head_lines(head)
        matching = sum(_BEGIN.match(line) is not None and _MIDDLE.search(line) is not None for line in lines)
        return matching > len(lines) / 2

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the attempts."""
        yield from job_chunks(job_records(numbered_lines(file), _record, str), options.zone)


def _record(number: int, line: str) -> JobRecord:
    begin = _BEGIN.match(line)
    middles = list(_MIDDLE.finditer(line))
    if begin is None or not middles:
        raise ValueError("not a line of jobcomp/filetxt, or cut short")
    if len(middles) > 1:
        raise ValueError("a job name or folder that looks like a part of the record")
    middle = {name: "" if text == "(null)" else text for name, text in middles[0].groupdict().items()}
    _, _, tail = line[middles[0].end() :].rpartition(" ReservationName=")
    late = dict(_PAIR.findall(f"ReservationName={tail}"))
    if "ExitCode" not in late:
        raise ValueError("cut short")
    # The flag that says REQUEUED is not printed: the attempt ended, and the job is pending again.
    state = "REQUEUED" if middle["JobState"] == "PENDING" else middle["JobState"]
    ran = middle["NodeCnt"] != "0"
    tres = late.get("Tres", "").replace("(null)", "")
    asked = re.search(r"\bnode=(\d+)", tres)
    fields = {
        **_ids(begin["JobId"], late),
        "jobname": line[begin.end() : middles[0].start()],
        "user": begin["UserId"].partition("(")[0],
        "cluster": late.get("Cluster", ""),
        "account": late.get("Account", ""),
        "partition": middle["Partition"],
        "qos": late.get("QOS", ""),
        "state": state,
        "exitcode": settled_exit_code(late["ExitCode"], state),
        "submit": late.get("SubmitTime", ""),
        "eligible": late.get("EligibleTime", ""),
        # The first record of a resized job has the time of resizing for its start.
        "start": "" if state == "RESIZING" else middle["StartTime"],
        "end": middle["EndTime"],
        "timelimitraw": middle["TimeLimit"],
        "nnodes": middle["NodeCnt"] if ran else asked[1] if asked else "",
        "ncpus": middle["ProcCnt"] if ran else "",
        "nodelist": middle["NodeList"] or NEVER_RAN,
        "alloctres" if ran else "reqtres": tres,
        "allocgres": late.get("Gres", "").replace("(null)", ""),
    }
    return JobRecord(number, fields)


def _ids(raw: str, late: dict[str, str]) -> dict[str, str]:
    if "ArrayJobId" in late:
        return {"jobid": f"{late['ArrayJobId']}_{late.get('ArrayTaskId', '')}", "jobidraw": raw}
    if "HetJobId" in late:
        return {"jobid": f"{late['HetJobId']}+{late.get('HetJobOffset', '')}", "jobidraw": raw}
    return {"jobid": raw, "jobidraw": raw}
