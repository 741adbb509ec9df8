"""All files of the truth, written together."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from synthetic_traces.serving.records import ServingHistory
from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import History
from synthetic_traces.spec.cluster import ClusterSpec
from synthetic_traces.truth.jobs import write_jobs
from synthetic_traces.truth.serving import serving_instances, serving_summary
from synthetic_traces.truth.tables import (
    write_domains,
    write_faults,
    write_ledger,
    write_lemons,
    write_nodes,
    write_rates,
    write_rates_table,
)


def write_truth(
    spec: ClusterSpec,
    plant: Plant,
    history: History,
    serving: ServingHistory | None,
    name: str,
    seed: int,
    folder: Path,
) -> tuple[Path, ...]:
    """Write everything that no log holds.

    Parameters
    ----------
    spec, plant, history, serving
        The cluster, its machines, and what happened.
    name, seed
        Where they come from.
    folder
        Existing folder to write to.

    Returns
    -------
    tuple of Path
        The files.
    """
    faults, attempts, runs, lemons, domains, events, ledger, nodes, by_symptom = (
        folder / f"{table}.parquet"
        for table in ("faults", "attempts", "runs", "lemons", "domains", "domain_events", "ledger", "nodes", "rates")
    )
    rates = folder / "rates.json"
    write_faults(spec, history, faults)
    write_jobs(spec, history, attempts, runs)
    write_lemons(spec, plant, history, lemons)
    write_domains(spec, plant, history, domains, events)
    write_ledger(history, ledger)
    write_nodes(spec, plant, nodes)
    write_rates(spec, history, name.removeprefix("preset "), seed, rates)
    write_rates_table(history, by_symptom)
    written = [faults, attempts, runs, lemons, domains, events, ledger, nodes, by_symptom, rates]
    if serving is not None:
        instances, summary = folder / "serving_instances.parquet", folder / "serving.json"
        pq.write_table(serving_instances(serving, spec.start_utc, spec.fleet.node_names), instances)
        summary.write_text(json.dumps(serving_summary(serving), indent=2) + "\n", encoding="utf-8")
        written += [instances, summary]
    return tuple(written)
