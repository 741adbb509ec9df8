"""Rates beyond one interval: dependence, groups against the rest, course over time, accumulation, covariates."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.rates import poisson_rate
from reliability.analyses.accumulation import accumulation
from reliability.analyses.rate_history import rate_history
from reliability.analyses.rate_regression import rate_regression
from reliability.analyses.rates import rate_groups, rates
from reliability.cli import main
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake, create_lake
from tests.lakes import HOSTILE, build_lake

NODES, DAYS = 40, 90


def outages(counts: np.ndarray) -> list[dict[str, object]]:
    """One-minute outages at the hours that follow each other within a day, so that none overlap."""
    start = np.datetime64("2026-01-01", "s")
    return [
        {
            "node": f"n{node:02}",
            "from_utc": str(start + np.timedelta64(day * 86_400 + hour * 3600, "s")),
            "to_utc": str(start + np.timedelta64(day * 86_400 + hour * 3600 + 60, "s")),
        }
        for (node, day), number in np.ndenumerate(counts)
        for hour in range(1, 1 + int(number))
    ]


def fleet(tmp_path: Path, counts: np.ndarray, racks: int = 4) -> Lake:
    return build_lake(
        tmp_path / "lake",
        nodes=[
            {
                "node": f"n{node:02}",
                "from_utc": "2026-01-01",
                "rack": f"r{node % racks}",
                "attributes": {"firmware": "new" if node % 2 else "old", "watts": str(500 + node)},
            }
            for node in range(NODES)
        ],
        node_states=outages(counts),
        covers=["node_states"],
        observed_from="2026-01-01",
        observed_to="2026-04-01",
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    counts = np.random.default_rng(5).poisson(0.03, (NODES, DAYS))
    return fleet(tmp_path_factory.mktemp("plain"), counts)


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """From day 45 on all nodes fail four times as often."""
    rate = np.where(np.arange(DAYS) < 45, 0.02, 0.08)
    return fleet(tmp_path_factory.mktemp("doubled"), np.random.default_rng(6).poisson(rate, (NODES, DAYS)))


def test_independent_failures_have_a_robust_interval_like_the_exact_one(plain: Lake) -> None:
    (group,) = rates(plain).groups
    assert group.estimate is not None
    assert group.robust is not None
    assert group.robust.dispersion < 1.5
    assert 1000 * group.robust.low_per_day == pytest.approx(group.estimate.low_per_1000_days, rel=0.15)


def test_one_rack_that_falls_again_and_again_widens_the_robust_interval_and_warns(tmp_path: Path) -> None:
    counts = np.random.default_rng(7).poisson(0.01, (NODES, DAYS))
    counts[:10, [5, 30, 60, 80]] += 1  # ten nodes at once
    found = rates(fleet(tmp_path, counts))
    (group,) = found.groups
    assert group.robust is not None
    assert group.estimate is not None
    assert group.robust.dispersion > 2
    assert group.robust.high_per_day > group.estimate.high_per_day
    assert any("robust" in warning for warning in found.warnings)


def test_a_mid_p_interval_lies_within_the_exact_one(plain: Lake) -> None:
    (exact,), (shorter,) = rates(plain).groups, rates(plain, interval="mid-p").groups
    assert exact.estimate is not None
    assert shorter.estimate is not None
    assert exact.estimate.low_per_day < shorter.estimate.low_per_day
    assert shorter.estimate.high_per_day < exact.estimate.high_per_day
    assert rates(plain, interval="mid-p").document()["interval"] == "mid-p Poisson, two-sided"


def test_the_rack_that_differs_is_the_one_with_a_small_adjusted_p_value(tmp_path: Path) -> None:
    counts = np.random.default_rng(8).poisson(0.02, (NODES, DAYS))
    counts[np.arange(NODES) % 4 == 2] += np.random.default_rng(9).poisson(0.05, (NODES // 4, DAYS))
    found = rates(fleet(tmp_path, counts), by="rack")
    worst, *others = found.groups
    assert worst.group == "r2"
    assert worst.against_rest is not None
    assert worst.against_rest.adjusted_p_value < 1e-4
    assert all(
        (group.against_rest is not None and group.against_rest.adjusted_p_value > 1e-4)
        or (group.against_rest is not None and group.against_rest.ratio is not None and group.against_rest.ratio < 1)
        for group in others
    )
    assert found.equal_rates_p is not None
    assert found.equal_rates_p < 1e-4
    shrunk = [group.shrunk.rate_per_1000_days for group in found.groups if group.shrunk]
    raw = [group.estimate.rate_per_1000_days for group in found.groups if group.estimate]
    assert max(shrunk) <= max(raw)
    assert min(shrunk) >= min(raw)


def test_groups_add_up_to_the_whole_whatever_they_are(plain: Lake) -> None:
    (whole,) = rates(plain).groups
    for by in ("rack", "node", "month", "quarter", "day"):
        found = rates(plain, by=by)
        assert sum(group.failures for group in found.groups) == whole.failures
        assert sum(group.exposure_days for group in found.groups) == pytest.approx(whole.exposure_days)


def test_a_change_of_the_rate_is_found_with_its_day(doubled: Lake) -> None:
    found = rate_history(doubled)
    (change,) = found.changes
    assert abs(change.day - 45) <= 5
    assert change.low_day <= change.day <= change.high_day
    assert change.ratio.ratio is not None
    assert 2.5 < change.ratio.ratio < 6.5
    assert found.laplace is not None
    assert found.laplace.score > 3
    assert found.growth is not None
    assert found.growth.shape_low > 1
    assert any("The rate changed on 2026-02-" in sentence for sentence in found.sentences())
    assert len(found.figure().data) == 4


def test_a_steady_rate_has_no_change_and_its_windows_have_their_exact_band(plain: Lake) -> None:
    found = rate_history(plain, window_days=30)
    assert found.changes == ()
    last = found.rows()[-1]
    expected = poisson_rate(last["failures"], last["exposure_node_days"], 0.9)
    assert last["low"] == pytest.approx(expected.low_per_1000_days)
    assert last["high"] == pytest.approx(expected.high_per_1000_days)
    assert last["exposure_node_days"] == pytest.approx(30 * NODES)


def test_failures_accumulate_to_those_counted(plain: Lake) -> None:
    found = accumulation(plain)
    (group,) = found.groups
    (whole,) = rates(plain).groups
    assert group.failures == whole.failures
    assert group.curve is not None
    assert group.curve.mean[-1] == pytest.approx(whole.failures / NODES, rel=1e-9)  # all are watched to the end
    assert (np.diff(group.curve.mean) > 0).all()


def test_two_groups_are_compared_and_a_group_without_failures_says_so(tmp_path: Path) -> None:
    counts = np.zeros((NODES, DAYS), dtype=int)
    counts[np.arange(NODES) % 2 == 0, 10] = 1
    found = accumulation(fleet(tmp_path, counts, racks=2), by="rack")
    assert found.difference is None
    assert [group.refusal is None for group in found.groups] == [True, False]
    both = accumulation(
        fleet(tmp_path / "b", np.random.default_rng(1).poisson(0.03, (NODES, DAYS)), racks=2), by="rack"
    )
    assert both.difference is not None
    assert both.difference.p_value > 0.01


def test_firmware_that_fails_more_has_its_rate_ratio(tmp_path: Path) -> None:
    rate = np.where(np.arange(NODES) % 2, 0.06, 0.02)[:, None]
    lake = fleet(tmp_path, np.random.default_rng(3).poisson(np.repeat(rate, DAYS, axis=1)))
    found = rate_regression(lake, "node", ("firmware", "watts", "age_years"))
    ratio = {row["effect"]: row for row in found.rows()}
    new, reference = ratio["firmware=old"], ratio["firmware=old"]["reference"]
    assert reference == "new"
    assert new["rate_ratio"] == pytest.approx(1 / 3, rel=0.4)
    assert new["high"] < 1
    assert ratio["watts"]["low"] <= 1 <= ratio["watts"]["high"]
    assert ratio["age_years"]["low"] <= 1 <= ratio["age_years"]["high"]
    assert found.fit.failures == sum(group.failures for group in rates(lake).groups)


def test_what_cannot_be_asked_is_said_in_one_line(plain: Lake, tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="a job is no unit"):
        accumulation(plain, "attempt")
    with pytest.raises(BadOptionError, match="a property of units"):
        accumulation(plain, "node", by="month")
    with pytest.raises(BadOptionError, match="nope"):
        rate_regression(plain, "node", ("nope",))
    with pytest.raises(BadOptionError, match="at least one day"):
        rate_history(plain, window_days=0)
    empty = create_lake(tmp_path / "empty")
    for question in (rate_history, accumulation):
        with pytest.raises(NoDataError):
            question(empty)


def test_groups_are_those_that_the_kind_knows(plain: Lake) -> None:
    assert "rack" in rate_groups(plain, "node")
    assert "user" in rate_groups(plain, "attempt")
    assert "code" in rate_groups(plain, "gpu")


@pytest.mark.parametrize("flags", [["--history"], ["--accumulation", "--by", "rack"], ["--covariates", "firmware"]])
def test_every_view_prints_json_csv_and_a_table(
    flags: list[str], plain: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--lake", str(plain.path)]
    assert main(["rates", *flags, *where, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"]
    assert document["definition"]
    assert main(["rates", *flags, *where, "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(document["rows"]) + 1
    assert main(["rates", *flags, *where]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "flags",
    [
        ["--history", "--accumulation"],
        ["--covariates", "firmware", "--family", "gamma"],
        ["--history", "--fail-on", "3"],
        ["--by", "quarter", "--calendar-zone", "Mars/Olympus"],
        ["--interval", "wide"],
    ],
)
def test_bad_options_exit_with_two_and_one_line(
    flags: list[str], plain: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rates", *flags, "--lake", str(plain.path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_names_from_a_log_stay_text_in_the_pictures(tmp_path: Path) -> None:
    states = [
        {"node": HOSTILE, "from_utc": f"2026-01-0{day}", "to_utc": f"2026-01-0{day}T01:00"} for day in range(2, 6)
    ]
    lake = build_lake(
        tmp_path / "lake", nodes=[{"node": HOSTILE, "from_utc": "2026-01-01", "rack": HOSTILE}], node_states=states
    )
    for found in (rates(lake, by="rack"), accumulation(lake, by="rack")):
        assert HOSTILE not in found.figure().to_json()
