"""Two simulations that differ in one lever, and what the replay of the first one's logs forecasts of the second."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reliability.analyses.replay import replay
from reliability.analyses.replay_levers import Levers
from reliability.cli import main
from reliability.lake import open_lake

PRESETS = Path(__file__).parents[2] / "synthetic_traces" / "presets"
SEEDS = range(11, 15)
BY_FAILURES = ("lost_infrastructure", "lost_preemption_second_order")
LOST = ("lost_infrastructure", "lost_preemption_second_order", "lost_preemption", "lost_user")


def simulate(folder, seed, change=None, preset="tiny"):
    """Simulate a preset in which one line of its specification was changed; return the folder of logs."""
    text = (PRESETS / f"{preset}.toml").read_text(encoding="utf-8")
    if change is not None:
        text, changed = re.subn(change[0], change[1], text, count=1)
        assert changed == 1
    spec, out = folder / f"{seed}-{bool(change)}.toml", folder / f"{seed}-{bool(change)}"
    spec.write_text(text, encoding="utf-8")
    assert main(["synth", "--spec", str(spec), "--seed", str(seed), "--out", str(out)]) == 0
    return out


def truth_hours(out):
    rows = pq.read_table(out / "truth" / "ledger.parquet").to_pylist()
    hours = {row["bucket"]: row["gpu_seconds"] / 3600 for row in rows}
    by_failures = sum(hours[bucket] for bucket in BY_FAILURES)
    return hours | {"lost": sum(hours[bucket] for bucket in LOST), "by_failures": by_failures}


def forecast(folder, out, levers):
    """Return the hours of the ledger then and now, as the replay of the logs has them."""
    lake = folder / f"{out.name}-lake"
    logs = [str(place) for place in sorted(out.iterdir()) if place.name != "truth"]
    assert main(["ingest", *logs, "--lake", str(lake), "--cluster", "c", "--timezone", "UTC"]) == 0
    # Of the simulated jobs only those that log their training have a restart.
    found = replay(open_lake(lake), levers, restart_overhead_seconds=0).buckets

    def summed(hours):
        by_failures = hours["lost_first_order"] + hours["lost_second_order"]
        lost = by_failures + hours["lost_preemption"] + hours["lost_user"]
        return hours | {"by_failures": by_failures, "lost": lost}

    return (
        summed({change.bucket: change.then_hours for change in found}),
        summed({change.bucket: change.now_hours for change in found}),
    )


def compare(folder, change, levers, preset="tiny"):
    """Return by bucket the hours of all seeds: replay then and now, first and second simulation."""
    total = {name: [0.0] * 4 for name in ("productive", "checkpoint_write", "restart", "lost", "by_failures")}
    for seed in SEEDS:
        before, after = simulate(folder, seed, None, preset), simulate(folder, seed, change, preset)
        ledgers = (*forecast(folder, before, levers), truth_hours(before), truth_hours(after))
        for name, sums in total.items():
            total[name] = [so_far + ledger[name] for so_far, ledger in zip(sums, ledgers, strict=True)]
    print({name: [round(value) for value in sums] for name, sums in total.items()})
    return total


@pytest.mark.validation
def test_checkpoints_every_ten_minutes_multiply_writes_as_the_replay_says(tmp_path):
    # The replay takes small jobs, which log nothing, to save as the large ones do; the simulated ones never save.
    found = compare(tmp_path, (r"interval_minutes = 60", "interval_minutes = 10"), Levers(checkpoint_interval=600.0))
    then, now, first, second = found["checkpoint_write"]
    assert now / then == pytest.approx(second / first, rel=0.1)


@pytest.mark.validation
def test_faster_restarts_save_what_the_replay_says(tmp_path):
    found = compare(tmp_path, (r"restart_minutes = 10", "restart_minutes = 2"), Levers(restart_overhead=120.0))
    then, now, first, second = found["restart"]
    assert now - then == pytest.approx(second - first, rel=0.1)


@pytest.mark.validation
def test_fleets_without_their_lemons_lose_to_failures_what_the_replay_says(tmp_path):
    levers = Levers(drain_lemons="model", hindsight=True)
    found = compare(tmp_path, (r"share = 0.026", "share = 0.0"), levers, preset="lemons")
    then, now, first, second = found["by_failures"]
    assert now < then
    assert now - then == pytest.approx(second - first, rel=0.5)
