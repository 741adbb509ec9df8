"""Who shares fate with whom, and what befell several of them at once, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.lakes import build_lake
from tests.reliability.conftest import Ask

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DOMAINS = "SELECT kind, domain, node FROM failure_domains ORDER BY kind, domain, node"
FAILED = "SELECT * FROM domain_failures ORDER BY event_number, kind, domain"


def domains(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row["kind"], row["domain"]), []).append(row["node"])
    return found


def outages(*nodes: str, at: datetime = NOON) -> list[dict[str, Any]]:
    return [
        {"node": node, "from_utc": at + timedelta(seconds=number), "to_utc": at + timedelta(hours=1)}
        for number, node in enumerate(nodes)
    ]


def test_racks_pods_and_labels_of_the_inventory_are_domains(ask: Ask, tmp_path: Path) -> None:
    label = "topology.example.com/power-feed"
    lake = build_lake(
        tmp_path / "lake",
        nodes=[
            {"node": "n1", "rack": "r1", "pod": "p1", "attributes": {label: "A", "cdu": "7", "arch": "x86_64"}},
            {"node": "n2", "rack": "r1", "pod": "p1", "attributes": {label: "A", "cdu": "7", "arch": "x86_64"}},
            {"node": "n3", "rack": "r2", "pod": "p1", "attributes": {label: "A", "cooling": "7"}},
            {"node": "n4"},
        ],
    )
    assert domains(ask(lake, DOMAINS)) == {
        ("cooling", "cdu 7"): ["n1", "n2"],
        ("pod", "p1"): ["n1", "n2", "n3"],
        ("power", "power_feed A"): ["n1", "n2", "n3"],
        ("rack", "r1"): ["n1", "n2"],
    }


def test_a_switch_has_the_nodes_of_all_switches_below_it(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        links=[
            {"child": "n1", "parent": "t0", "tier": "tor", "port": "1", "rail": 0, "plane": 0},
            {"child": "n1", "parent": "t0", "tier": "tor", "port": "2", "rail": 0, "plane": 0},
            {"child": "n2", "parent": "t0", "tier": "tor", "port": "3", "rail": 0, "plane": 1},
            {"child": "n3", "parent": "t1", "tier": "tor", "port": "1", "rail": 1, "plane": 1},
            {"child": "t0", "parent": "a0", "tier": "agg", "port": "1"},
            {"child": "t1", "parent": "a0", "tier": "agg", "port": "2"},
            {"child": "a0", "parent": "core", "tier": "core", "port": "1"},
            {"child": "n4", "parent": "b1", "tier": "block"},
            {"child": "n5", "parent": "b1", "tier": "block"},
        ],
    )
    assert domains(ask(lake, DOMAINS)) == {
        ("agg", "a0"): ["n1", "n2", "n3"],
        ("block", "b1"): ["n4", "n5"],
        ("core", "core"): ["n1", "n2", "n3"],
        ("plane", "plane 1"): ["n2", "n3"],
        ("rail", "rail 0"): ["n1", "n2"],
        ("tor", "t0"): ["n1", "n2"],
    }


def test_a_node_is_below_a_switch_only_if_both_cables_were_in_place_at_one_time(ask: Ask, tmp_path: Path) -> None:
    later = NOON + timedelta(days=2)
    lake = build_lake(
        tmp_path / "lake",
        links=[
            {"child": "n1", "parent": "t0", "tier": "tor"},
            {"child": "n2", "parent": "t0", "tier": "tor"},
            {"child": "gone", "parent": "t0", "tier": "tor", "from_utc": NOON, "to_utc": later},
            {"child": "t0", "parent": "a0", "tier": "agg", "from_utc": NOON, "to_utc": later},
            {"child": "t0", "parent": "a1", "tier": "agg", "from_utc": later},
        ],
    )
    assert domains(ask(lake, DOMAINS)) == {
        ("agg", "a0"): ["gone", "n1", "n2"],
        ("agg", "a1"): ["n1", "n2"],
        ("tor", "t0"): ["gone", "n1", "n2"],
    }


def test_switches_in_a_circle_end(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        links=[
            {"child": "n1", "parent": "s1"},
            {"child": "n2", "parent": "s1"},
            {"child": "s1", "parent": "s2", "tier": "core"},
            {"child": "s2", "parent": "s1", "tier": "core"},
        ],
    )
    assert domains(ask(lake, DOMAINS)) == {
        ("core", "s1"): ["n1", "n2"],
        ("core", "s2"): ["n1", "n2"],
        ("leaf", "s1"): ["n1", "n2"],
    }


def test_names_that_are_places_tell_rack_and_chassis(ask: Ask, tmp_path: Path) -> None:
    names = [
        "c3-0c1s4n1",
        "c3-0c1s5n0",
        "c3-0c2s4n1",
        "R02-M1-N0-C:J12-U11",
        "R02-M1-N4-C:J02-U01",
        "R02-M0-N4",
        "c3po",
    ]
    lake = build_lake(tmp_path / "lake", node_states=[{"node": name, "from_utc": NOON} for name in names])
    assert domains(ask(lake, DOMAINS)) == {
        ("chassis", "R02-M1"): ["R02-M1-N0-C:J12-U11", "R02-M1-N4-C:J02-U01"],
        ("chassis", "c3-0c1"): ["c3-0c1s4n1", "c3-0c1s5n0"],
        ("rack", "R02"): ["R02-M0-N4", "R02-M1-N0-C:J12-U11", "R02-M1-N4-C:J02-U01"],
        ("rack", "c3-0"): ["c3-0c1s4n1", "c3-0c1s5n0", "c3-0c2s4n1"],
    }


def test_nodes_that_fail_together_are_held_against_what_they_share(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[
            *({"node": f"n{number}", "rack": f"r{number // 3}", "pod": "p0"} for number in range(6)),
            {"node": "spare", "rack": "r0", "pod": "p0", "from_utc": "2026-01-20"},
        ],
        node_states=[*outages("n0", "n1", "n3"), *outages("n4", at=NOON + timedelta(days=1))],
        events=[{"node": "n2", "time_utc": NOON + timedelta(seconds=5)}],
    )
    rows = ask(lake, FAILED)
    columns = ("kind", "domain", "nodes_failed", "nodes_hurt", "event_nodes", "nodes_in_domain", "nodes_in_service")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("pod", "p0", 4, 3, 4, 6, 6),
        ("rack", "r0", 3, 2, 4, 3, 3),
    ]
    assert rows[0]["event_number"] == 1


def test_a_node_counts_for_the_rack_in_which_it_stood_then(ask: Ask, tmp_path: Path) -> None:
    moved = NOON + timedelta(days=2)
    lake = build_lake(
        tmp_path / "lake",
        nodes=[
            {"node": "n1", "rack": "old", "from_utc": "2026-01-01", "to_utc": moved},
            {"node": "n1", "rack": "new", "from_utc": moved},
            *({"node": node, "rack": "old", "from_utc": "2026-01-01"} for node in ("n2", "n3")),
            *({"node": node, "rack": "new", "from_utc": "2026-01-01"} for node in ("n4", "n5")),
        ],
        node_states=[*outages("n1", "n2", "n4"), *outages("n1", "n2", "n4", at=moved + timedelta(hours=5))],
    )
    assert [
        (row["event_number"], row["domain"], row["nodes_failed"], row["nodes_in_domain"]) for row in ask(lake, FAILED)
    ] == [(1, "old", 2, 3), (2, "new", 2, 3)]
