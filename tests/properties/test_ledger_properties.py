"""The goodput ledger of random small clusters against one kept second by second in plain Python."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake, create_lake
from reliability.marts import Parameters
from tests.lakes import add_ingest

#: twenty seconds before midnight, so that many attempts see two days
BEGIN = datetime(2026, 1, 5, 23, 59, 40, tzinfo=UTC)
SECONDS = 60
NODES = ("n1", "n2", "n3")
GPUS = {"n1": 8, "n2": 4, "n3": 0}
CPUS = {"n1": 8, "n2": 4, "n3": 2}
WORST = {"down_unplanned": 5, "down_planned": 4, "drained": 2, "unknown": 1}

spans = st.tuples(st.integers(0, SECONDS - 1), st.integers(1, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))
jobs = st.lists(
    st.tuples(
        spans,
        st.sampled_from(["COMPLETED", "FAILED", "NODE_FAIL", "PREEMPTED", "CANCELLED"]),
        st.sets(st.sampled_from(NODES), min_size=1).map(sorted),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=8,
)
states = st.lists(
    st.tuples(
        spans, st.sampled_from(NODES), st.sampled_from(["down", "drain", "maintenance", "unknown"]), st.booleans()
    ),
    max_size=5,
)


def at(second: int) -> datetime:
    return BEGIN + timedelta(seconds=second)


@pytest.mark.parametrize("unit", ["gpu", "node"])
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(clusters=st.lists(st.tuples(jobs, states), min_size=8, max_size=8))
def test_the_ledger_is_the_one_kept_second_by_second(unit: str, clusters: list[Any]) -> None:
    asked = Parameters(unit=unit, restart_overhead_seconds=5, checkpoint_interval_seconds=10)
    with TemporaryDirectory() as folder:
        lake = create_lake(Path(folder) / "lake")
        for number, (given_jobs, given_states) in enumerate(clusters):
            add_cluster(lake, str(number), given_jobs, given_states)
        with closing(DuckDBEngine(lake, asked)) as engine:
            found = engine.rows(
                "SELECT cluster, CAST(day AS VARCHAR) AS day, bucket, sum(seconds) AS s "
                "FROM goodput_ledger GROUP BY ALL"
            )
            parts = engine.rows("SELECT * FROM attempt_parts")
    assert all(row["s"] > 0 for row in found)
    for number, (given_jobs, given_states) in enumerate(clusters):
        ledger = {(row["day"], row["bucket"]): row["s"] for row in found if row["cluster"] == str(number)}
        capacity = sum(GPUS.values()) if unit == "gpu" else len(NODES)
        assert sum(ledger.values()) == pytest.approx(capacity * SECONDS)
        of_cluster = {row["job_id_raw"]: row for row in parts if row["cluster"] == str(number)}
        expected = second_by_second(unit, of_cluster, given_jobs, given_states)
        # amounts are rounded down to millionths, which leaves crumbs
        crumbs = 1e-3
        assert {key: s for key, s in ledger.items() if s > crumbs} == pytest.approx(
            {key: s for key, s in expected.items() if s > crumbs}, abs=crumbs
        )


def add_cluster(lake: Lake, cluster: str, jobs: list[Any], states: list[Any]) -> None:
    """Add the logs of one cluster."""
    add_ingest(
        lake,
        cluster=cluster,
        observed_from=BEGIN,
        observed_to=at(SECONDS),
        nodes=[{"node": node, "gpu_count": GPUS[node], "attributes": {"cpus": str(CPUS[node])}} for node in NODES],
        jobs=[
            {
                "job_id": str(number),
                "start_utc": at(span[0]),
                "end_utc": at(span[1]),
                "state": state,
                "nodes": nodes,
                "gpu_count": size,
                "cpu_count": size or None,
            }
            for number, (span, state, nodes, size) in enumerate(jobs)
        ],
        node_states=[
            {
                "node": node,
                "from_utc": at(span[0]),
                "to_utc": at(span[1]),
                "state": state,
                "planned": planned,
                "reason": f"reason {number}",
            }
            for number, (span, node, state, planned) in enumerate(states)
        ],
    )


def second_by_second(
    unit: str, parts: dict[str, Any], jobs: list[Any], states: list[Any]
) -> dict[tuple[str, str], float]:
    """Keep the ledger in plain Python: each second of each node, who holds it, and if nobody, its worst state."""
    kept: dict[tuple[str, str], float] = defaultdict(float)
    for second in range(SECONDS):
        day = at(second).date().isoformat()
        for node in NODES:
            capacity = float(GPUS[node]) if unit == "gpu" else 1.0
            holders = []
            for number, (span, state, nodes, size) in enumerate(jobs):
                amount = (
                    size / len(nodes) if unit == "gpu" else min(1.0, size / len(nodes) / CPUS[node] if size else 1.0)
                )
                if node in nodes and span[0] <= second < span[1] and amount > 0:
                    holders.append((str(number), state, amount))
            held = sum(amount for _, _, amount in holders)
            for job, state, amount in holders:
                charged = amount * min(1.0, capacity / held)
                for bucket, share in phase(parts[job], state, second):
                    kept[day, bucket] += charged * share
            kept[day, free(node, second, states)] += max(0.0, capacity - held)
    return kept


def phase(part: dict[str, Any], state: str, second: int) -> list[tuple[str, float]]:
    """Return what an attempt does in a second: all parts of these clusters are whole seconds."""
    since = second - round((part["from_micros"] / 1e6) - BEGIN.timestamp())
    left = round(part["to_micros"] / 1e6 - BEGIN.timestamp()) - second
    if since < part["restart_seconds"]:
        return [("restart", 1.0)]
    if left <= part["lost_seconds"]:
        lost = {"NODE_FAIL": "lost_first_order", "PREEMPTED": "lost_preemption"}
        return [(lost.get(state, "lost_user"), 1.0)]
    writing = part["checkpoint_seconds"] / (part["productive_seconds"] + part["checkpoint_seconds"])
    return [("productive", 1.0 - writing), ("checkpoint_write", writing)]


def free(node: str, second: int, states: list[Any]) -> str:
    """Return the bucket of what nobody holds."""
    worst, badness = "idle", 0
    for span, name, state, planned in states:
        if name == node and span[0] <= second < span[1]:
            told = called(state, planned=planned)
            # a planned drain is told as planned unless an unplanned one is there too
            rank = 1.5 if (state, planned) == ("drain", True) else WORST[told]
            if rank > badness:
                worst, badness = told, rank
    return worst


def called(state: str, *, planned: bool) -> str:
    """Return the bucket of a state."""
    if state == "down":
        return "down_planned" if planned else "down_unplanned"
    if state == "drain":
        return "down_planned" if planned else "drained"
    return "down_planned" if state == "maintenance" else "unknown"
