"""A real Slurm's logs through the command line into a lake: what the lake says equals what was done to the cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import open_lake
from tests.slurm.cluster import CLUSTER, GPUS_PER_NODE, NODES
from tests.slurm.conftest import HandedOver
from tests.slurm.play import ZONE
from tests.slurm.truth import Attempt, Span

pytestmark = pytest.mark.needs_slurm

TEXT, SELECTED, JSON = "sacct-all.psv", "sacct-selected.psv", "sacct.json"
EVENTS, CONTROLLER, COMPLETIONS = "sacctmgr-events.psv", "slurmctld.log", "jobcomp.log"
NODE_VIEW, REASONS = "scontrol-nodes.txt", "sinfo-reasons.txt"
TOPOLOGY_VIEW, TOPOLOGY = "scontrol-topology.txt", "topology.conf"
#: files that the daemons write, in their own zone
OF_DAEMONS = (CONTROLLER, COMPLETIONS)

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def lake_of(slurm_cluster: HandedOver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Ask]]:
    """Ingest files of the cluster in this order into one lake; returns a way to ask it."""
    with ExitStack() as engines:

        @cache
        def ingested(*names: str) -> Ask:
            lake = tmp_path_factory.mktemp("slurm") / "lake"
            for name in names:
                ingest(slurm_cluster.logs / name, lake)
            engine = DuckDBEngine(open_lake(lake))
            engines.callback(engine.close)
            return engine.rows

        yield ingested


def ingest(path: Path, lake: Path) -> None:
    zone = "UTC" if path.name in OF_DAEMONS else ZONE
    assert main(["ingest", "--lake", str(lake), "--cluster", CLUSTER, "--timezone", zone, str(path)]) == 0


def told(attempt: Attempt) -> dict[str, Any]:
    """What the table of jobs should say of an attempt, without times and how its id is printed."""
    return {
        "job_name": attempt.name,
        "user": attempt.user,
        "account": "research",
        "partition": attempt.partition,
        "qos": attempt.qos,
        "state": attempt.state,
        "node_count": attempt.node_count,
        "gpu_count": attempt.gpu_count,
        "nodes": attempt.nodes,
    }


def same_time(wanted: Span | None, found: Any) -> bool:
    if wanted is None or found is None:
        return wanted is None and found is None
    return wanted.holds(found.timestamp())


def attempts_with_rows(attempts: list[Attempt], ask: Ask) -> list[tuple[Attempt, dict[str, Any]]]:
    """Each attempt beside its row; there are as many of one as of the other."""
    rows = ask("SELECT * FROM jobs ORDER BY job_id_raw, submit_utc")
    wanted = sorted(attempts, key=lambda attempt: (attempt.job_id_raw, attempt.submitted.earliest))
    assert [row["job_id_raw"] for row in rows] == [attempt.job_id_raw for attempt in wanted]
    return list(zip(wanted, rows, strict=True))


def check_jobs(attempts: list[Attempt], ask: Ask) -> None:
    for attempt, row in attempts_with_rows(attempts, ask):
        wanted = told(attempt)
        assert {name: row[name] for name in wanted} == wanted
        for name, span in (("submit", attempt.submitted), ("start", attempt.started), ("end", attempt.ended)):
            assert same_time(span, row[f"{name}_utc"]), f"{attempt.name}: {name} at {row[f'{name}_utc']}, was {span}"


def check_ids(attempts: list[Attempt], ask: Ask) -> None:
    pairs = attempts_with_rows(attempts, ask)
    assert [row["job_id"] for _, row in pairs] == [attempt.job_id for attempt, _ in pairs]


def check_exits(attempts: list[Attempt], ask: Ask) -> None:
    for attempt, row in attempts_with_rows(attempts, ask):
        if attempt.exit is not None:
            assert (row["exit_code"], row["exit_signal"]) == attempt.exit, attempt.name
        assert bool(row["step_out_of_memory"]) == attempt.step_out_of_memory, attempt.name


@pytest.mark.parametrize("name", [TEXT, SELECTED, JSON])
def test_accounting_tells_every_attempt_as_it_went(
    name: str, slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    ask = lake_of(name)
    check_jobs(slurm_cluster.truth.attempts, ask)
    assert ask("SELECT * FROM rejects") == []


@pytest.mark.parametrize("name", [TEXT, SELECTED, JSON])
def test_ids_of_arrays_and_heterogeneous_jobs_read_as_sacct_prints_them(
    name: str, slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    check_ids(slurm_cluster.truth.attempts, lake_of(name))


@pytest.mark.parametrize("name", [TEXT, SELECTED])
def test_accounting_text_tells_how_every_attempt_ended(
    name: str, slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    check_exits(slurm_cluster.truth.attempts, lake_of(name))


@pytest.mark.parametrize(
    "names",
    [
        (TEXT, JSON),
        (JSON, TEXT),
        (COMPLETIONS, TEXT),
        (TEXT, COMPLETIONS),
    ],
    ids="-".join,
)
def test_one_cluster_through_several_sources_doubles_no_job_and_forgets_nothing(
    names: tuple[str, ...], slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    ask = lake_of(*names)
    check_jobs(slurm_cluster.truth.attempts, ask)
    check_exits(slurm_cluster.truth.attempts, ask)


def test_the_same_files_again_change_nothing(slurm_cluster: HandedOver, tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        for name in (TEXT, CONTROLLER):
            ingest(slurm_cluster.logs / name, tmp_path / "lake")
        engine = DuckDBEngine(open_lake(tmp_path / "lake"))
        tables = ("jobs", "node_states", "job_events", "ingests")
        counts.append({table: engine.rows(f"SELECT count(*) AS n FROM {table}") for table in tables})
        engine.close()
    assert counts[0] == counts[1]


def test_requeued_attempts_are_one_run_of_the_job(slurm_cluster: HandedOver, lake_of: Callable[..., Ask]) -> None:
    started = Counter(attempt.job_id_raw for attempt in slurm_cluster.truth.attempts if attempt.started)
    ended = {attempt.job_id_raw for attempt in slurm_cluster.truth.attempts if attempt.ended and attempt.started}
    counted_runs = "count(*) AS attempts, count(DISTINCT run_id) AS runs"
    jobs = lake_of(TEXT)(f"SELECT job_id_raw, {counted_runs} FROM attempt_parts GROUP BY job_id_raw")
    # A job still running may have begun in the last second that the log covers, or after it.
    counted = {row["job_id_raw"]: row["attempts"] for row in jobs if row["job_id_raw"] in ended}
    assert counted == {job: started[job] for job in ended}
    assert {row["runs"] for row in jobs} == {1}


@pytest.mark.parametrize("name", [EVENTS, CONTROLLER])
def test_every_outage_is_told_with_its_reason(
    name: str, slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    rows = lake_of(name)("SELECT * FROM node_states ORDER BY node, from_utc")
    wanted = sorted(slurm_cluster.truth.outages, key=lambda outage: (outage.node, outage.began.earliest))
    assert [(row["node"], row["state"], row["planned"], row["continues"]) for row in rows] == [
        (outage.node, outage.state, outage.planned, outage.continues) for outage in wanted
    ]
    for outage, row in zip(wanted, rows, strict=True):
        # The controller writes a drain down when it is asked for, accounting when the node is empty.
        began = outage.asked if name == CONTROLLER and outage.asked else outage.began
        assert same_time(began, row["from_utc"]), f"{outage.node} from {row['from_utc']}, was {began}"
        assert same_time(outage.ended, row["to_utc"]), f"{outage.node} to {row['to_utc']}, was {outage.ended}"
        if not outage.planned or name == EVENTS:
            assert row["reason"] == outage.reason


def test_the_fleet_is_the_sixteen_nodes(lake_of: Callable[..., Ask]) -> None:
    fleet = lake_of(EVENTS)("SELECT node, gpu_count FROM fleet ORDER BY node")
    assert {row["node"]: row["gpu_count"] for row in fleet} == {
        node: GPUS_PER_NODE if node.startswith("gpu") else 0 for node in NODES
    }


@pytest.mark.parametrize("names", [(EVENTS,), (CONTROLLER,), (TEXT, EVENTS)], ids="-".join)
def test_node_failures_are_the_unplanned_ones_each_counted_once(
    names: tuple[str, ...], slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    failures = lake_of(*names)("SELECT node, reason FROM node_failures")
    assert Counter((row["node"], row["reason"]) for row in failures) == Counter(
        (outage.node, outage.reason)
        for outage in slurm_cluster.truth.outages
        if outage.state == "down" and not outage.planned and not outage.continues
    )


def test_accounting_and_the_controllers_log_together_count_no_failure_twice(lake_of: Callable[..., Ask]) -> None:
    alone = lake_of(EVENTS)("SELECT node, reason FROM node_failures ORDER BY node")
    assert lake_of(EVENTS, CONTROLLER)("SELECT node, reason FROM node_failures ORDER BY node") == alone


@pytest.mark.parametrize("name", [NODE_VIEW, REASONS])
def test_a_view_of_the_nodes_tells_which_is_out_of_service_and_since_when(
    name: str, slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    (row,) = lake_of(name)("SELECT * FROM node_states")
    (outage,) = [outage for outage in slurm_cluster.truth.outages if outage.ended is None]
    assert (row["node"], row["state"], row["reason"]) == (outage.node, outage.state, outage.reason)
    assert same_time(outage.began, row["from_utc"])


def test_a_view_of_the_nodes_tells_their_gpus(lake_of: Callable[..., Ask]) -> None:
    nodes = lake_of(NODE_VIEW)("SELECT node, gpu_count FROM nodes")
    assert {row["node"]: row["gpu_count"] for row in nodes} == {
        node: GPUS_PER_NODE if node.startswith("gpu") else 0 for node in NODES
    }


@pytest.mark.parametrize("name", [TOPOLOGY_VIEW, TOPOLOGY])
def test_the_topology_is_a_leaf_for_every_four_nodes_below_one_core(name: str, lake_of: Callable[..., Ask]) -> None:
    leaf_of = {node: f"leaf{1 + place // 4}" for place, node in enumerate(NODES)}
    links = lake_of(name)("SELECT child, parent FROM links")
    assert {row["child"]: row["parent"] for row in links} == leaf_of | dict.fromkeys(leaf_of.values(), "core")
    assert len(links) == len(NODES) + 4


def test_the_controllers_log_tells_what_happened_to_jobs(
    slurm_cluster: HandedOver, lake_of: Callable[..., Ask]
) -> None:
    rows = lake_of(CONTROLLER)("SELECT * FROM job_events ORDER BY job_id_raw, kind, time_utc")
    wanted = sorted(slurm_cluster.truth.job_events, key=lambda event: (event.job_id_raw, event.kind, event.at.earliest))
    names = ("job_id_raw", "kind", "node", "by_job_id_raw")
    assert [tuple(row[name] for name in names) for row in rows] == [
        tuple(getattr(event, name) for name in names) for event in wanted
    ]
    for event, row in zip(wanted, rows, strict=True):
        assert same_time(event.at, row["time_utc"]), f"{event.kind} of {event.job_id_raw} at {row['time_utc']}"


def test_the_kernel_killed_for_memory_on_this_machine(slurm_cluster: HandedOver) -> None:
    if not slurm_cluster.truth.kills_for_memory:
        pytest.skip("memory control groups of version 1 cannot be mounted: no job was killed for its memory")
    assert "OUT_OF_MEMORY" in {attempt.state for attempt in slurm_cluster.truth.attempts}


def test_every_outcome_was_provoked(slurm_cluster: HandedOver) -> None:
    assert {attempt.state for attempt in slurm_cluster.truth.attempts} >= {
        "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "REQUEUED", "RUNNING", "PENDING",
    }  # fmt: skip
    assert {(outage.state, outage.planned) for outage in slurm_cluster.truth.outages} == {
        ("down", False), ("down", True), ("drain", False), ("drain", True),
    }  # fmt: skip
