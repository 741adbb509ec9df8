"""Columns of ``sacct`` text to rows of the ``jobs`` table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.parsing.columns import Refusals, any_of, parse_distinct, quoting, refuse_times, text_or_null
from ingest.parsing.times import as_mask, parse_times, resolve_folds
from ingest.slurm import values
from reliability.schema import NODES

#: lower-case names of the sacct fields (``ExcNodeList`` is scontrol's) that say something about reliability
FIELDS: Final = frozenset(
    {
        "account",
        "alloccpus",
        "allocgres",
        "allocnodes",
        "alloctres",
        "cluster",
        "elapsed",
        "elapsedraw",
        "eligible",
        "end",
        "excnodelist",
        "exitcode",
        "failednode",
        "jobid",
        "jobidraw",
        "jobname",
        "ncpus",
        "nnodes",
        "nodelist",
        "partition",
        "priority",
        "qos",
        "reqcpus",
        "reqmem",
        "reqnodes",
        "reqtres",
        "start",
        "state",
        "submit",
        "submitline",
        "timelimit",
        "timelimitraw",
        "user",
    }
)
#: what sacct prints for the nodes of a job that was given none
NEVER_RAN: Final = "None assigned"
_GOING_ON: Final = ("PENDING", "RUNNING", "SUSPENDED")
_TIMES: Final = {"submit": "Submit", "eligible": "Eligible", "start": "Start", "end": "End"}


@dataclass(frozen=True, slots=True)
class JobRows:
    """Rows of ``jobs`` from one block, with what was refused.

    Attributes
    ----------
    rows
        The good rows.
    refusals
        Position and reason of each refused row.
    ambiguous
        Rows with a time that a clock set back shows twice.
    naive_times
        Whether times without a zone were read.
    """

    rows: pa.Table
    refusals: dict[int, str]
    ambiguous: int
    naive_times: bool


class JobParser:
    """Parses one block of job rows (no steps).

    Parameters
    ----------
    columns
        Text per lower-case field name, each of shape (rows,); at least ``state`` and one of the job ids.
    rows
        Number of rows.
    zone
        IANA zone of times without one.
    """

    def __init__(self, columns: dict[str, pa.Array], rows: int, zone: str) -> None:
        self._columns = columns
        self._rows = rows
        self._zone = zone
        self._refusals = Refusals(rows)
        self._empty = pa.repeat(pa.scalar(""), rows)

    def parse(self, out_of_memory: pa.Array) -> JobRows:
        """Parse the block.

        Parameters
        ----------
        out_of_memory
            Whether a step of the job was killed for memory, null where its steps are not known, shape (rows,).
        """
        ids = self._ids()
        state = self._distinct("State", values.parse_state, pa.string(), "state")
        times, ambiguous, naive = self._times(state)
        node_count = self._first("NNodes", values.parse_count, pa.int32(), "nnodes", "allocnodes")
        cpu_count = pc.coalesce(
            self._first("NCPUS", values.parse_count, pa.int32(), "alloccpus", "ncpus"),
            self._distinct("AllocTRES", values.parse_cpus, pa.int32(), "alloctres"),
        )
        exit_code, exit_signal = self._exit()
        gpu_count, gpu_model = self._gpus(times["start_utc"])
        table = pa.table(
            {
                "cluster": text_or_null(self._text("cluster")),
                **ids,
                "job_name": text_or_null(self._text("jobname")),
                "user": text_or_null(self._text("user")),
                "account": text_or_null(self._text("account")),
                "partition": text_or_null(self._text("partition")),
                "qos": text_or_null(self._text("qos")),
                "priority": self._distinct("Priority", values.parse_integer, pa.int64(), "priority"),
                **times,
                "state": state,
                "state_raw": self._text("state"),
                "exit_code": exit_code,
                "exit_signal": exit_signal,
                "step_out_of_memory": out_of_memory,
                "node_count": node_count,
                "cpu_count": cpu_count,
                "gpu_count": gpu_count,
                "gpu_model": gpu_model,
                "requested_memory_bytes": self._memory(node_count, cpu_count),
                "time_limit_seconds": self._time_limit(),
                "nodes": self._nodes(),
                "excluded_nodes": self._excluded(),
                "failed_node": text_or_null(self._text("failednode")),
            }
        )
        good = table.filter(pa.array(~self._refusals.mask))
        return JobRows(good, self._refusals.reasons, ambiguous, naive)

    def _text(self, *names: str) -> pa.Array:
        for name in names:
            if name in self._columns:
                return self._columns[name]
        return self._empty

    def _distinct(self, label: str, parser: Callable[[str], Any], kind: pa.DataType, *names: str) -> pa.Array:
        if not any(name in self._columns for name in names):
            return pa.nulls(self._rows, kind)
        return parse_distinct(self._text(*names), parser, kind, self._refusals, label)

    def _first(self, label: str, parser: Callable[[str], Any], kind: pa.DataType, *names: str) -> pa.Array:
        """Parse several columns and take, row by row, the first that says something."""
        return pc.coalesce(*(self._distinct(label, parser, kind, name) for name in names))

    def _ids(self) -> dict[str, pa.Array]:
        ids = {}
        for name, label in (("jobid", "JobID"), ("jobidraw", "JobIDRaw")):
            if name in self._columns:
                column = self._columns[name]
                # The same pattern as parse_job_id, which would see every id as distinct.
                valid = as_mask(pc.match_substring_regex(column, r"^\d+(_(\d+|\[[^\]]*\])|\+\d+)?$"))
                self._refusals.add(~valid, quoting(f"{label} {{text!r}}: not a job id", column))
                ids[name] = column
        return {"job_id": ids.get("jobid", ids.get("jobidraw")), "job_id_raw": ids.get("jobidraw", ids.get("jobid"))}

    def _times(self, state: pa.Array) -> tuple[dict[str, pa.Array], int, bool]:
        parsed = {name: parse_times(self._text(name), self._zone) for name in _TIMES}
        for name, label in _TIMES.items():
            refuse_times(self._refusals, parsed[name], self._text(name), label, self._zone)
        elapsed = self._elapsed(parsed["start"].ambiguous | parsed["end"].ambiguous)
        start, end = resolve_folds(parsed["start"], parsed["end"], elapsed)
        backwards = as_mask(pc.less(end, start))
        self._refusals.add(
            backwards, lambda row: f"ends at {end[row].as_py()}, before it starts at {start[row].as_py()}"
        )
        # Of what goes on, an end is a forecast (the controller's) or the moment of asking (slurmrestd, sacct -T); and
        # some releases print the end of a job that never ran for its start, too.
        nothing = pa.scalar(None, start.type)
        waiting = any_of(state, "PENDING") | any_of(self._text("nodelist"), NEVER_RAN)
        start = pc.if_else(pa.array(waiting), nothing, start)
        end = pc.if_else(pa.array(any_of(state, *_GOING_ON)), nothing, end)
        ambiguous = np.logical_or.reduce([times.ambiguous for times in parsed.values()])
        times = {
            "submit_utc": parsed["submit"].earliest,
            "eligible_utc": parsed["eligible"].earliest,
            "start_utc": start,
            "end_utc": end,
        }
        return times, int(ambiguous.sum()), any(times.naive for times in parsed.values())

    def _elapsed(self, wanted: np.ndarray) -> pa.Array:
        """Return elapsed times of the rows that need one; of the others, only what looks odd is parsed, to refuse it.

        Almost every row has a text of its own, so that parsing each distinct text once would save nothing.
        """
        columns = []
        for name in ("elapsedraw", "elapsed"):
            if name in self._columns:
                text = self._columns[name]
                plain = as_mask(pc.match_substring_regex(text, r"^(\d{1,12}|(\d{1,6}-)?\d\d:[0-5]\d:[0-5]\d)$"))
                likely = pc.if_else(pa.array(plain & ~wanted), "", text)
                parser = values.parse_elapsed_seconds
                columns.append(parse_distinct(likely, parser, pa.float64(), self._refusals, "Elapsed"))
        return pc.coalesce(*columns) if columns else pa.nulls(self._rows, pa.float64())

    def _exit(self) -> tuple[pa.Array, pa.Array]:
        kind = pa.list_(pa.int32(), 2)
        pairs = self._distinct("ExitCode", values.parse_exit_code, kind, "exitcode")
        return pc.list_element(pairs, 0), pc.list_element(pairs, 1)

    def _gpus(self, start: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Return GPUs and model of the allocation; of the request, where a job never started."""
        counts, models = [], []
        sources = [("AllocTRES", "alloctres"), ("ReqTRES", "reqtres")]
        never_started = pc.is_null(start)
        for label, name in sources:
            count = self._distinct(label, values.parse_gpus, pa.int32(), name)
            model = self._distinct(label, values.parse_gpu_model, pa.string(), name)
            if name == "reqtres":
                count = pc.if_else(never_started, count, pa.scalar(None, pa.int32()))
                model = pc.if_else(never_started, model, pa.scalar(None, pa.string()))
            counts.append(count)
            models.append(model)
        # Where GPUs are not among the accounted resources, only the older AllocGRES knows of them.
        gres = self._distinct("AllocGRES", values.parse_gres_gpus, pa.int32(), "allocgres")
        positive = pc.if_else(pc.greater(counts[0], 0), counts[0], pa.scalar(None, pa.int32()))
        return pc.coalesce(positive, gres, *counts), pc.coalesce(*models)

    def _memory(self, node_count: pa.Array, cpu_count: pa.Array) -> pa.Array:
        amount = self._distinct("ReqMem", _memory_bytes, pa.int64(), "reqmem")
        scope = self._distinct("ReqMem", _memory_scope, pa.string(), "reqmem")
        nodes = pc.coalesce(self._first("ReqNodes", values.parse_count, pa.int32(), "reqnodes"), node_count)
        cpus = pc.coalesce(self._first("ReqCPUS", values.parse_count, pa.int32(), "reqcpus"), cpu_count)
        factor = pc.case_when(
            pc.make_struct(pc.equal(scope, "job"), pc.equal(scope, "node"), pc.equal(scope, "cpu")),
            pa.repeat(pa.scalar(1, pa.int32()), self._rows),
            nodes,
            cpus,
        )
        return pc.multiply(amount, factor.cast(pa.int64()))

    def _time_limit(self) -> pa.Array:
        limit = self._distinct("Timelimit", values.parse_duration_seconds, pa.float64(), "timelimit")
        raw = self._distinct("TimelimitRaw", values.parse_limit_minutes, pa.float64(), "timelimitraw")
        return pc.coalesce(limit, raw)

    def _nodes(self) -> pa.Array:
        """Return the nodes; most jobs have one, whose name is taken as it is."""
        if "nodelist" not in self._columns:
            return pa.nulls(self._rows, NODES)
        text = self._columns["nodelist"]
        single = pa.array(~as_mask(pc.match_substring_regex(text, r"[\[\],]")) & ~any_of(text, *values.UNKNOWN))
        alone = pa.ListArray.from_arrays(pa.array(np.arange(self._rows + 1, dtype=np.int32)), text)
        rest = parse_distinct(pc.if_else(single, "", text), values.parse_nodes, NODES, self._refusals, "NodeList")
        return pc.if_else(single, alone.cast(NODES), rest)

    def _excluded(self) -> pa.Array:
        """Return excluded nodes; looked for only in the few submit lines that may name some."""
        lines = self._text("submitline")
        maybe = pc.match_substring_regex(lines, r"\s(-x|--exclude[= ])")
        likely = pc.if_else(maybe, lines, "")
        excluded = parse_distinct(likely, values.parse_excluded, NODES, self._refusals, "SubmitLine")
        return pc.coalesce(self._distinct("ExcNodeList", values.parse_nodes, NODES, "excnodelist"), excluded)


def _memory_bytes(text: str) -> int | None:
    parsed = values.parse_memory(text)
    return parsed and parsed[0]


def _memory_scope(text: str) -> str | None:
    parsed = values.parse_memory(text)
    return parsed and parsed[1]
