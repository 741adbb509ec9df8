"""Lines of the Slurm controller's log about jobs: who lost a node, was preempted, cancelled, requeued, stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from ingest.records import KEPT, Findings, Row

#: a job as Slurm prints it: ``JobId=36``, ``JobId=17_3(35)``, ``JobId=18+1(19)``; the raw id is the one in brackets
_JOB: Final = r"JobId=(?P<shown>\d{1,10}(?:[_+](?:\d+|\*|\[[^\]]*\]))?)(?:\((?P<raw>\d{1,10})\))?"
_BY: Final = r"JobId=(?P<by_shown>\d{1,10}(?:[_+](?:\d+|\*|\[[^\]]*\]))?)(?:\((?P<by_raw>\d{1,10})\))?"
#: pattern of a whole message → the kind of event; ``killing`` and ``signal`` are put together to ``cancelled``
_LINES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("node_failed", rf"requeue job {_JOB} due to failure of node (?P<node>\S+).*"),
        ("node_failed", rf"Killing {_JOB} on failed node (?P<node>\S+).*"),
        ("node_failed", rf"Removing failed node (?P<node>\S+) from {_JOB}.*"),
        ("preempted", rf"(?:\w+: )?preempted {_JOB} has been \w+ to reclaim resources for {_BY}.*"),
        ("preempted", rf"(?:\w+: )?preempted {_JOB} had to be killed.*"),
        ("requeued", rf"Requeuing {_JOB}.*"),
        ("timed_out", rf"Time limit exhausted for {_JOB}.*"),
        ("out_of_memory", rf"_job_complete: {_JOB} OOM failure.*"),
        ("cancelled", rf"(?:\w+: )?Job dependency can't be satisfied, cancelling {_JOB}.*"),
        ("cancelled", rf"\w+: {_JOB} with time_limit \d+ exceeded deadline .* and cancelled.*"),
        ("killing", rf"\w+: REQUEST_KILL_JOB {_JOB} uid (?P<uid>\d+).*"),
        ("signal", rf"job_signal: (?P<signal>\d+) of \S+ {_JOB} .*"),
        ("suspended", r"_slurm_rpc_suspend\(suspend\) for (?P<shown>\d{1,10}) .*"),
        ("resumed", r"_slurm_rpc_suspend\(resume\) for (?P<shown>\d{1,10}) .*"),
    )
)
#: scancel signals a job at once; a request to kill without such a line stands for itself after this time
_SIGNAL_WITHIN: Final = timedelta(seconds=1)
_ARRAY_ONLY: Final = "{count} events name a task of a job array by its number in the array only"


@dataclass(slots=True)
class JobLines:
    """Reads what one log says about jobs.

    Parameters
    ----------
    source
        Name to put into the rows.
    findings
        Gets the notes.
    """

    source: str
    findings: Findings
    #: requests of users, by the id they were made with; the oldest first
    _requests: dict[str, Row] = field(default_factory=dict)
    #: the node that failed, until its job is requeued
    _failed: dict[str, str] = field(default_factory=dict)

    #: pattern: a line without any of these is about nothing of this kind
    needles: ClassVar[str] = (
        r"failed node|due to failure|preempted |Requeuing|Time limit|OOM failure|cancel|REQUEST_KILL|job_signal"
        r"|rpc_suspend\("
    )

    @staticmethod
    def matches(message: str) -> tuple[str, re.Match[str]] | None:
        """Return what a message says about a job; None if it says nothing."""
        for kind, pattern in _LINES:
            found = pattern.fullmatch(message)
            if found is not None:
                return kind, found
        return None

    def rows(self, said: tuple[str, re.Match[str]], time: datetime, message: str) -> Sequence[Row]:
        """Return the events that are known with a message."""
        kind, found = said
        groups = found.groupdict()
        due = list(self._due(time))
        if kind == "signal":
            return [*due, *self._signal(groups)]
        values: dict[str, Any] = {
            "job_id_raw": groups.get("raw") or groups["shown"],
            "time_utc": time,
            "kind": "cancelled" if kind == "killing" else kind,
            "node": groups.get("node"),
            "by_job_id_raw": groups.get("by_raw") or groups.get("by_shown"),
            "set_by": groups.get("uid"),
            "source": self.source,
            "message": message,
        }
        row = Row("job_events", values)
        if kind == "killing":
            self._requests[groups["shown"]] = row
            return due or KEPT
        if kind == "node_failed":
            self._failed[values["job_id_raw"]] = values["node"]
        elif kind == "requeued":
            values["node"] = self._failed.pop(values["job_id_raw"], None)
        return [*due, self._checked(row)]

    def finish(self) -> Iterator[Row]:
        """Yield the requests of which nothing more was said."""
        yield from map(self._checked, self._requests.values())

    def _signal(self, groups: dict[str, str | Any]) -> Sequence[Row]:
        """Decide a request: only signal 9 ends a job; others are for the user's program."""
        request = self._requests.pop(groups["shown"], None)
        if request is None or groups["signal"] != "9":
            return ()
        raw = groups["raw"] or request.values["job_id_raw"]
        return [self._checked(Row(request.table, {**request.values, "job_id_raw": raw}))]

    def _due(self, time: datetime) -> Iterator[Row]:
        while self._requests:
            shown, row = next(iter(self._requests.items()))
            if time - row.values["time_utc"] < _SIGNAL_WITHIN:
                return
            del self._requests[shown]
            yield self._checked(row)

    def _checked(self, row: Row) -> Row:
        if not row.values["job_id_raw"].isdecimal():
            self.findings.note(_ARRAY_ONLY)
        return row
