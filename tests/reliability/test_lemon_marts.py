"""Troubles of a node count each fault once and blame it for nobody else's; its seven features."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lakes import build_lake
from tests.reliability.conftest import Ask


def down(node: str, begin: str, end: str | None, **more):
    return {"node": node, "from_utc": begin, "to_utc": end, **more}


def job(nodes: list[str], start: str, end: str, state: str = "COMPLETED", **more):
    return {"nodes": nodes, "start_utc": start, "end_utc": end, "state": state, **more}


def test_an_outage_and_the_attempts_it_ended_are_one_trouble(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[down("n1", "2026-01-05T10:04", "2026-01-05T16:00", symptom="gpu_memory", reason="Xid 48")],
        jobs=[
            job(["n1", "n2"], "2026-01-05", "2026-01-05T10:00", "NODE_FAIL", failed_node="n1"),
            job(["n1"], "2026-01-05", "2026-01-05T10:01", "NODE_FAIL"),
        ],
    )
    (trouble,) = ask(lake, "SELECT * FROM node_troubles")
    assert (trouble["node"], trouble["outages"], trouble["attempts"], trouble["multi_node_attempts"]) == ("n1", 1, 2, 1)
    assert (trouble["symptom"], trouble["is_repair"], trouble["is_shared"]) == ("gpu_memory", True, False)


def test_an_attempt_that_its_only_node_ended_is_a_trouble_without_an_outage(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[job(["n1"], "2026-01-05", "2026-01-06", "NODE_FAIL")])
    (trouble,) = ask(lake, "SELECT node, outages, attempts, is_repair FROM node_troubles")
    assert trouble == {"node": "n1", "outages": 0, "attempts": 1, "is_repair": False}


def test_one_symptom_on_three_nodes_within_minutes_is_shared(ask: Ask, tmp_path: Path) -> None:
    wave = [
        down(node, f"2026-01-05T10:0{minute}", "2026-01-05T12:00", symptom="ib_link")
        for node, minute in (("n1", 0), ("n2", 4), ("n3", 8))
    ]
    alone = down("n1", "2026-01-20T10:00", "2026-01-20T12:00", symptom="ib_link")
    lake = build_lake(tmp_path / "lake", node_states=[*wave, alone])
    rows = ask(lake, "SELECT node, is_shared, nodes_hit FROM node_troubles ORDER BY at_micros")
    assert [(row["node"], row["is_shared"], row["nodes_hit"]) for row in rows] == [
        ("n1", True, 3),
        ("n2", True, 3),
        ("n3", True, 3),
        ("n1", False, 1),
    ]
    features = ask(lake, "SELECT node, own_troubles, shared_troubles FROM node_features ORDER BY node")
    assert [(row["own_troubles"], row["shared_troubles"]) for row in features] == [(1, 1), (0, 1), (0, 1)]


def test_the_same_symptom_soon_after_the_return_is_a_relapse_and_another_is_none(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        node_states=[
            down("n1", "2026-01-05", "2026-01-05T06:00", symptom="pcie"),
            down("n1", "2026-01-05T18:00", "2026-01-05T19:00", symptom="pcie"),
            down("n1", "2026-01-06T02:00", "2026-01-06T03:00", symptom="gpu_memory"),
        ],
    )
    rows = ask(lake, "SELECT is_relapse, seconds_since_repair FROM node_troubles ORDER BY at_micros")
    assert [row["is_relapse"] for row in rows] == [False, True, False]
    assert rows[1]["seconds_since_repair"] == pytest.approx(12 * 3600)


@pytest.mark.parametrize(
    ("more", "is_repair"),
    [
        ({"reason": "NHC: check_gpu"}, False),
        ({"reason": "gpu 3: RMA opened"}, True),
        ({"reason": "thermal throttling"}, False),
        ({"reason": "NIC replaced"}, True),
    ],
)
def test_a_reason_tells_that_hands_were_laid_on_the_node(
    ask: Ask, tmp_path: Path, more: dict[str, str], is_repair: bool
) -> None:
    lake = build_lake(tmp_path / "lake", node_states=[down("n1", "2026-01-05", "2026-01-05T01:00", **more)])
    assert ask(lake, "SELECT is_repair FROM node_troubles") == [{"is_repair": is_repair}]


def test_a_component_taken_out_during_the_outage_is_a_repair(ask: Ask, tmp_path: Path) -> None:
    gpu = {"component_id": "g1", "node": "n1", "installed_utc": "2025-12-01", "removal": "failed"}
    lake = build_lake(
        tmp_path / "lake",
        node_states=[down("n1", "2026-01-05", "2026-01-05T02:00")],
        components=[gpu | {"removed_utc": "2026-01-05T01:00"}],
    )
    assert ask(lake, "SELECT is_repair, swapped_components FROM node_troubles") == [
        {"is_repair": True, "swapped_components": 1}
    ]


def test_the_seven_features_of_a_node(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[
            down("n1", "2026-01-10T10:00", "2026-01-10T20:00", symptom="gpu_memory"),
            down("n1", "2026-01-20", "2026-01-20T01:00", state="drain", planned=True),
            down("n2", "2025-12-01", "2025-12-02"),
        ],
        jobs=[
            job(["n1", "n2"], "2026-01-09", "2026-01-10T10:00", "NODE_FAIL", failed_node="n1"),
            job(["n1"], "2026-01-09", "2026-01-10T10:00", "NODE_FAIL"),
            job(["n1"], "2026-01-11", "2026-01-12"),
            job(["n2"], "2026-01-11", "2026-01-12", excluded_nodes=["n1"]),
        ],
        events=[
            {"node": "n1", "time_utc": "2026-01-10T09:59", "code": "xid:48", "symptom": "gpu_memory"},
            {"node": "n1", "time_utc": "2026-01-10T09:59:30", "code": "xid:48", "symptom": "gpu_memory"},
            {"node": "n1", "time_utc": "2026-01-15", "code": "xid:79"},
            {"node": "n1", "time_utc": "2026-01-16", "code": "xid:31", "domain": "user_program", "severity": "info"},
        ],
    )
    first, second = ask(lake, "SELECT * FROM node_features ORDER BY node", window_from_utc=None)
    assert {name: first[name] for name in ("excl_jobid_count", "xid_cnt", "tickets", "out_count")} == {
        "excl_jobid_count": 1,
        "xid_cnt": 2,
        "tickets": 1,
        "out_count": 1,
    }
    assert (first["multi_node_node_fails"], first["single_node_node_fails"]) == (1, 1)
    assert first["single_node_node_failure_rate"] == pytest.approx(1 / 2)
    assert first["in_service_days"] == pytest.approx(31)
    assert first["job_hours"] == pytest.approx(34 + 34 + 24)
    assert (second["out_count"], second["own_troubles"], second["excl_jobid_count"]) == (0, 0, 0)
