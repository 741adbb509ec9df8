"""Every number in a table of docs/goodput-published.md is computed here again."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.goodput.checkpoint_optimum import at_best_interval, best_interval, exact_optimal_interval_seconds
from models.goodput.elastic import Elastic, elastic_ettr
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan

PAGE = (Path(__file__).parents[1] / "docs" / "goodput-published.md").read_text(encoding="utf-8")
MINUTE, HOUR = 60.0, 3600.0
LLAMA = RunPlan(2048, 419 / (54 * 2048), HOUR, 0.0)


def row(*cells):
    return "| " + " | ".join(cells) + " |\n"


@pytest.mark.parametrize("restart_minutes", [3, 5, 10, 15])
def test_llama_3(restart_minutes):
    run = replace(LLAMA, restart_overhead_seconds=restart_minutes * MINUTE)
    ettrs = [
        exact_ettr(at_best_interval(replace(run, checkpoint_write_seconds=stall))) for stall in (5, 15, 30, 60, 120)
    ]
    assert row(f"{restart_minutes} min", *(f"{ettr:.3f}" for ettr in ettrs)) in PAGE


def test_llama_3_is_above_90_percent_for_the_costs_that_the_page_names():
    assert f"one every {1 / LLAMA.failures_per_second / HOUR:.2f} h" in PAGE
    assert f"{1000 * LLAMA.failures_per_node_day:.2f} per 1000" in PAGE
    for minutes, stall in ((5, 30), (10, 14)):
        run = replace(LLAMA, restart_overhead_seconds=minutes * MINUTE, checkpoint_write_seconds=stall)
        assert exact_ettr(at_best_interval(run)) > 0.9
        assert exact_ettr(at_best_interval(replace(run, checkpoint_write_seconds=1.2 * stall))) < 0.9


@pytest.mark.parametrize("per_month", [1.5, 10, 20])
def test_hpn(per_month):
    run = RunPlan(1, per_month / 30, HOUR, 10 * MINUTE, checkpoint_write_seconds=100)
    lost = [1 - exact_ettr(replace(run, checkpoint_interval_seconds=hours * HOUR)) for hours in (2, 3, 4)]
    best = exact_optimal_interval_seconds(run) / HOUR
    assert row(f"{per_month:g}", *(f"{share:.1%}" for share in lost), f"{best:.1f} h") in PAGE


@pytest.mark.parametrize(("rate", "name"), [(3.8, "3.8 (Llama 3)"), (6.5, "6.5 (RSC-1)")])
def test_byterobust(rate, name):
    run = RunPlan(1200, rate / 1000, 10, 0, checkpoint_write_seconds=10, checkpoint_stall_seconds=0.09)
    ettrs = [exact_ettr(replace(run, restart_overhead_seconds=minutes * MINUTE)) for minutes in (2, 5, 10)]
    assert row(name, *(f"{ettr:.3f}" for ettr in ettrs)) in PAGE


@pytest.mark.parametrize(("name", "stall"), [("blocking", 148.8), ("asynchronous", 6.3)])
def test_ibm_and_pytorch(name, stall):
    run = RunPlan(128, 6.5e-3, HOUR, 600, checkpoint_write_seconds=148.8, checkpoint_stall_seconds=stall)
    best = best_interval(run)
    low, high, at = (seconds / MINUTE for seconds in (best.low_seconds, best.high_seconds, best.interval_seconds))
    assert row(name, f"{at:.0f} min", f"{low:.0f} to {high:.0f} min", f"{best.ettr:.3f}") in PAGE


def test_ft_hsdp():
    run = RunPlan(12_500, 80 / 12_500, 10 * MINUTE, 10 * MINUTE)
    assert f"every 10 min | 44% | {exact_ettr(run):.3f} |" in PAGE
    assert f"every 20 min | | {exact_ettr(replace(run, checkpoint_interval_seconds=20 * MINUTE)):.3f} |" in PAGE
    assert f"back at once | | {elastic_ettr(Elastic(run, 125, 0, 10 * MINUTE)):.3f} |" in PAGE
    assert f"stop for 3 min | 80% | {elastic_ettr(Elastic(run, 125, HOUR, 3 * MINUTE)):.3f} |" in PAGE
