"""``plan --fabric``: failures by domain, the ETTR with them, and HPN against single ToRs on the same failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.availability.component_rates import ComponentRates
from models.availability.published import HOURS_PER_MONTH
from models.goodput.renewal import exact_ettr
from models.topology.builders.hpn import hpn
from reliability.analyses.lever_catalogue import setting
from reliability.analyses.plan import FailureRate, counted_rate, measured_rate, plan
from reliability.analyses.plan_fabric import PlanFabric, plan_fabric
from reliability.analyses.plan_fabric_rates import links_among_failures
from reliability.analyses.plan_levers import plan_levers
from reliability.cli import main
from reliability.figures.plan_fabric import plan_fabric_figure
from tests.lakes import build_lake

Asked = Callable[..., dict[str, Any]]
RUN = ("--gpus", 3000, "--failures", 65, "--node-days", 10_000)
MINUTES = dict.fromkeys(("nic-link", "tor", "agg", "tor-agg-link"), 1 / 3)


@pytest.fixture(scope="module")
def compared() -> PlanFabric:
    return plan_fabric(
        plan(3000, counted_rate(65, 10_000)),
        hpn(384, 8),
        against=hpn(384, 8, single_tor=True),
        repair_hours=MINUTES,
        gpu_hour_dollars=2.5,
    )


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Asked:
    """``asked("--gpus", 8)``: the JSON document of the plan."""

    def call(*arguments: object) -> dict[str, Any]:
        status = main(["plan", *map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        document: dict[str, Any] = json.loads(captured.out)
        return document

    return call


def test_a_plan_in_a_fabric_bears_the_contracts_names(asked: Asked) -> None:
    found = asked(*RUN, "--fabric", "hpn", "--against", "hpn-single-tor", "--set-fabric", "gpus=4096")
    assert set(found["failures_by_domain"]) == {"node", "nic-link", "tor", "agg", "tor-agg-link", "both-ways"}
    for row in found["failures_by_domain"].values():
        assert set(row) >= {"per_day", "low", "high", "expected_in_run", "source"}
    fabric = found["fabric"]
    assert fabric["fabric_gpus"] == 4096
    assert set(fabric) >= {
        "ettr",
        "ettr_low",
        "ettr_high",
        "ettr_simulated",
        "ettr_difference",
        "ettr_difference_low",
        "ettr_difference_high",
        "ettr_difference_simulated",
        "gpu_hours_per_30_days",
        "definition",
        "notes",
        "warnings",
    }
    assert fabric["against"]["failures_by_domain"]["nic-link"]["fatal_parts"] == 3000
    assert fabric["ettr_low"] < fabric["ettr"] < fabric["ettr_high"]


def test_a_plan_without_a_fabric_says_nothing_of_one(asked: Asked) -> None:
    found = asked("--gpus", 64, "--failures-per-1000-node-days", 5)
    assert (found["failures_by_domain"], found["fabric"]) == (None, None)


def test_three_thousand_single_links_crash_the_run_once_or_twice_a_month(compared: PlanFabric) -> None:
    assert compared.other is not None
    by_domain = {row.component: row for row in compared.other.rows}
    assert by_domain["nic-link"].per_day * HOURS_PER_MONTH / 24 == pytest.approx(1.71, abs=5e-3)
    assert by_domain["node"].per_day == pytest.approx(375 * 6.5e-3)
    assert by_domain["node"].low == pytest.approx(375 * 5.2331e-3, rel=1e-4)


def test_what_the_second_port_buys_is_the_same_by_formula_and_by_simulation(compared: PlanFabric) -> None:
    found = compared.difference
    assert found is not None
    error = (found.simulated_high - found.simulated_low) / 2 / 1.645
    assert abs(found.simulated - found.exact) < 3 * error
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.exact < found.high
    assert max(found.low, found.simulated_low) < min(found.high, found.simulated_high)
    assert compared.other is not None
    assert found.exact == pytest.approx(compared.one.ettr - compared.other.ettr)


def test_the_documented_figures_are_these(compared: PlanFabric) -> None:
    found = compared.difference
    assert found is not None
    assert compared.other is not None
    assert (round(compared.one.ettr, 4), round(compared.other.ettr, 4)) == (0.942, 0.9408)
    assert found.exact == pytest.approx(0.00122, abs=5e-6)
    assert found.simulated == pytest.approx(0.00124, abs=1e-5)
    assert found.even_repair_factor == pytest.approx(4.8 * 3, rel=0.01)
    assert found.gpu_hours == pytest.approx(2600, rel=0.03)


def test_gains_are_told_in_gpu_hours_and_dollars(compared: PlanFabric) -> None:
    found = compared.difference
    assert found is not None
    assert found.gpu_hours == pytest.approx(found.exact * 3000 * 720)
    assert found.dollars == pytest.approx(2.5 * found.gpu_hours)


def test_at_the_repair_time_told_the_fabrics_are_equal(compared: PlanFabric) -> None:
    factor = compared.difference and compared.difference.even_repair_factor
    assert factor is not None
    longer = {name: hours * factor for name, hours in MINUTES.items()}
    found = plan_fabric(
        compared.planned, hpn(384, 8), against=hpn(384, 8, single_tor=True), repair_hours=longer
    ).difference
    assert found is not None
    assert found.exact == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("single_tor", [False, True])
def test_simulated_domains_and_the_renewal_solution_agree(single_tor: bool) -> None:
    planned = plan(
        3000,
        FailureRate(6.5),
        queue_wait_seconds=120,
        detection_seconds=60,
        restart_overhead_seconds=600,
        checkpoint_write_seconds=30,
    )
    found = plan_fabric(planned, hpn(384, 8, single_tor=single_tor)).one
    error = (found.simulated.high - found.simulated.low) / 2 / 1.645
    assert found.simulated.ettr == pytest.approx(found.ettr, abs=4 * error)
    assert error < 5e-4


def test_spares_too_few_for_a_segment_wait_for_its_tor() -> None:
    planned = plan(3000, FailureRate(6.5))
    slow = MINUTES | {"tor": 4000.0}
    fabric = hpn(384, 8, single_tor=True)
    few, many = (
        plan_fabric(planned, fabric, repair_hours=slow, spares=spares).one.simulated.ettr for spares in (20, 600)
    )
    assert few < many


def test_a_fabric_whose_parts_never_fail_leaves_the_plan_alone() -> None:
    planned = plan(3000, FailureRate(6.5))
    found = plan_fabric(planned, hpn(384, 8), rates=ComponentRates(()))
    assert found.one.ettr == pytest.approx(exact_ettr(planned.run))
    assert [row.component for row in found.one.rows] == ["node"]
    assert "no failure rate is known of tor, agg" in found.warnings[0]


def test_failures_of_the_network_among_those_counted_are_not_counted_twice(asked: Asked) -> None:
    llama = ("--gpus", 16_384, "--failures", 419, "--exposure-days", 54, "--fabric", "clos")
    whole, split = asked(*llama), asked(*llama, "--network-failures", 35)
    assert whole["failures_by_domain"]["node"]["per_day"] == pytest.approx(419 / 54)
    assert split["failures_by_domain"]["node"]["per_day"] == pytest.approx(384 / 54)
    assert "count twice: at most" in " ".join(whole["fabric"]["notes"])
    assert "35 of the 419" in " ".join(split["fabric"]["notes"])


def test_a_second_tor_buys_what_the_lever_says_if_nothing_slows() -> None:
    llama = plan(16_384, counted_rate(419, 54 * 2048))
    single, dual = hpn(2048, 8, single_tor=True), hpn(2048, 8)
    found = plan_fabric(llama, dual, against=single, slowdown=0.0, link_failures=35).difference
    (lever,) = plan_levers(llama, [setting("dual_tor", removed_share=35 / 419)]).effects
    assert found is not None
    # The lever knows no ToRs of its own: half a failure in 54 days, at the published rate.
    assert found.exact == pytest.approx(lever.gain, rel=0.03)
    assert found.low is not None
    assert found.high is not None
    # Thirty-five links are few: their own count spreads the gain, which limits of the nodes' rate alone would not show.
    assert found.high - found.low > 0.3 * found.exact


def test_what_two_tors_would_have_bought_llama_3_hangs_on_what_a_slow_link_costs(asked: Asked) -> None:
    llama = ("--gpus", 16_384, "--failures", 419, "--exposure-days", 54, "--network-failures", 35)
    question = (*llama, "--checkpoint-interval", "10m", "--fabric", "hpn", "--against", "hpn-single-tor")
    as_modelled = asked(*question, "--model", "llama-3.1-405b", "--slowdown", "step")["fabric"]
    at_worst = asked(*question)["fabric"]
    assert as_modelled["ettr_difference"] == pytest.approx(0.0035, abs=5e-5)
    assert as_modelled["ettr_difference_low"] == pytest.approx(0.0026, abs=5e-5)
    assert as_modelled["ettr_difference_high"] == pytest.approx(0.0046, abs=5e-5)
    assert as_modelled["against"]["ettr"] == pytest.approx(0.947, abs=5e-4)
    assert at_worst["ettr_difference"] == pytest.approx(-0.0076, abs=5e-5)
    assert any("the worst case" in note for note in at_worst["notes"])
    assert not any("the worst case" in note for note in as_modelled["notes"])


def test_llama_3_saw_twice_the_links_and_switches_fail_that_hpns_rates_expect() -> None:
    found = plan_fabric(plan(16_384, counted_rate(384, 54 * 2048)), hpn(2048, 8, single_tor=True)).one
    by_domain = {row.component: 54 * row.per_day for row in found.rows}
    assert by_domain["nic-link"] + by_domain["tor"] == pytest.approx(16.7, abs=0.1)


def test_a_run_with_an_end_tells_how_many_failures_of_each_domain_it_meets(asked: Asked) -> None:
    found = asked(*RUN, "--fabric", "hpn-single-tor", "--productive-time", "30d", "--set-fabric", "gpus=4096")
    node, link = (found["failures_by_domain"][name] for name in ("node", "nic-link"))
    assert node["expected_in_run"] / node["per_day"] == pytest.approx(30 / found["fabric"]["ettr"], rel=2e-3)
    assert link["expected_in_run"] / link["per_day"] == pytest.approx(node["expected_in_run"] / node["per_day"])


def test_without_a_failure_the_fabrics_own_are_left_and_a_bound_is_told(asked: Asked) -> None:
    found = asked("--gpus", 512, "--failures", 0, "--node-days", 500, "--fabric", "hpn")["fabric"]
    assert "no failure of a node was seen" in found["warnings"][0]
    assert found["ettr_low"] < found["ettr"] <= found["ettr_high"] + 1e-12


def test_link_failures_of_the_lakes_own_rate_are_left_out(tmp_path: Path) -> None:
    nodes = [f"n{number:02}" for number in range(20)]
    failed = {"nodes": nodes, "node_count": 20, "gpu_count": 160, "state": "NODE_FAIL"}
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": node} for node in nodes],
        jobs=[
            failed | {"start_utc": f"2026-01-{day:02}T00:00", "end_utc": f"2026-01-{day:02}T20:00"} for day in (2, 3, 4)
        ],
        events=[
            {
                "node": "n03",
                "time_utc": "2026-01-02T19:59",
                "symptom": "ib_link",
                "component": "nic",
                "domain": "hardware",
                "code": "ib:link_down",
            },
            {"node": "n04", "time_utc": "2026-01-03T19:59"},
        ],
    )
    rate = measured_rate(lake)
    assert rate.failures == 3
    assert links_among_failures(lake, rate) == 1
    assert links_among_failures(lake, counted_rate(2, 60.0)) is None
    found = plan_fabric(plan(160, rate), hpn(20, 8, single_tor=True), link_failures=1)
    by_domain = {row.component: row for row in found.one.rows}
    # Three failures in the exposure of three days: two are the nodes', one the links', none is lost.
    assert by_domain["node"].per_day == pytest.approx(20 * rate.per_1000_node_days / 1000 * 2 / 3)
    assert by_domain["nic-link"].per_day == pytest.approx(20 * rate.per_1000_node_days / 1000 / 3)
    assert by_domain["nic-link"].low is not None
    published = plan_fabric(plan(160, rate), hpn(20, 8, single_tor=True), link_failures=1, published_links=True)
    assert published.one.rows[1].per_day < 0.1 * by_domain["nic-link"].per_day
    assert any("links failing as often as these did" in note for note in found.notes)
    assert any("links failing at the published rate" in note for note in published.notes)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--against", "hpn"), "--against hpn: expected with it --fabric"),
        (("--published-links",), "--published-links True: expected with it --fabric"),
        (("--fabric", "hpn", "--fabric-repair", "tor"), "--fabric-repair tor: expected CLASS=DURATION"),
        (("--set-fabric", "gpus=8"), "--set-fabric gpus=8: expected with it --fabric"),
        (("--fabric", "hpm"), "unknown fabric 'hpm'"),
        (("--fabric", "hpn", "--set-fabric", "gpus"), "--set-fabric gpus: expected KEY=VALUE"),
        (("--fabric", "hpn", "--set-fabric", "x=1"), "has no setting 'x'"),
        (("--fabric", "hpn", "--set-fabric", "gpus=1024"), "375 hosts wanted, 128 are there"),
        (("--fabric", "hpn", "--fabric-repair", "tor=5"), "--fabric-repair 5: expected a duration"),
        (("--fabric", "hpn", "--fabric-repair", "x=5m"), "no component class 'x'"),
        (("--fabric", "hpn", "--slowdown", "2"), "slowdown is 2; a share"),
        (("--fabric", "hpn", "--slowdown", "x"), "--slowdown x: expected a share such as 0.0625, or step"),
        (("--fabric", "hpn", "--slowdown", "step"), "--slowdown step: expected with it --model"),
        (("--fabric", "hpn", "--network-failures", "66"), "--network-failures 66: expected no more than --failures"),
        (("--fabric", "from-lake", "--lake", "/nowhere"), "no lake at /nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_2(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *map(str, RUN), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_slow_hours_can_be_those_of_the_models_own_step(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    sized = ("--model", "llama-3.1-405b", "--gpus", "1024", "--fabric", "hpn")
    found = asked(*sized, "--failures-per-1000-node-days", 6.5, "--slowdown", "step")
    assert main(["topology", "step", *sized, "--component", "nic-link", "--adaptive-routing", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    slowdown = found["failures_by_domain"]["nic-link"]["slowdown"]
    assert slowdown == pytest.approx(row["slowdown_share"])
    assert 0 < slowdown < 1 / 16


def test_the_table_for_people_tells_both_fabrics(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*map(str, RUN), "--fabric", "hpn", "--against", "hpn-single-tor"]
    assert main(["plan", *arguments]) == 0
    captured = capsys.readouterr()
    assert "In hpn-single-tor, 15,360 GPUs: failures by domain" in captured.out
    assert "ettr_difference_simulated_high" in captured.out
    assert "Link flaps are left out" in captured.err


def test_the_figure_has_a_bar_for_each_domain_that_takes_the_run_down(compared: PlanFabric) -> None:
    figure = plan_fabric_figure(compared)
    assert [bar.name for bar in figure.data] == ["hpn", "hpn-single-tor"]
    assert set(figure.data[1].y) == {"tor", "nic-link", "both-ways", "node"}
    assert figure.layout.xaxis.type == "log"
