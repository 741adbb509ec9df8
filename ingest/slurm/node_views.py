"""What ``scontrol show node``, ``sinfo`` and the REST API have in common: the state of each node at one moment.

Such a snapshot knows of an outage only that it began at the stamp of its reason and lasted when the snapshot was taken;
so that is the interval that goes into ``node_states``. A later snapshot of the same outage prolongs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.stamps import local_to_utc
from ingest.records import Findings, Row
from ingest.slurm import values
from ingest.source import Options
from ingest.taxonomy.reasons import read_reason

_NO_TIME: Final = "{count} nodes are out of service without a time since when: only that they exist was taken from them"
_FILE_TIME: Final = "the file does not say when it was taken: its time stamp was used; give --taken-at to say it"
_AMBIGUOUS: Final = "{count} nodes have a time that occurs twice because the clocks were set back: read as the earlier"
_UNKNOWN: Final = frozenset({"", "None", "Unknown", "N/A", "(null)", "n/a", "none"})
_GRES_MODEL: Final = re.compile(r"(?:^|,)gpu:([A-Za-z][^:(=,]*):\d")


@dataclass(frozen=True, slots=True)
class Outage:
    """Why and since when a node is out of service, as a snapshot tells it."""

    node: str
    state: str
    reason: str | None
    set_by: str | None
    since: datetime | None


class Snapshot:
    """Makes rows of what one file says about nodes.

    Parameters
    ----------
    source
        Name to put into the rows.
    file, options
        The file, and what the user says about it.
    findings
        Gets the notes.
    written
        When the snapshot was taken, where the file itself says so.
    """

    def __init__(
        self, source: str, file: InputFile, options: Options, findings: Findings, written: datetime | None = None
    ) -> None:
        self._source = source
        self._file = file
        self._findings = findings
        self._zone = ZoneInfo(options.zone)
        self._taken = options.taken_utc or written

    def state_row(self, outage: Outage) -> Row | None:
        """Return the interval of an outage; None for a node in service, or one that does not say since when."""
        if outage.state == "up":
            return None
        if outage.since is None:
            self._findings.note(_NO_TIME)
            return None
        reason = read_reason(outage.reason or "")
        return Row(
            "node_states",
            {
                "node": outage.node,
                "from_utc": outage.since,
                # Clocks differ: a snapshot cannot end before what it tells began.
                "to_utc": max(outage.since, self._moment()),
                "state": outage.state,
                "planned": outage.state == "maintenance" or reason.planned,
                "continues": False,
                "reason": outage.reason,
                "set_by": outage.set_by,
                "component": reason.component,
                "symptom": reason.symptom,
                "domain": reason.domain,
                "source": self._source,
            },
        )

    def time(self, text: str) -> datetime | None:
        """Return a local time as an instant; None where Slurm prints that there is none.

        Raises
        ------
        ValueError
            If it is no time.
        """
        if text in _UNKNOWN:
            return None
        self._findings.naive_times = True
        moment, ambiguous = local_to_utc(datetime.fromisoformat(text), self._zone)
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return moment

    def _moment(self) -> datetime:
        if self._taken is None:
            self._findings.note(_FILE_TIME)
            self._taken = self._file.modified_utc()
        return self._taken


def node_row(name: str, tres: str, gres: str, attributes: Mapping[str, str | None]) -> Row:
    """Return the row of ``nodes`` for a node that exists.

    Parameters
    ----------
    name
        The node.
    tres, gres
        What it is configured with, in Slurm's two notations; sites leave GPUs out of either.
    attributes
        Anything else; None and empty are left out.

    Examples
    --------
    >>> node_row("n1", "cpu=64,mem=250G", "gpu:a100:4(S:0-1)", {"arch": "x86_64", "os": None}).values["gpu_count"]
    4
    """
    counts = [
        count for count in (values.parse_gpus(_known(tres)), values.parse_gres_gpus(_known(gres))) if count is not None
    ]
    model = _GRES_MODEL.search(gres)
    row: dict[str, Any] = {
        "node": name,
        "gpu_count": max(counts) if counts else None,
        "gpu_model": values.parse_gpu_model(_known(tres)) or (model and model[1]),
        "attributes": [(key, value) for key, value in attributes.items() if value and value not in _UNKNOWN],
    }
    return Row("nodes", row)


def stamp(moment: datetime | None) -> str | None:
    """Return an instant as text, for an attribute.

    >>> stamp(datetime(2024, 1, 2, tzinfo=UTC))
    '2024-01-02T00:00:00Z'
    """
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _known(text: str) -> str:
    return "" if text in _UNKNOWN else text
