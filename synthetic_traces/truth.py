"""The truth beside the logs: every fault, the cause of every end, the true rates."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthetic_traces.records import History
from synthetic_traces.spec import ClusterSpec

MARKER = "Synthetic cluster trace with its truth"
DEFINITION = (
    "A failure is a critical fault: a hardware or system event that takes a node out of service and ends every attempt "
    "on it. The rate is failures per node-day in service: the time in the log window in which the node is neither "
    "failed (from the fault to the end of its repair) nor drained for planned work. Hazards are constant, run on idle "
    "and busy nodes alike, and only in this time. Application faults and benign events are no failures."
)

_TIME = pa.timestamp("us", tz="UTC")
_FAULTS = pa.schema(
    [
        ("fault_id", pa.int64()),
        ("time_utc", _TIME),
        ("node", pa.string()),
        ("component", pa.string()),
        ("slot", pa.int32()),
        ("symptom", pa.string()),
        ("xid", pa.int32()),
        ("kind", pa.string()),
        ("silent", pa.bool_()),
        ("detected_utc", _TIME),
        ("repaired_utc", _TIME),
        ("attempts_killed", pa.list_(pa.struct([("job_id_raw", pa.int64()), ("attempt", pa.int32())]))),
    ]
)
_ATTEMPTS = pa.schema(
    [
        ("job_id", pa.string()),
        ("job_id_raw", pa.int64()),
        ("attempt", pa.int32()),
        ("submit_utc", _TIME),
        ("start_utc", _TIME),
        ("end_utc", _TIME),
        ("state", pa.string()),
        ("cause", pa.string()),
        ("killed_by_fault", pa.int64()),
        ("node_count", pa.int32()),
        ("gpu_count", pa.int32()),
    ]
)


def write_faults(spec: ClusterSpec, history: History, path: Path) -> None:
    """Write one row per fault of any kind.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    path
        Parquet file to write.
    """
    end = spec.seconds
    rows = [
        {
            "fault_id": fault.fault_id,
            "time_utc": _moment(spec, fault.time_seconds),
            "node": spec.node_names[fault.node],
            "component": fault.component,
            "slot": fault.slot,
            "symptom": fault.symptom,
            "xid": fault.xid,
            "kind": fault.kind,
            "silent": fault.silent,
            # What lies behind the end of the log has not happened.
            "detected_utc": _moment(spec, fault.detected_seconds, before=end),
            "repaired_utc": _moment(spec, fault.repaired_seconds, before=end),
            "attempts_killed": [{"job_id_raw": job, "attempt": attempt} for job, attempt in fault.killed],
        }
        for fault in history.faults
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_FAULTS), path)


def write_attempts(spec: ClusterSpec, history: History, path: Path) -> None:
    """Write one row per attempt, with the true cause of its end.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    path
        Parquet file to write.
    """
    rows = [
        {
            "job_id": str(attempt.job_id),
            "job_id_raw": attempt.job_id,
            "attempt": attempt.number,
            "submit_utc": _moment(spec, attempt.submit_seconds),
            "start_utc": _moment(spec, attempt.start_seconds),
            "end_utc": _moment(spec, attempt.end_seconds),
            "state": attempt.state.split()[0],
            "cause": attempt.cause,
            "killed_by_fault": attempt.killed_by_fault,
            "node_count": attempt.request.nodes,
            "gpu_count": attempt.request.nodes * attempt.request.gpus_per_node,
        }
        for attempt in history.attempts
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_ATTEMPTS), path)


def write_rates(spec: ClusterSpec, history: History, preset: str, seed: int, path: Path) -> None:
    """Write the true hazards, what they mean, and the exposure they ran on.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    preset, seed
        Where they come from.
    path
        JSON file to write.
    """
    content: dict[str, Any] = {
        "preset": preset,
        "seed": seed,
        "from_utc": _text(spec.start_utc),
        "to_utc": _text(spec.start_utc + timedelta(days=spec.days)),
        "definition": DEFINITION,
        "failures_per_1000_node_days": round(spec.failures_per_1000_node_days, 12),
        "in_service_node_days": history.in_service_node_days,
        "critical_faults": sum(fault.kind == "critical" for fault in history.faults),
        "modes": [
            {
                "component": mode.component,
                "symptom": mode.symptom,
                "xids": list(mode.xids),
                "kind": kind,
                "slots_per_node": mode.slots,
                "per_1000_node_days": mode.per_1000_node_days,
            }
            for kind, modes in (("critical", spec.failure_modes), ("benign", spec.benign_modes))
            for mode in modes
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_readme(spec: ClusterSpec, preset: str, seed: int, path: Path) -> None:
    """Write what the files are; its first line marks the folder as ours.

    Parameters
    ----------
    spec
        The cluster.
    preset, seed
        Where it comes from.
    path
        Text file to write.
    """
    path.write_text(
        f"""{MARKER}
preset {preset}, seed {seed}, cluster {spec.cluster}: {spec.nodes} nodes x {spec.gpus_per_node} {spec.gpu_model} GPUs,
{spec.days} days from {_text(spec.start_utc)}

Logs as a cluster prints them (Slurm's times have no zone and are UTC)
  slurm/sacct.psv        sacct -P -D
  slurm/events.psv       sacctmgr show event -P
  kernel/syslog.log      RFC 5424 syslog of all nodes

Truth that no log holds
  truth/faults.parquet   one row per fault: critical (a failure), application (user code), benign
  truth/attempts.parquet one row per scheduler attempt: why it ended, and which fault killed it
  truth/rates.json       true hazards, their definition, and the node-days in service
""",
        encoding="utf-8",
    )


def _moment(spec: ClusterSpec, seconds: float | None, *, before: float | None = None) -> datetime | None:
    if seconds is None or (before is not None and seconds > before):
        return None
    return spec.start_utc + timedelta(seconds=seconds)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
