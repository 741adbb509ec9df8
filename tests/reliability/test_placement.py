"""``topology placement``: where past jobs stood and how they failed, advice, spares, and one line for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from reliability.analyses.placement import placement_advice
from reliability.analyses.placement_spread import placement_spread
from reliability.analyses.plan import counted_rate
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.placement import placement_figure, spread_figure
from reliability.lake import Lake
from tests.lakes import build_lake

Asked = Callable[..., dict[str, Any]]
RACKS = {f"n{number:02}": f"r{number // 4}" for number in range(16)}


def job(day: int, nodes: list[str], state: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    """Return a job of half a day."""
    times = {"start_utc": f"2026-01-{day:02}T00:00", "end_utc": f"2026-01-{day:02}T12:00"}
    return {"nodes": nodes, "node_count": len(nodes), "gpu_count": 8 * len(nodes), "state": state} | times | more


def lake_of(path: Path, jobs: list[dict[str, Any]], **more: Any) -> Lake:
    nodes = [{"node": node, "rack": rack} for node, rack in RACKS.items()]
    return build_lake(path / "lake", **({"nodes": nodes, "jobs": jobs} | more))


def rows_of(lake: Lake) -> list[dict[str, Any]]:
    with closing(DuckDBEngine(lake)) as engine:
        return engine.ask("attempt_spread")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Spread pairs fail four times in ten days, packed ones once in ten."""
    packed = [job(day, ["n00", "n01"], "NODE_FAIL" if day == 1 else "COMPLETED") for day in range(1, 21)]
    spread = [job(day, ["n04", "n08"], "NODE_FAIL" if day <= 4 else "COMPLETED") for day in range(1, 21)]
    six = ["n02", "n03", "n05", "n06", "n09", "n10"]
    large = [job(day, six, "NODE_FAIL" if day == 1 else "COMPLETED", gpu_count=256) for day in range(1, 11)]
    return lake_of(tmp_path_factory.mktemp("placement"), packed + spread + large)


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Asked:
    """``asked("--fabric", "hpn")``: the JSON document of the command."""

    def call(*arguments: object) -> dict[str, Any]:
        status = main(["topology", "placement", *map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        document: dict[str, Any] = json.loads(captured.out)
        return document

    return call


def test_attempts_are_told_by_the_racks_they_stood_on(lake: Lake) -> None:
    told = {
        (row["node_count"], row["stood_on"]): (row["fewest"], row["attempts"], row["failures"], row["node_days"])
        for row in rows_of(lake)
    }
    assert told == {(2, 1): (1, 20, 1, 20.0), (2, 2): (1, 20, 4, 20.0), (6, 3): (2, 10, 1, 30.0)}


def test_a_node_on_the_tor_of_each_rail_stands_on_one_set_of_them(tmp_path: Path) -> None:
    links = [
        {"child": node, "parent": f"tor{number // 2}-rail{rail}", "tier": "tor", "rail": rail, "port": str(rail + 1)}
        for number, node in enumerate(["a", "b", "c", "d"])
        for rail in range(8)
    ]
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": node} for node in "abcd"],
        links=links,
        jobs=[job(1, ["a", "b"]), job(2, ["a", "c"]), job(3, ["a", "b", "c", "d"])],
    )
    rows = [row for row in rows_of(lake) if row["kind"] == "tor"]
    assert [(row["node_count"], row["stood_on"], row["fewest"]) for row in rows] == [(2, 1, 1), (2, 2, 1), (4, 2, 2)]


def test_an_attempt_with_a_node_that_nobody_places_is_left_out(tmp_path: Path) -> None:
    jobs = [job(1, ["n00", "n01"]), job(2, ["n00", "elsewhere"])]
    lake = lake_of(tmp_path, jobs, nodes=[*({"node": n, "rack": r} for n, r in RACKS.items()), {"node": "elsewhere"}])
    assert [row["attempts"] for row in rows_of(lake)] == [1]


def test_a_node_that_moved_is_where_it_was_when_the_attempt_started(tmp_path: Path) -> None:
    moved = [
        {"node": "n00", "rack": "r0", "to_utc": "2026-01-10"},
        {"node": "n00", "rack": "r1", "from_utc": "2026-01-10"},
        *({"node": node, "rack": rack} for node, rack in RACKS.items() if node != "n00"),
    ]
    lake = lake_of(tmp_path, [job(1, ["n00", "n01"]), job(20, ["n00", "n01"])], nodes=moved)
    assert [(row["stood_on"], row["attempts"]) for row in rows_of(lake)] == [(1, 1), (2, 1)]


def test_spread_over_packed_is_the_ratio_of_their_rates(lake: Lake) -> None:
    (racks,) = placement_spread(lake).kinds
    assert racks.kind == "rack"
    assert racks.ratio is not None
    assert racks.ratio.ratio == pytest.approx(4.0)
    assert (racks.ratio.failures_spread, racks.ratio.failures_packed, racks.ratio.sizes) == (4, 1, 1)
    assert racks.ratio.low is not None
    assert racks.ratio.low < 1
    assert (racks.ratio.high or 0) > 4
    assert "only 1 failures on one side" in racks.warnings[0]
    assert "Nobody drew lots" in placement_spread(lake).warnings[0]


def test_without_a_place_for_nodes_nothing_is_asked(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "a"}, {"node": "b"}], jobs=[job(1, ["a", "b"])])
    with pytest.raises(NoDataError, match="failures by placement"):
        placement_spread(lake)


def test_without_failures_there_is_a_bound_for_each_and_no_ratio(tmp_path: Path) -> None:
    found = placement_spread(lake_of(tmp_path, [job(1, ["n00", "n01"]), job(1, ["n04", "n08"])]))
    (racks,) = found.kinds
    assert racks.ratio is None
    assert all(group.estimate.high_per_1000_days > 0 for group in racks.groups)
    assert racks.warnings


def test_the_commands_document_bears_its_names(asked: Asked, lake: Lake) -> None:
    found = asked("--lake", lake.path, "--fabric", "hpn-single-tor", "--gpus", 2048, "--set", "gpus=8192")
    assert [row["placement"] for row in found["placements"]] == ["compact", "spread", "random"]
    compact, spread, random = found["placements"]
    assert compact["switches_by_tier"]["tor"] == 16
    assert compact["lost_hours_per_year"] < random["lost_hours_per_year"]
    assert spread["largest_share_at_once"] < compact["largest_share_at_once"]
    assert random["lost_hours_per_year_low"] <= random["lost_hours_per_year"] * (1 + 1e-9)
    assert random["lost_hours_per_year"] <= random["lost_hours_per_year_high"] * (1 + 1e-9)
    assert found["hosts"] == len(found["hosts_compact"]) == 256
    assert found["spares"]["spares_enough"] <= found["spares"]["spares_enough_at_lower_limit"]
    assert found["measured"]["kinds"][0]["rate_ratio"] == pytest.approx(4.0)
    assert found["rate_source"] == "measured"
    assert set(found) >= {"definition", "notes", "warnings", "compact_is_exact", "saved_gpu_hours_per_30_days"}


def test_hpns_segment_needs_five_spares_at_the_published_rate(asked: Asked) -> None:
    found = asked("--lake", "/nowhere", "--fabric", "hpn")
    assert (found["spares"]["hosts"], found["spares"]["spares_enough"]) == (128, 5)
    assert found["placements"] == []
    assert any("HPN keeps 8 spare hosts beside 128" in note for note in found["notes"])
    assert any("r_f of RSC-1" in note for note in found["notes"])


def test_a_single_tor_caps_what_spares_can_give(asked: Asked) -> None:
    single, dual = (
        asked("--lake", "/nowhere", "--fabric", kind, "--target-availability", 0.99999)["spares"]
        for kind in ("hpn-single-tor", "hpn")
    )
    assert single["spares_enough"] is None
    assert "no number of them in the segment" in single["warnings"][0]
    assert dual["spares_enough"] <= 8
    assert dual["warnings"] == []


def test_only_free_hosts_are_advised(asked: Asked) -> None:
    free = ["host0", "host127", "host128", "host129", "host130"]
    found = asked("--lake", "/nowhere", "--fabric", "hpn-single-tor", "--gpus", 24, "--free", ",".join(free))
    assert found["hosts_compact"] == free[2:]


def test_counts_give_the_spares_an_interval() -> None:
    found = placement_advice(hpn(256, 8), rate=counted_rate(65, 10_000))
    assert found.segment is not None
    levels = found.segment.spares.levels
    assert all(level.low is not None and level.low <= level.availability <= (level.high or 0) for level in levels)


def test_what_the_advice_does_not_see_is_told() -> None:
    found = placement_advice(nvl72(72, 4, hosts_per_domain=18, domains_per_pod=2), gpus=72)
    assert "no failure rate is known of nvswitch: it costs nothing here" in found.warnings


def test_figures_draw_spares_and_rates(lake: Lake) -> None:
    spread = placement_spread(lake)
    with_fabric, without = placement_advice(hpn(256, 8), spread=spread), placement_advice(None, spread=spread)
    assert placement_figure(with_fabric).layout.yaxis.type == "log"
    assert placement_figure(without) == spread_figure(spread)
    assert [trace.name for trace in spread_figure(spread).data] == ["packed", "spread"]
    assert "4.00" in spread_figure(spread).layout.title.subtitle.text
    assert without.rows() == spread.rows()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--gpus", "8"), "--gpus 8: expected with it --fabric"),
        (("--lake", "/nowhere"), "no lake at /nowhere"),
        (("--fabric", "hpm"), "unknown fabric 'hpm'"),
        (("--fabric", "hpn", "--gpus", "0"), "--gpus 0: expected a positive number"),
        (("--fabric", "hpn", "--gpus", "99999"), "12,500 hosts wanted, 1,920 are there"),
        (("--fabric", "hpn", "--free", "host0"), "--free host0: expected with it --gpus"),
        (("--fabric", "hpn", "--gpus", "8", "--free", "x"), "--free x: expected hosts of the fabric"),
        (("--fabric", "hpn", "--gpus", "8", "--free", "host1,host1"), "host 1 is none of the fabric's"),
        (("--fabric", "hpn", "--target-availability", "1"), "target availability is 1; a share"),
        (("--fabric", "hpn", "--repair-time", "5"), "--repair-time 5: expected a duration"),
        (("--fabric", "from-lake", "--lake", "/nowhere"), "no lake at /nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_2(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = () if "--lake" in arguments else ("--lake", "/nowhere")
    assert main(["topology", "placement", *arguments, *lake]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_the_tables_for_people_tell_all_three_answers(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "placement", "--lake", str(lake.path), "--fabric", "hpn", "--gpus", "1024"]) == 0
    captured = capsys.readouterr()
    assert "128 hosts in hpn: where to put the job" in captured.out
    assert "Spares of a segment of 128 hosts" in captured.out
    assert "Spread over packed jobs of the same size" in captured.out
    assert "compact: host0 host1" in captured.err


def test_csv_has_the_placements(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "placement", "--lake", str(lake.path), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("cluster,kind,nodes,placement")


def test_no_gpus_are_no_job() -> None:
    with pytest.raises(BadOptionError, match="--gpus -8"):
        placement_advice(hpn(8, 8), gpus=-8)
