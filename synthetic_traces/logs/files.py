"""Which log files a trace has, and what each of them says."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import zstandard

from synthetic_traces.logs.accounting import Accounting
from synthetic_traces.logs.controller import controller_log_lines
from synthetic_traces.logs.fabric import ibnetdiscover_lines, topology_conf_lines
from synthetic_traces.logs.node_events import node_event_lines
from synthetic_traces.logs.requests import request_log_lines
from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.logs.syslog import Syslog
from synthetic_traces.logs.training import logged_attempts, training_log_lines
from synthetic_traces.serving.records import ServingHistory
from synthetic_traces.simulation.demand import saving_of
from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import MISSING, History
from synthetic_traces.spec.cluster import DAY, ClusterSpec

#: every file that some trace has and another has not; what else lies in a trace's folder is somebody else's
OPTIONAL_FILES = re.compile(
    r"(?:kernel/syslog(?:-\d{4}-\d\d-\d\d)?\.log|slurm/sacct(?:-\d{4}-\d\d-\d\d)?\.psv|slurm/slurmctld\.log"
    r"|fabric/ibnetdiscover\.txt|training/job-\d+-\d+\.log|serving/requests\.jsonl)(?:\.zst)?"
    r"|truth/serving(?:_instances\.parquet|\.json)"
)

Source = Literal["accounting", "events", "controller", "topology", "syslog", "fabric", "training", "serving"]


@dataclass(frozen=True, slots=True)
class File:
    """A log file.

    Parameters
    ----------
    path
        Below the folder of the trace.
    source
        What it tells.
    first_day, last_day
        Days of the log that it holds, the last one excluded.
    row, done
        Of a training log: the attempt, and the productive seconds that those before it kept.
    """

    path: Path
    source: Source
    first_day: int = 0
    last_day: int = 0
    row: int = 0
    done: int = 0


def planned_files(spec: ClusterSpec, history: History, serving: ServingHistory | None) -> tuple[File, ...]:
    """List the log files of a trace, the longest first.

    Parameters
    ----------
    spec, history, serving
        The cluster and what happened.

    Returns
    -------
    tuple of File
        Those that have something to say: RailX has no subnet manager, a cluster without large jobs no training log.
    """
    suffix = ".zst" if spec.logs.compress else ""
    length = spec.logs.rotate_days or spec.days
    stamps = Stamps(spec.start_utc)
    files = []
    for first in range(0, spec.days, length):
        name = f"-{stamps.day(first)}" if spec.logs.rotate_days else ""
        last = min(first + length, spec.days)
        files.append(File(Path("kernel", f"syslog{name}.log{suffix}"), "syslog", first, last))
        files.append(File(Path("slurm", f"sacct{name}.psv{suffix}"), "accounting", first, last))
    files.append(File(Path("slurm", f"slurmctld.log{suffix}"), "controller"))
    if serving is not None:
        files.append(File(Path("serving", f"requests.jsonl{suffix}"), "serving"))
    files.append(File(Path("slurm", "events.psv"), "events"))
    files.append(File(Path("slurm", "topology.conf"), "topology"))
    if spec.fleet.fabric != "railx":
        files.append(File(Path("fabric", f"ibnetdiscover.txt{suffix}"), "fabric"))
    done: dict[int, int] = {}
    attempts = history.attempts
    for row in logged_attempts(spec, history):
        job = int(attempts.job_id[row])
        path = Path("training", f"job-{job}-{attempts.number[row]}.log{suffix}")
        files.append(File(path, "training", row=row, done=done.get(job, 0)))
        done[job] = done.get(job, 0) + int(attempts.productive[row])
    return tuple(files)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Everything that log files are written from.

    Parameters
    ----------
    spec, plant, history, serving
        The cluster, its machines, and what happened.
    seed
        Of what only the printed form leaves open; streams of its own, so that a change of wording leaves the history
        alone.
    """

    spec: ClusterSpec
    plant: Plant
    history: History
    serving: ServingHistory | None
    seed: int

    @property
    def attempts(self) -> int:
        """Number of attempts."""
        return len(self.history.attempts)

    def write(self, file: File, out: Path) -> None:
        """Write one file.

        Parameters
        ----------
        file
            Which.
        out
            Folder of the trace.
        """
        path = out / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as raw:
            if path.suffix == ".zst":
                with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as packed:
                    _write_lines(packed, self.lines(file))
            else:
                _write_lines(raw, self.lines(file))

    def lines(self, file: File) -> Iterator[str]:
        """Render one file.

        Parameters
        ----------
        file
            Which.

        Returns
        -------
        iterator of str
            Its lines.
        """
        spec, history = self.spec, self.history
        match file.source:
            case "accounting":
                return Accounting(spec, history.users, history.jobs).lines(history.attempts.rows(self._ended(file)))
            case "events":
                return node_event_lines(spec, history, np.random.default_rng([self.seed, 1]))
            case "controller":
                return controller_log_lines(spec, history)
            case "topology":
                return topology_conf_lines(self.plant.fabric, spec.fleet.node_names)
            case "syslog":
                return Syslog(spec, self.plant, history, self.seed).lines(file.first_day, file.last_day)
            case "fabric":
                return ibnetdiscover_lines(self.plant.fabric, spec.fleet.node_names, spec.start_utc)
            case "training":
                return training_log_lines(spec, history, file.row, saving_of(spec), file.done)
            case "serving":
                assert self.serving is not None  # noqa: S101 - the file is planned only where something serves
                return request_log_lines(self.serving, spec.start_utc, spec.fleet.node_names)

    def _ended(self, file: File) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        # An attempt is told of where it ended; one that goes on, or waits, in the last file.
        end = self.history.attempts.end
        last = file.last_day == self.spec.days
        told = (end >= file.first_day * DAY) & ((end < file.last_day * DAY) | (last & (end <= self.spec.seconds)))
        return np.flatnonzero(told | (last & (end == MISSING)))


def _write_lines(
    stream: io.RawIOBase | io.BufferedIOBase | zstandard.ZstdCompressionWriter, lines: Iterable[str]
) -> None:
    block: list[str] = []
    size = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size > 1 << 20:
            stream.write(("\n".join(block) + "\n").encode())
            block, size = [], 0
    if block:
        stream.write(("\n".join(block) + "\n").encode())
