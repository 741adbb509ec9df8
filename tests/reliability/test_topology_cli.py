"""``reliability topology show``, ``blast`` and ``compare``: their keys and figures, and one line for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reliability.cli import main
from tests.lakes import build_lake

from .fabric_lakes import fabric_lake

Asked = Callable[..., dict[str, Any]]
SMALL = ("--set", "gpus=2048", "--set", "cores=no")


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Asked:
    """``asked("show", "--fabric", "hpn")``: the JSON document."""

    def call(*arguments: object) -> dict[str, Any]:
        status = main(["topology", *map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        document: dict[str, Any] = json.loads(captured.out)
        return document

    return call


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with cables, jobs and racks."""
    return fabric_lake(tmp_path / "lake").path


def test_show_bears_the_contracts_names_and_the_published_counts(asked: Asked) -> None:
    shown = asked("show", "--fabric", "hpn")
    assert (shown["gpus"], shown["hosts"]) == (15_360, 1_920)
    assert (shown["switches"]["tor"], shown["switches"]["agg"]) == (240, 120)
    assert shown["links"] == {"tor": 30_720, "agg": 14_400, "core": 960}
    assert shown["oversubscription"]["agg"] == 15
    assert shown["cost"] > 0
    assert shown["definition"]
    assert shown["settings"]["hosts_per_segment"] == 128


def test_show_reproduces_the_published_cost_of_rail_only(asked: Asked) -> None:
    base, rails = asked("show", "--fabric", "clos"), asked("show", "--fabric", "rail-only")
    assert (sum(base["switches"].values()), sum(rails["switches"].values())) == (2_560, 1_536)
    assert (base["cost"], rails["cost"]) == (152_829_952, 94_306_304)
    assert 1 - rails["cost"] / base["cost"] == pytest.approx(0.383, abs=5e-4)


@pytest.mark.parametrize(("m", "gpus"), [(5, 102_400), (7, 200_704)])
def test_show_takes_settings(asked: Asked, m: int, gpus: int) -> None:
    assert asked("show", "--fabric", "railx", "--set", f"m={m}", "--set", "ocs_ports=128")["gpus"] == gpus


@pytest.mark.parametrize("kind", ["rail", "dcn-plus", "nvl72", "torus", "dragonfly"])
def test_every_kind_can_be_shown(asked: Asked, kind: str) -> None:
    shown = asked("show", "--fabric", kind)
    assert shown["fabric"] == kind
    assert shown["gpus"] == shown["hosts"] * shown["gpus_per_host"]


def test_show_tells_how_a_real_fabric_was_read(asked: Asked, lake: Path) -> None:
    shown = asked("show", "--fabric", "from-lake", "--lake", lake)
    assert (shown["cluster"], shown["gpus"], shown["hosts"], shown["adapters"]) == ("c1", 16, 8, 16)
    assert shown["switches"] == {"leaf": 4, "spine": 2}
    assert shown["rails"][1] == {"rail": 1, "leaves": 2, "cables": 8, "hosts": 8}
    assert (shown["findings"], shown["notes"], shown["warnings"]) == ([], [], [])


def test_a_tor_of_a_pair_halves_its_gpus_and_a_single_one_takes_them_down(asked: Asked) -> None:
    pair = asked("blast", "--fabric", "hpn", *SMALL, "--component", "tor")
    assert (pair["gpus_down"], pair["gpus_degraded"], pair["bandwidth_left_share"]) == (0, 128, 0.5)
    assert pair["host_bandwidth_left_share"] == 1 - 1 / 16
    assert pair["jobs"] is None
    assert "planned fabric" in pair["jobs_note"]
    single = asked("blast", "--fabric", "hpn-single-tor", *SMALL, "--component", "tor")
    assert (single["gpus_down"], single["gpus_degraded"], single["takes_down"]) == (128, 0, True)


def test_blast_without_a_component_has_a_row_for_every_class(asked: Asked) -> None:
    rows = asked("blast", "--fabric", "hpn", *SMALL)["rows"]
    by_kind = {row["component"]: row for row in rows}
    assert by_kind["tor-pair"]["gpus_down"] == 128
    assert by_kind["nic-link"]["host_bandwidth_left_share"] == 0.9375
    assert by_kind["agg"]["bandwidth_left_share"] == pytest.approx(1 - 1 / 120)
    assert by_kind["nvswitch"]["gpus_down"] == 8


def test_blast_of_a_real_fabric_names_each_leaf_and_counts_running_jobs(asked: Asked, lake: Path) -> None:
    real = ("blast", "--fabric", "from-lake", "--lake", lake, "--at", "2026-01-15")
    found = asked(*real, "--component", "leaf")
    assert [row["name"] for row in found["rows"]] == ["pod0-leaf0", "pod0-leaf1", "pod1-leaf0", "pod1-leaf1"]
    assert (found["jobs"], found["jobs_down"], found["at_utc"]) == (2, ["wide", "small"], "2026-01-15T00:00:00Z")
    assert [row["jobs_down"] for row in found["rows"]] == [2, 2, 1, 1]
    assert len(asked(*real)["leaves"]) == 4


def test_blast_takes_a_second_fault_by_name_and_counts_all_pairs(asked: Asked) -> None:
    one, other = "pod0-segment0-rail0-plane0", "pod0-segment0-rail0-plane1"
    hpn = ("blast", "--fabric", "hpn", *SMALL, "--component", "tor")
    both = asked(*hpn, "--name", one, "--with", f"tor:{other}")
    assert (both["gpus_down"], both["takes_down"]) == (128, True)
    (pairs,) = asked(*hpn, "--double")["rows"]
    assert (pairs["pairs"], pairs["pairs_only_together"]) == (32 * 31 // 2, 32)
    (beside,) = asked(*hpn, "--with", "agg")["rows"]
    assert (beside["with"], beside["pairs_down"]) == ("agg", 0)
    every = asked("blast", "--fabric", "hpn", *SMALL, "--double")["rows"]
    assert [(row["component"], row["with"]) for row in every] == [("tor", "tor"), ("tor", "agg"), ("agg", "agg")]


def test_blast_tells_how_railx_closes_its_rings_around_a_host(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    broken = asked("blast", "--fabric", "railx", "--set", "gpus=625", "--component", "host")
    # One ring for each of the 5 rails of its row and of its column: two circuits given up, one set.
    assert broken["rings_reclosed"] == {"circuits_opened": 20, "circuits_closed": 10, "switches": 10}
    assert "rings_reclosed" not in asked("blast", "--fabric", "railx", "--set", "gpus=625", "--component", "ocs")
    assert main(["topology", "blast", "--fabric", "railx", "--set", "gpus=625", "--component", "host"]) == 0
    assert "The rings close around it: 20 circuits" in capsys.readouterr().err


def test_compare_puts_counts_costs_and_faults_side_by_side(asked: Asked) -> None:
    found = asked("compare", "hpn", "hpn-single-tor", "rail-only", "--set", "gpus=2048", "--set", "rail-only.radix=16")
    assert [row["fabric"] for row in found["rows"]] == ["hpn", "hpn-single-tor", "rail-only"]
    assert all(row["gpus"] == 2_048 and row["cost"] > 0 for row in found["rows"])
    tors = {row["fabric"]: row["gpus_down"] for row in found["faults"] if row["component"] == "tor"}
    assert tors == {"hpn": 0, "hpn-single-tor": 128}


def test_tables_and_csv_are_for_people_and_spreadsheets(capsys: pytest.CaptureFixture[str], lake: Path) -> None:
    real = ("--fabric", "from-lake", "--lake", str(lake))
    for arguments in (
        ["show", *real],
        ["blast", *real],
        ["blast", *real, "--double"],
        ["compare", "hpn", "rail", *SMALL],
    ):
        assert main(["topology", *arguments]) == 0
        captured = capsys.readouterr()
        assert captured.out.strip()
        assert captured.err.strip()
    assert main(["topology", "blast", *real, "--component", "leaf", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("component,name,alike,of,takes_down,gpus_down")


MISTAKES = [
    (["show", "--fabric", "mesh"], "unknown fabric 'mesh'; known fabrics: clos"),
    (["show", "--fabric", "hpn", "--set", "racks=2"], "has no setting 'racks'"),
    (["show", "--fabric", "hpn", "--set", "gpus=many"], "gpus=many"),
    (["show", "--fabric", "hpn", "--set", "gpus"], "--set gpus: expected KEY=VALUE"),
    (["show", "--fabric", "hpn", "--set", "gpus=-8"], "gpus"),
    (["blast", "--fabric", "hpn", *SMALL, "--component", "spine"], "no component of class 'spine'"),
    (["blast", "--fabric", "hpn", *SMALL, "--component", "tor", "--name", "x"], "no tor 'x'"),
    (["blast", "--fabric", "hpn", *SMALL, "--component", "tor", "--with", "tor:x"], "no tor 'x'"),
    (["blast", "--fabric", "hpn", *SMALL, "--name", "x"], "--component"),
    (["blast", "--fabric", "hpn", *SMALL, "--component", "tor", "--name", "x", "--with", "agg"], "--with agg"),
    (["blast", "--fabric", "hpn", *SMALL, "--at", "noon"], "--at noon"),
    (["blast", "--fabric", "hpn", *SMALL, "--double", "--at", "2026-01-01"], "--at 2026-01-01: expected with it"),
    (["show", "--fabric", "hpn", *SMALL, "--at", "2026-01-01"], "--at 2026-01-01: expected with it --fabric from-lake"),
    (["availability", "--fabric", "hpn", *SMALL, "--repair", "host"], "--repair host: expected CLASS=DURATION"),
    (["availability", "--fabric", "hpn", *SMALL, "--repair", "tor=1h", "--repair", "tor=2h"], "each class once"),
    (["availability", "--fabric", "hpn", *SMALL, "--replicas", "9999999999"], "--replicas"),
    (["placement", "--failures-per-1000-node-days", "4"], "expected with it --fabric"),
    (["compare", "hpn", "mesh"], "unknown fabric 'mesh'"),
    (["compare", "hpn", "--set", "racks=2"], "--set racks"),
    (["show", "--fabric", "from-lake", "--lake", "/nowhere"], "no lake at /nowhere"),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["topology", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_a_lake_without_cables_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    assert main(["topology", "blast", "--fabric", "from-lake", "--lake", str(tmp_path / "lake")]) == 2
    assert "it needs cables in `links`" in capsys.readouterr().err


@pytest.mark.real_data
def test_the_dgx_fabric_is_read_as_an_engineer_would(
    asked: Asked, capsys: pytest.CaptureFixture[str], tmp_path: Path, real_data: Path
) -> None:
    dump, lake = real_data / "ibnetdiscover" / "dgx-ndr.ibnetdiscover", str(tmp_path / "lake")
    assert main(["ingest", str(dump), "--lake", lake]) == 0
    capsys.readouterr()  # what ingest printed
    shown = asked("show", "--fabric", "from-lake", "--lake", lake)
    assert shown["switches"] == {"leaf": 31, "spine": 9}
    assert (shown["adapters"], shown["hosts"], shown["links"]) == (582, 119, {"leaf": 542, "spine": 532})
    assert shown["service_hosts"] == ["B11-P1-CUFM-02", "ubuntu"]
    rails = {row["rail"]: (row["leaves"], row["hosts"]) for row in shown["rails"]}
    assert rails == {0: (8, 119), 1: (8, 119), 4: (7, 109), 5: (8, 119)}
    assert any("b08-p1-dgx-08-c01 device 4 on rail 5" in warning for warning in shown["warnings"])
    leaves = asked("blast", "--fabric", "from-lake", "--lake", lake, "--component", "leaf")["rows"]
    # IBLEAF-RR-SS: rail RR of the scalable unit SS, whose hosts are dgx-SS.
    on = {row["name"]: (row["gpus_down"], row["unnamed_adapters"]) for row in leaves}
    assert len(on) == 31
    assert on["A09-P1-IBLEAF-03-03"] == (18, 0)
    assert on["A09-P1-IBLEAF-01-01"] == (10, 8)
    assert sum(down for down, _ in on.values()) == 119 * 4 - 10
    assert sum(unnamed for _, unnamed in on.values()) == 72
