"""The truth beside the logs: every fault, true rates, lemons, domains, the GPU-second ledger."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import History
from synthetic_traces.spec.cluster import DAY, ClusterSpec

MARKER = "Synthetic cluster trace with its truth"
DEFINITION = (
    "A failure is a critical fault: a hardware or system event that takes a node out of service and ends every attempt "
    "on it. The rate is the expected number of failures, the integral of the hazards, per node-day in service: the "
    "time in the log window in which the node is neither failed (from the fault to the end of its repair) nor drained. "
    "Hazards run on idle and busy nodes alike, and only in this time. Nodes that a domain fault takes down are counted "
    "apart, as are crash loops. Application faults, false alarms, stragglers and benign events are no failures."
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
        ("missed", pa.bool_()),
        ("permanent", pa.bool_()),
        ("repair_helped", pa.bool_()),
        ("lemon", pa.bool_()),
        ("detected_utc", _TIME),
        ("repaired_utc", _TIME),
        ("domain_event", pa.int64()),
        ("caused_by", pa.int64()),
        ("attempts_killed", pa.list_(pa.struct([("job_id_raw", pa.int64()), ("attempt", pa.int32())]))),
    ]
)
_RATE_KINDS = {"down": "critical", "none": "benign", "slow": "straggler", "corrupt": "silent_corruption"}


def write_faults(spec: ClusterSpec, history: History, path: Path) -> None:
    """Write one row per fault of any kind.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    path
        Parquet file to write.
    """
    attempts, end, names = history.attempts, spec.seconds, spec.fleet.node_names
    killed: dict[int, list[dict[str, int]]] = {}
    for row in np.flatnonzero(attempts.fault_id).tolist():
        entry = {"job_id_raw": int(attempts.job_id[row]), "attempt": int(attempts.number[row])}
        killed.setdefault(int(attempts.fault_id[row]), []).append(entry)
    rows = [
        {
            "fault_id": fault.fault_id,
            "time_utc": _moment(spec, fault.time_seconds),
            "node": names[fault.node],
            "component": fault.component,
            "slot": fault.slot,
            "symptom": fault.symptom,
            "xid": fault.xid,
            "kind": fault.kind,
            "silent": fault.silent,
            "missed": fault.missed,
            "permanent": fault.permanent,
            "repair_helped": fault.repair_helped,
            "lemon": fault.lemon,
            # What lies behind the end of the log has not happened.
            "detected_utc": _moment(spec, fault.detected_seconds, before=end),
            "repaired_utc": _moment(spec, fault.repaired_seconds, before=end),
            "domain_event": fault.domain_event,
            "caused_by": fault.caused_by,
            "attempts_killed": killed.get(fault.fault_id, []),
        }
        for fault in history.faults
    ]
    _write(pa.Table.from_pylist(rows, schema=_FAULTS), path)


def write_lemons(spec: ClusterSpec, plant: Plant, history: History, path: Path) -> None:
    """Write one row per lemon node: from when until when (its cure, or the end of the log), and its time in service.

    Parameters
    ----------
    spec, plant, history
        The cluster, its machines, and what happened.
    path
        Parquet file to write.
    """
    rows = []
    cured = {fault.node: fault.time_seconds for fault in history.faults if fault.cured}
    for lemon in plant.lemons.values():
        until = cured.get(lemon.node, float(spec.seconds))
        away = [
            (fault.time_seconds, fault.repaired_seconds)
            for fault in history.faults
            if fault.node == lemon.node and fault.repaired_seconds is not None
        ]
        away += [
            (out.from_seconds, out.to_seconds)
            for out in history.outages
            if out.node == lemon.node and out.state != "down"
        ]
        lost = sum(max(0.0, min(end, until) - max(begin, lemon.from_seconds)) for begin, end in away)
        rows.append(
            {
                "node": spec.fleet.node_names[lemon.node],
                "from_utc": _moment(spec, lemon.from_seconds),
                "to_utc": _moment(spec, until),
                "cured": lemon.node in cured,
                "symptom": lemon.symptom,
                "extra_per_1000_node_days": lemon.per_1000_node_days,
                "exposure_node_days": (until - lemon.from_seconds - lost) / DAY,
                "faults": sum(fault.lemon and fault.node == lemon.node for fault in history.faults),
            }
        )
    schema = pa.schema(
        [
            ("node", pa.string()),
            ("from_utc", _TIME),
            ("to_utc", _TIME),
            ("cured", pa.bool_()),
            ("symptom", pa.string()),
            ("extra_per_1000_node_days", pa.float64()),
            ("exposure_node_days", pa.float64()),
            ("faults", pa.int64()),
        ]
    )
    _write(pa.Table.from_pylist(rows, schema=schema), path)


def write_nodes(spec: ClusterSpec, plant: Plant, path: Path) -> None:
    """Write one row per node: where it stands, its batch and age, how far its clock is off.

    Parameters
    ----------
    spec, plant
        The cluster and its machines.
    path
        Parquet file to write.
    """
    rows = np.arange(spec.fleet.nodes)
    racks = rows // spec.fleet.nodes_per_rack
    table = pa.table(
        {
            "node": pa.array(spec.fleet.node_names),
            "rack": pa.array([f"rack-{rack + 1:03d}" for rack in racks.tolist()]),
            "pod": pa.array([f"pod-{rack // spec.fleet.racks_per_pod + 1:02d}" for rack in racks.tolist()]),
            "batch": pa.array(plant.batch),
            "age_days": pa.array(plant.age_days),
            "clock_error_seconds": pa.array(plant.clock_error_seconds),
            "serves": pa.array(rows >= spec.batch_nodes),
        }
    )
    _write(table, path)


def write_domains(spec: ClusterSpec, plant: Plant, history: History, domains: Path, events: Path) -> None:
    """Write the failure domains, and what happened to them.

    Parameters
    ----------
    spec, plant, history
        The cluster, its machines, and what happened.
    domains, events
        Parquet files to write.
    """
    names = spec.fleet.node_names
    domain_schema = pa.schema(
        [("domain", pa.string()), ("kind", pa.string()), ("takes_down", pa.bool_()), ("nodes", pa.list_(pa.string()))]
    )
    domain_rows = [
        {"domain": d.name, "kind": d.kind, "takes_down": d.takes_down, "nodes": [names[node] for node in d.nodes]}
        for d in plant.domains
    ]
    _write(pa.Table.from_pylist(domain_rows, schema=domain_schema), domains)
    event_schema = pa.schema(
        [
            ("event_id", pa.int64()),
            ("time_utc", _TIME),
            ("domain", pa.string()),
            ("kind", pa.string()),
            ("nodes", pa.list_(pa.string())),
            ("real", pa.bool_()),
            ("takes_down", pa.bool_()),
        ]
    )
    event_rows = [
        {
            "event_id": event.event_id,
            "time_utc": _moment(spec, event.time_seconds),
            "domain": event.domain,
            "kind": event.kind,
            "nodes": [names[node] for node in sorted(event.nodes)],
            "real": event.real,
            "takes_down": event.takes_down,
        }
        for event in history.domain_events
    ]
    _write(pa.Table.from_pylist(event_rows, schema=event_schema), events)


def write_ledger(history: History, path: Path) -> None:
    """Write one row per bucket of the ledger; they add up to the capacity of the window.

    Parameters
    ----------
    history
        What happened.
    path
        Parquet file to write.
    """
    buckets = history.ledger_gpu_seconds
    _write(pa.table({"bucket": list(buckets), "gpu_seconds": list(buckets.values())}), path)


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
    days = history.in_service_node_days
    expected = sum(history.expected_faults.values())
    kinds = Counter(fault.kind for fault in history.faults)
    shared = sum(fault.kind == "critical" and fault.domain_event is not None for fault in history.faults)
    content: dict[str, Any] = {
        "preset": preset,
        "seed": seed,
        "from_utc": _text(spec.start_utc),
        "to_utc": _text(spec.start_utc + timedelta(days=spec.days)),
        "definition": DEFINITION,
        "failures_per_1000_node_days": round(1000 * expected / days, 9),
        "with_domain_faults_per_1000_node_days": round(1000 * (expected + shared) / days, 9),
        "correlated": spec.has_correlated_faults,
        "in_service_node_days": days,
        "critical_faults": kinds["critical"],
        "domain_faults": shared,
        "faults_by_kind": dict(sorted(kinds.items())),
        "by_symptom": {
            symptom: {"expected_faults": faults, "per_1000_node_days": 1000 * faults / days}
            for symptom, faults in history.expected_faults.items()
        },
        "modes": [
            {
                "component": mode.component,
                "symptom": mode.symptom,
                "xids": list(mode.xids),
                "kind": _RATE_KINDS.get(mode.effect, mode.effect),
                "slots_per_node": mode.slots,
                "per_1000_node_days": mode.per_1000_node_days,
                "shape": mode.shape,
                "silent": mode.silent,
            }
            for mode in spec.failure_modes
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_rates_table(history: History, path: Path) -> None:
    """Write one row per symptom that takes nodes down: the number of faults its hazards let expect, and its rate.

    Parameters
    ----------
    history
        What happened.
    path
        Parquet file to write.
    """
    days = history.in_service_node_days
    expected = history.expected_faults
    table = pa.table(
        {
            "symptom": list(expected),
            "expected_faults": list(expected.values()),
            "in_service_node_days": [days] * len(expected),
            "per_1000_node_days": [1000 * faults / days for faults in expected.values()],
        }
    )
    _write(table, path)


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
    fleet = spec.fleet
    path.write_text(
        f"""{MARKER}
{preset}, seed {seed}, cluster {spec.cluster}: {fleet.nodes} nodes x {fleet.gpus_per_node} {fleet.gpu_model} GPUs,
{spec.days} days from {_text(spec.start_utc)}

Logs as a cluster prints them (Slurm's times have no zone and are UTC; rotated ones carry the day they begin)
  slurm/sacct*.psv       sacct -P -D
  slurm/events.psv       sacctmgr show event -P
  slurm/slurmctld.log    the controller's log
  slurm/topology.conf    the network as Slurm is told of it
  kernel/syslog*.log     RFC 5424 syslog of all nodes
  fabric/ibnetdiscover   the network as its subnet manager sees it
  training/*.log         steps and checkpoints of large jobs, one file per attempt
  serving/requests.jsonl requests of the LLM service, if there is one

Truth that no log holds
  truth/faults.parquet   one row per fault, real or not: what it was, what it killed
  truth/attempts.parquet one row per scheduler attempt: why it ended, and where its time went
  truth/runs.parquet     one row per job: its attempts chained, with its ETTR
  truth/rates.json       true hazards, their definition, and the node-days in service; rates.parquet: by symptom
  truth/lemons.parquet   nodes that are worse than the others
  truth/domains.parquet  what shares fate; domain_events.parquet: what happened to it
  truth/ledger.parquet   every GPU-second of the window in one bucket
  truth/nodes.parquet    place, batch, age and clock of each node
  truth/serving*         instances of the LLM service, and its true metrics
""",
        encoding="utf-8",
    )


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _moment(spec: ClusterSpec, seconds: float | None, *, before: float | None = None) -> datetime | None:
    if seconds is None or (before is not None and seconds > before):
        return None
    return spec.start_utc + timedelta(seconds=seconds)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
