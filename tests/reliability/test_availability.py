"""``topology availability``: published and measured rates, shared outages of the log, exact beside simulated."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.availability.errors import JobDoesNotFitError, UnknownComponentClassError
from models.availability.published import published_rates
from reliability.analyses.availability import Availability, availability
from reliability.analyses.availability_rates import fabric_rates
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.figures.theme import headline
from reliability.lake import Lake
from tests.lakes import build_lake

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def found() -> Availability:
    return availability("hpn", {"gpus": 2048}, gpus=1024, spare_hosts=2, replicas=2000)


def outage(node: str, day: float, hours: float = 2.0) -> dict[str, Any]:
    begin = START + timedelta(days=day)
    return {"node": node, "from_utc": begin, "to_utc": begin + timedelta(hours=hours)}


@pytest.fixture(scope="module")
def racked(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Forty nodes in ten racks for a hundred days: two racks lost as a whole, six nodes lost alone."""
    nodes = [f"n{number:02}" for number in range(40)]
    states: list[dict[str, Any]] = []
    for rack, day in ((0, 20.0), (3, 50.0)):
        states += [outage(node, day, 4.0) for node in nodes[4 * rack : 4 * rack + 4]]
    states += [outage(nodes[20 + number], 5.0 + 10 * number, 1.0) for number in range(6)]
    return build_lake(
        tmp_path_factory.mktemp("racked") / "lake",
        nodes=[{"node": node, "rack": f"r{number // 4}"} for number, node in enumerate(nodes)],
        node_states=states,
        observed_to="2026-04-11",
    )


def test_exact_and_simulated_values_stand_beside_each_other(found: Availability) -> None:
    rows = {row["measure"]: row for row in found.rows()}
    assert list(rows) == ["fabric", "one plane", "pod", "group of hosts", "job"]
    for row in rows.values():
        assert row["simulated_low"] - 0.003 <= row["availability"] <= row["simulated_high"] + 0.003
        assert row["minutes_down_per_month"] == pytest.approx((1 - row["availability"]) * 730.5 * 60)
    assert rows["job"]["low"] < rows["job"]["availability"] < rows["job"]["high"]
    assert rows["fabric"]["availability"] < rows["group of hosts"]["availability"]
    assert rows["one plane"]["availability"] < rows["fabric"]["availability"]


def test_every_class_says_where_its_rate_is_from(found: Availability) -> None:
    rows = {row["component"]: row for row in found.component_rows()}
    assert rows["nic-link"]["count"] == 4096
    assert "0.057%" in rows["nic-link"]["source"]
    assert rows["gpu"]["failures_low"] < rows["gpu"]["failures_per_month"] < rows["gpu"]["failures_high"]
    assert rows["tor"]["failures_low"] is None
    assert rows["gpu"]["fabric_minutes_per_month"] == 0
    assert rows["gpu"]["job_minutes_per_month"] > 0
    assert any("nvlink" in warning for warning in found.warnings)
    assert any("assumptions" in warning for warning in found.warnings)


def test_spares_never_make_the_job_worse(found: Availability) -> None:
    assert list(found.spares) == sorted(found.spares)
    assert len(found.spares) == 9
    job = next(measure for measure in found.measures if measure.measure == "job")
    assert found.spares[2] == pytest.approx(job.exact)


def test_the_document_is_json_and_simulated_time_agrees(found: Availability) -> None:
    document = json.loads(json.dumps(found.document()))
    fabric = document["simulated_time"]["fabric"]
    assert fabric["availability"] == pytest.approx(
        document["rows"][0]["availability"], abs=5 * fabric["standard_error"]
    )
    exact = document["rows"][0]["outages_per_month"]
    assert 0.9 * fabric["low"] < exact < 1.1 * fabric["high"]
    assert document["job_hosts"] == 128


def test_the_figure_shows_costs_and_spares(found: Availability) -> None:
    figure = found.figure()
    assert [trace.name for trace in figure.data] == ["fabric", "job", "job by spares"]
    assert figure.data[0].y[-1] in ("gpu", "nic")
    title, subtitle = headline(figure)
    assert title == "Availability of hpn and of a job of 128 hosts"
    assert "2 spares" in subtitle


def test_two_tors_instead_of_one_keep_hosts_on_the_network() -> None:
    dual, single = (
        availability(kind, {"gpus": 1024}, gpus=512, replicas=500, repair_hours={"nic-link": 1.0, "tor": 24.0})
        for kind in ("hpn", "hpn-single-tor")
    )
    minutes = [
        sum(
            row["fabric_minutes_per_month"]
            for row in answer.component_rows()
            if row["component"] in ("nic-link", "tor")
        )
        for answer in (dual, single)
    ]
    assert minutes[0] < minutes[1] / 100
    assert single.rows()[1]["measure"] == "pod"


def test_a_beta_factor_takes_both_tors_at_once() -> None:
    apart, shared = (availability("hpn", {"gpus": 1024}, gpus=512, replicas=500, beta=beta) for beta in (0.0, 0.4))
    assert shared.measures[-1].exact < apart.measures[-1].exact
    single = availability("clos", {"gpus": 1024}, gpus=512, replicas=500, beta=0.4)
    assert any("beta" in note for note in single.notes)


def test_shared_outages_are_told_by_the_smallest_place_that_holds_them(racked: Lake) -> None:
    with closing(DuckDBEngine(racked)) as engine:
        events = engine.ask("shared_outages")
        places = engine.ask("place_sizes")
        outages = engine.ask("outage_hours")[0]
    assert [(row["kind"], row["nodes_hurt"], row["nodes_in_domain"]) for row in events] == [("rack", 4, 4)] * 2
    assert [(row["domain"], row["nodes"]) for row in places] == [(f"r{number}", 4) for number in range(10)]
    assert {round(row["observed_hours"]) for row in places} == {2400}
    assert outages == {"outage_hours": pytest.approx(8 * 4.0 + 6 * 1.0), "repaired": 14}


def test_rates_of_the_log_take_the_place_of_published_ones(racked: Lake) -> None:
    rates = fabric_rates("hpn", racked, {}, 0.9)
    host = rates.rates["host"]
    assert (host.failures, host.trust) == (6, "measured")
    assert host.exposure_hours == pytest.approx(40 * 2400, rel=1e-3)
    assert host.repair_hours == pytest.approx(38 / 14)
    assert rates.within_host == ("gpu", "nic")
    assert "gpu" not in rates.rates
    assert rates.rates["tor"] == published_rates("hpn")["tor"]
    (shock,) = rates.shocks
    assert (shock.level, shock.members, shock.share_taken) == ("rack", 4, 1.0)
    assert shock.shocks_per_hour == pytest.approx(2 / (10 * 2400), rel=1e-3)


def test_racks_that_fail_together_cost_a_job_more_than_hosts_apart(racked: Lake) -> None:
    found = availability("hpn", {"gpus": 1024}, racked, gpus=256, spare_hosts=2, measured=True, replicas=4000)
    (place,) = found.shock_rows()
    assert (place["place"], place["events"]) == ("rack", 2)
    assert place["low"] < place["per_place_year"] < place["high"]
    # Of fourteen outages eight came with a whole rack, in two events of eight.
    assert place["beta"] == pytest.approx(8 / 14)
    assert place["beta_low"] < 0.5
    assert place["beta_high"] > 0.65
    (cost,) = found.shock_costs
    hosts = next(row for row in found.component_rows() if row["component"] == "host")
    assert cost.lost_share * 43_830 > hosts["job_minutes_per_month"]
    job = found.measures[-1]
    assert job.simulated.low - 0.003 <= job.exact <= job.simulated.high + 0.003


def test_a_lake_without_node_states_leaves_published_rates(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    rates = fabric_rates("hpn", lake, {"host": 4.0}, 0.9)
    assert rates.measured == ()
    assert rates.rates["host"].repair_hours == 4.0
    assert "no node states" in rates.warnings[0]


def test_a_log_without_a_failure_leaves_a_limit(tmp_path: Path) -> None:
    quiet = {"node": "n1", "from_utc": START, "to_utc": START + timedelta(days=10), "planned": True}
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}, {"node": "n2"}], node_states=[quiet])
    found = availability("hpn", {"gpus": 1024}, lake, gpus=64, measured=True, replicas=200)
    job = found.measures[-1]
    assert job.exact > 0.9999
    assert job.low < 0.99
    assert any("no node failed" in warning for warning in found.warnings)


def test_what_cannot_be_asked_is_named() -> None:
    with pytest.raises(JobDoesNotFitError):
        availability("hpn", {"gpus": 1024}, gpus=1024, spare_hosts=1, replicas=200)
    with pytest.raises(UnknownComponentClassError, match="'torr'"):
        availability("hpn", {"gpus": 1024}, replicas=200, repair_hours={"torr": 1.0})


def test_the_command_prints_tables_and_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["topology", "availability", "--fabric", "hpn", "--set", "gpus=1024", "--gpus", "256", "--replicas", "200"]
    assert main([*asked, "--spare-hosts", "1", "--repair", "host=4h", "--figure", str(tmp_path / "f.html")]) == 0
    out, err = capsys.readouterr()
    assert "job: 32 and 1 spare" in out
    assert "minutes down per month" in out
    assert "rate of nic-link: 0.057%" in err
    assert (tmp_path / "f.html").stat().st_size > 1000
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["spare_hosts"] == 0
    assert main([*asked, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("measure,availability,low")


@pytest.mark.parametrize(
    "given", [["--repair", "host"], ["--repair", "host=4"], ["--gpus", "999999"], ["--set", "x=1"]]
)
def test_the_command_refuses_in_one_line(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "availability", "--fabric", "hpn", *given]) == 2
    err = capsys.readouterr().err
    assert err.startswith("reliability: ")
    assert err.count("\n") == 1
