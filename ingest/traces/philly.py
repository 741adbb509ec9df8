"""Philly (Jeon et al., ATC 2019): the jobs of a GPU cluster of Microsoft, 2017, each with its attempts.

Keys, an example and the meaning of missing times: README of github.com/msr-fiddle/philly-traces. The log names no zone;
the trace's utilisation files are in PDT and PST. Written from it; no real file was at hand.

A job that fails is started again; only the outcome of the last attempt is told. So every earlier attempt failed, and
each was submitted when the one before it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.parsing.stamps import local_to_utc
from ingest.records import Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_PATHS: Final = frozenset({"item.status", "item.vc", "item.jobid", "item.attempts", "item.submitted_time", "item.user"})
_ZONE: Final = ZoneInfo("America/Los_Angeles")
_STATES: Final = {"Pass": "COMPLETED", "Killed": "CANCELLED", "Failed": "FAILED"}
_UNKNOWN: Final = frozenset({"", "None"})
_UNPLACED: Final = "{count} attempts have no time at all and are left out"
_ZONE_NOTE: Final = "{count} jobs: Philly's times are read as America/Los_Angeles, whatever --timezone says"


class Philly(Source):
    """Source of ``jobs``."""

    name = "philly"
    title = "Philly trace: cluster_job_log"
    covers = ("jobs",)
    cluster = "philly"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file is a JSON array of jobs with their attempts."""
        return head_paths(head) >= _PATHS

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield one row per attempt; a job that was never started is a row, too.

        Raises
        ------
        UnreadableInputError
            If the file is no JSON.
        """
        findings = Findings()

        def parse(job: object) -> Sequence[Row]:
            rows = _rows(job, findings)
            if options.timezone not in {None, _ZONE.key}:
                findings.note(_ZONE_NOTE)
            return rows

        yield from chunks(json_items(file, "item"), parse, _shown, findings)


def _rows(job: object, findings: Findings) -> Sequence[Row]:
    if not isinstance(job, dict):
        raise ValueError("not a job")  # noqa: TRY004 - refuses the record
    status = job["status"]
    if status not in _STATES:
        raise ValueError(f"status {status!r} is none of {', '.join(_STATES)}")
    submitted = _time(job["submitted_time"], "submitted_time")
    common = {
        "job_id": _text(job["jobid"], "jobid"),
        "job_id_raw": _text(job["jobid"], "jobid"),
        "user": _text(job["user"], "user"),
        "partition": _text(job["vc"], "vc"),
    }
    attempts = [_attempt(attempt) for attempt in _list(job["attempts"], "attempts")]
    last = {"state": _STATES[status], "state_raw": status}
    findings.see(submitted, *(time for attempt in attempts for time in (attempt["start_utc"], attempt["end_utc"])))
    if not attempts:
        return [Row("jobs", {**common, **last, "submit_utc": submitted})]
    return [Row("jobs", {**common, **row}) for row in _placed(attempts, last, submitted, findings)]


def _placed(
    attempts: Sequence[dict[str, Any]], last: Mapping[str, str], submitted: datetime | None, findings: Findings
) -> Iterator[dict[str, Any]]:
    """Yield the attempts with their states and the times at which they were submitted."""
    submit, known = submitted, True
    for position, attempt in enumerate(attempts, start=1):
        # Of several attempts in a row without times only the first can be told apart.
        when = submit if known else attempt["start_utc"]
        submit, known = attempt["end_utc"] or submit, attempt["end_utc"] is not None
        if position > 1 and when is None:
            findings.note(_UNPLACED)
            continue
        outcome: Mapping[str, str] = {"state": "FAILED"}
        if position == len(attempts):
            # "If a job has a None value for its last attempt's end_time, the job was still running."
            outcome = last if attempt["end_utc"] or not attempt["start_utc"] else {**last, "state": "RUNNING"}
        yield {**attempt, **outcome, "submit_utc": when}


def _attempt(attempt: object) -> dict[str, Any]:
    if not isinstance(attempt, dict):
        raise ValueError("an attempt that is no object")  # noqa: TRY004 - refuses the record
    start, end = (_time(attempt[name], name) for name in ("start_time", "end_time"))
    if start is not None and end is not None and end < start:
        raise ValueError("an attempt ends before it starts")
    places = _list(attempt["detail"], "detail")
    if not all(isinstance(place, dict) for place in places):
        raise ValueError("detail holds something else than objects")
    return {
        "start_utc": start,
        "end_utc": end,
        **(_allocation(places) if places else {}),
    }


def _allocation(places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "nodes": [_text(place["ip"], "ip") for place in places],
        "node_count": len(places),
        "gpu_count": sum(len(_list(place["gpus"], "gpus")) for place in places),
    }


def _time(value: object, name: str) -> datetime | None:
    if value is None or value in _UNKNOWN:
        return None
    text = _text(value, name)
    try:
        naive = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - put into its zone below
    except ValueError as error:
        raise ValueError(f"{name} {text[:80]!r} is no time such as 2017-10-07 01:12:09") from error
    return local_to_utc(naive, _ZONE)[0]


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 - refuses the record
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is no text")
    value.encode()  # half of a surrogate pair, which JSON can spell, is a ValueError
    return value


def _shown(job: object) -> str:
    try:
        return json.dumps(job)
    except RecursionError:
        return "(a record nested too deep to be shown)"
