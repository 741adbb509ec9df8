"""What the lives of a lake tell: curves, hazards, distributions, causes, ratios, spares; each beside its model."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.spares import spares_from_rate
from models.regression.cox import fit_cox
from reliability.analyses.failure_gaps import failure_gaps
from reliability.analyses.hazard_ratios import hazard_regression
from reliability.analyses.hazards import hazards
from reliability.analyses.incidence import cumulative_incidence
from reliability.analyses.life_story import life_story
from reliability.analyses.lifetime_models import lifetime_fits
from reliability.analyses.spares import spares
from reliability.analyses.survival import survival
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.hazards import cumulative_hazard_figure
from reliability.figures.lifetime_models import hazard_figure, probability_figure
from reliability.lake import Lake, create_lake
from reliability.marts import Parameters
from tests.lakes import HOSTILE, build_lake, sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("lives") / "lake")


def gpus(ages_days, *, failed, attributes=None, symptom="gpu_memory"):
    """Stays from 1 January 2026, and the events that end those that failed."""
    begin = np.datetime64("2026-01-01T00:00:00")
    ends = [str(begin + np.timedelta64(int(age * 86_400), "s")) for age in ages_days]
    stays = [
        {
            "component_id": f"g{number}",
            "node": f"n{number // 2}",
            "installed_utc": str(begin),
            "removed_utc": end,
            "removal": "failed" if dead else "in_service",
            "attributes": {"batch": "old" if number % 2 else "new"} if attributes is None else attributes[number],
        }
        for number, (end, dead) in enumerate(zip(ends, failed, strict=True))
    ]
    events = [
        {
            "component_id": stay["component_id"],
            "node": stay["node"],
            "time_utc": stay["removed_utc"],
            "symptom": symptom if isinstance(symptom, str) else symptom[number],
        }
        for number, stay in enumerate(stays)
        if failed[number]
    ]
    return {"components": stays, "events": events, "observed_to": "2026-06-01"}


@pytest.fixture
def few(tmp_path: Path) -> Lake:
    """Six GPUs: three failed, after 10, 20 and 30 days; three are in service after 40."""
    return build_lake(
        tmp_path / "lake",
        **gpus(
            [10, 20, 30, 40, 40, 40],
            failed=[True] * 3 + [False] * 3,
            symptom=["gpu_memory", "gpu_unavailable", "gpu_memory", "", "", ""],
        ),
    )


def test_the_mean_within_the_horizon_is_the_area_under_the_curve(few: Lake) -> None:
    (group,) = survival(few, "gpu", horizon_hours=30 * 24.0).curves
    assert group.mean is not None
    assert group.mean.mean_hours / 24 == pytest.approx(10 + 10 * 5 / 6 + 10 * 4 / 6)
    assert group.mean.low_hours < group.mean.mean_hours < group.mean.high_hours


def test_groups_are_compared_by_the_log_rank_test_and_by_their_means(lake: Lake) -> None:
    found = survival(lake, "gpu", by="batch")
    assert found.test is not None
    assert sum(found.test.observed) == pytest.approx(sum(group.events for group in found.curves))
    assert sum(found.test.expected) == pytest.approx(sum(found.test.observed))
    (difference,) = found.difference_rows()
    assert {difference["group"], difference["against"]} == {"old", "new"}
    assert difference["low_hours"] < difference["longer_by_hours"] < difference["high_hours"]
    assert "log-rank" in found.comparison()


def test_one_group_has_nothing_to_compare(lake: Lake) -> None:
    found = survival(lake, "gpu")
    assert found.test is None
    assert not found.differences
    assert found.comparison() == ""


def test_a_plain_band_is_symmetric_and_a_log_log_band_is_not(lake: Lake) -> None:
    (plain,), (other,) = survival(lake, "gpu", interval="plain").curves, survival(lake, "gpu").curves
    row = plain.curve.time_hours.size // 2
    middle = (plain.curve.low[row] + plain.curve.high[row]) / 2
    assert middle == pytest.approx(plain.curve.survival[row])
    assert (other.curve.low[row] + other.curve.high[row]) / 2 != pytest.approx(other.curve.survival[row], abs=1e-6)


def test_bins_of_the_hazard_hold_every_failure_and_all_exposure(lake: Lake) -> None:
    found = hazards(lake, "gpu", by="batch")
    curves = survival(lake, "gpu", by="batch").curves
    for group, curve in zip(found.groups, curves, strict=True):
        assert group.binned.events.sum() == curve.events
        days = (curve.curve.at_risk[1:] * np.diff(curve.curve.time_hours)).sum() / 24
        assert sum(row["exposure_days"] for row in found.bins() if row["group"] == group.group) == pytest.approx(days)
    assert all(row["low"] <= row["rate_per_1000_days"] <= row["high"] for row in found.bins())


def test_the_incidences_of_all_causes_and_survival_add_up_to_one(few: Lake) -> None:
    (group,) = cumulative_incidence(few, "gpu").groups
    (curve,) = survival(few, "gpu").curves
    assert [found.cause for found in group.causes] == ["gpu_memory", "gpu_unavailable"]
    total = sum(found.incidence for found in group.causes)
    assert total + curve.curve.survival == pytest.approx(np.ones(curve.curve.survival.size))


def test_of_two_signs_at_one_instant_the_first_in_the_alphabet_is_the_cause(tmp_path: Path) -> None:
    told = gpus([10, 40], failed=[True, False], symptom="nvlink")
    told["events"].append({**told["events"][0], "symptom": "gpu_memory", "code": "xid:48"})
    (group,) = cumulative_incidence(build_lake(tmp_path / "lake", **told), "gpu").groups
    assert [found.cause for found in group.causes] == ["gpu_memory"]


def test_a_fit_is_that_of_the_model_on_the_same_lives(few: Lake) -> None:
    found = lifetime_fits(few, "gpu", family="exponential")
    lives = Lives.right_censored([0] * 6, np.array([10, 20, 30, 40, 40, 40]) * 24.0, [True] * 3 + [False] * 3)
    expected = fit_lifetime("exponential", lives)
    (fit,) = found.fits
    assert fit.mean_hours is not None
    for limit in ("value", "low", "high"):
        assert getattr(fit.mean_hours, limit) == pytest.approx(getattr(expected.mean_hours, limit), rel=1e-6)
    (row,) = found.rows()
    assert row["family"] == "exponential"
    assert any("few failures" in warning for warning in row["warnings"])


def test_auto_picks_the_family_with_the_lowest_aic_and_keeps_the_others(lake: Lake) -> None:
    found = lifetime_fits(lake, "gpu", by="batch")
    for fit in found.fits:
        ranked = [row for row in found.ranking() if row["group"] == fit.group]
        assert fit.fit is not None
        assert ranked[0]["family"] == fit.fit.family.name
        assert [row["aic"] for row in ranked] == sorted(row["aic"] for row in ranked)
        assert sum(row["akaike_weight"] for row in ranked) == pytest.approx(1.0)
    assert all(
        row["low_hours"] <= row["mean_residual_life_hours"] <= row["high_hours"] for row in found.residual_rows()
    )


def test_simulated_fleets_give_the_p_value_of_a_fit(few: Lake) -> None:
    (fit,) = lifetime_fits(few, "gpu", family="exponential", fleets=9).fits
    assert fit.goodness is not None
    assert 0.1 <= fit.goodness.p_value <= 1.0


def test_without_a_failure_there_is_a_bound_instead_of_a_fit(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", **gpus([40, 40, 40], failed=[False] * 3), covers=["components", "events"])
    (fit,) = lifetime_fits(lake, "gpu").fits
    assert fit.fit is None
    bound = 3 * 40 * 24 / -np.log(0.05)
    assert f"{bound:,.0f} h" in str(fit.refusal)
    story = life_story(lake, "gpu")
    assert story.fits.rows()[0]["median_hours"] is None
    assert story.spares is not None
    assert story.spares.total.basis == "constant rate"
    assert 0 < story.spares.total.forecast.high <= 3
    for figure in (story.fits.figure(), probability_figure(story.fits), hazard_figure(story.fits)):
        assert figure.layout.title.text


def test_a_pieced_hazard_can_be_asked_for(lake: Lake) -> None:
    (fit,) = lifetime_fits(lake, "gpu", family="piecewise-exponential").fits
    assert all(found.low <= found.value <= found.high for found in fit.parameters.values())
    assert len(fit.parameters) == 4


def test_hazard_ratios_are_those_of_the_model_with_errors_by_host(lake: Lake) -> None:
    found = hazard_regression(lake, "gpu", ["batch"])
    with closing(DuckDBEngine(lake, Parameters(component="gpu"))) as engine:
        told = engine.columns("lives_with_covariates", names=["batch"])
    new = np.array([[float(values[0] == "new")] for values in told["covariates"]])
    expected = fit_cox(
        told["entry_hours"],
        told["exit_hours"],
        told["observed"].astype(bool),
        new,
        ["batch=new"],
        clusters=told["host"],
    )
    (term,) = found.terms
    assert term.ratio.hazard_ratio == pytest.approx(expected.terms[0].hazard_ratio)
    assert (term.ratio.low, term.ratio.high) == pytest.approx((expected.terms[0].low, expected.terms[0].high))
    assert term.ratio.interval == "robust"
    assert found.references == {"batch": "old"}
    assert found.proportional is not None
    assert found.clusters == len(set(told["host"]))
    baseline = found.baseline()
    assert (np.diff(baseline.survival) <= 0).all()


def test_every_regression_says_how_it_was_made(lake: Lake) -> None:
    cause = hazard_regression(lake, "gpu", ["batch"], cause="gpu_memory")
    assert cause.events == hazard_regression(lake, "gpu", ["batch"]).events
    shared = hazard_regression(lake, "gpu", ["batch"], model="frailty")
    assert shared.hosts is not None
    assert shared.hosts.low <= shared.hosts.variance <= shared.hosts.high
    strata = hazard_regression(lake, "node", ["rack"], strata="gpu_model")
    assert strata.document()["strata"] == "gpu_model"


def test_a_competing_cause_is_no_event_of_the_one_asked_for(tmp_path: Path) -> None:
    ages = np.random.default_rng(3).uniform(3, 40, 40)
    symptoms = ["gpu_memory" if number % 3 else "gpu_unavailable" for number in range(40)]
    lake = build_lake(tmp_path / "lake", **gpus(ages, failed=[number < 30 for number in range(40)], symptom=symptoms))
    gray = hazard_regression(lake, "gpu", ["batch"], model="fine-gray", cause="gpu_memory")
    assert gray.events == sum(symptom == "gpu_memory" for symptom in symptoms[:30])
    assert all(row["low"] <= row["hazard_ratio"] <= row["high"] for row in gray.rows())
    assert gray.proportional is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"covariates": []}, "at least one"),
        ({"covariates": ["zebra"]}, "--covariates zebra"),
        ({"covariates": ["batch"], "strata": "zebra"}, "--strata zebra"),
        ({"covariates": ["batch"], "strata": "batch"}, "not a covariate too"),
        ({"covariates": ["batch"], "model": "fine-gray"}, "a --cause"),
        ({"covariates": ["batch"], "cause": "zebra"}, "one of gpu_memory"),
        ({"covariates": ["batch"], "model": "aalen"}, "one of cox"),
        ({"covariates": ["batch"], "model": "frailty", "strata": "cluster"}, "--model cox"),
    ],
)
def test_a_regression_that_cannot_be_is_refused(lake: Lake, options: dict, said: str) -> None:
    with pytest.raises(BadOptionError, match=said):
        hazard_regression(lake, "gpu", **options)


def test_a_covariate_that_is_the_same_everywhere_explains_nothing(lake: Lake) -> None:
    with pytest.raises(ModelError, match="explains no difference"):
        hazard_regression(lake, "gpu", ["cluster"])


def test_a_quantity_enters_as_it_is_and_lives_without_it_are_left_out(tmp_path: Path) -> None:
    ages = np.linspace(5, 35, 40) + np.random.default_rng(5).normal(0, 4, 40).clip(-4.5)
    attributes = [{"watts": str(300 + number)} if number else {} for number in range(40)]
    lake = build_lake(tmp_path / "lake", **gpus(ages, failed=[True] * 40, attributes=attributes))
    found = hazard_regression(lake, "gpu", ["watts"])
    assert [term.ratio.name for term in found.terms] == ["watts"]
    assert found.lives == 39
    assert any("not known of 1 lives" in warning for warning in found.warnings)
    assert found.terms[0].ratio.hazard_ratio < 1


def test_few_failures_are_forecast_at_a_constant_rate_and_no_unit_fails_twice(few: Lake) -> None:
    found = spares(few, "gpu", 24.0 * 10)
    forecast = found.total.forecast
    assert found.total.basis == "constant rate"
    assert forecast.units == 3
    exposure = (10 + 20 + 30 + 3 * 40) * 24.0
    assert forecast.failures == pytest.approx(spares_from_rate(3, exposure, 3, 240.0).failures)
    assert forecast.high <= 3
    assert forecast.probability.sum() == pytest.approx(1.0)
    assert any("only 3 failures" in warning for warning in forecast.warnings)


def test_only_units_still_in_service_can_fail(tmp_path: Path) -> None:
    told = gpus([10, 20, 40, 40], failed=[True, False, False, False])
    told["components"][1]["removal"] = "removed"
    assert spares(build_lake(tmp_path / "lake", **told), "gpu").total.forecast.units == 2


def test_forecasts_of_groups_add_up(lake: Lake) -> None:
    found = spares(lake, "gpu", 720.0, by="batch")
    assert found.total.forecast.units == sum(group.forecast.units for group in found.groups)
    assert found.total.forecast.failures == pytest.approx(sum(group.forecast.failures for group in found.groups))
    assert found.total.forecast.low >= sum(group.forecast.low for group in found.groups)
    assert found.total.forecast.high <= sum(group.forecast.high for group in found.groups)
    again = spares(lake, "gpu", 720.0, by="batch")
    assert again.rows() == found.rows()
    assert (
        spares(lake, "gpu", 720.0, replaced=True).total.forecast.failures
        >= spares(lake, "gpu", 720.0).total.forecast.failures
    )


def test_an_outage_needs_no_spare_and_a_horizon_must_lie_ahead(lake: Lake) -> None:
    with pytest.raises(BadOptionError, match="an outage is not"):
        spares(lake, "repair")
    with pytest.raises(ModelError, match="above zero"):
        spares(lake, "gpu", 0.0)


def test_outages_live_until_they_are_repaired(lake: Lake) -> None:
    story = life_story(lake, "repair")
    assert story.spares is None
    assert story.survival.curves[0].lives > 0
    assert story.survival.figure().layout.title.text == "Duration of repairs of nodes"


def test_a_story_gives_the_answers_of_the_single_questions(lake: Lake) -> None:
    story = life_story(lake, "gpu", by="batch")
    assert story.survival.rows() == survival(lake, "gpu", by="batch").rows()
    assert story.fits.rows() == lifetime_fits(lake, "gpu", by="batch").rows()
    assert story.incidence.rows() == cumulative_incidence(lake, "gpu", by="batch").rows()
    assert story.hazards.bins() == hazards(lake, "gpu", by="batch").bins()
    assert story.spares is not None
    assert story.spares.rows() == spares(lake, "gpu", by="batch").rows()


def test_an_empty_lake_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="an inventory of gpu components"):
        life_story(create_lake(tmp_path / "lake"), "gpu")
    with pytest.raises(NoDataError, match="critical events"):
        failure_gaps(create_lake(tmp_path / "other"), "gpu")


def test_gaps_lie_between_distinct_times_of_a_quarter_of_the_zone(tmp_path: Path) -> None:
    told = gpus([1, 1, 2, 4, 100], failed=[True] * 5)
    # Midnight of 1 April in New York is 4 o'clock UTC: the failure an hour before belongs to the first quarter.
    told["events"][4]["time_utc"] = "2026-04-01T03:00:00"
    lake = build_lake(tmp_path / "lake", **told)
    (quarter,) = failure_gaps(lake, "gpu", calendar_zone="America/New_York").quarters
    assert (quarter.quarter, quarter.failures, quarter.times) == ("2026-Q1", 5, 4)
    assert quarter.gap_hours == pytest.approx((89 * 24 + 3) / 3)
    first, second = failure_gaps(lake, "gpu").quarters
    assert (first.times, second.times) == (3, 1)
    assert second.gap_hours is None


def test_text_of_a_log_is_drawn_as_text(tmp_path: Path) -> None:
    attributes = [{"batch": HOSTILE if number % 2 else "new"} for number in range(30)]
    told = gpus(np.linspace(3, 40, 30), failed=[number < 25 for number in range(30)], attributes=attributes)
    lake = build_lake(tmp_path / "lake", **told)
    story = life_story(lake, "gpu", by="batch")
    figures = [
        story.survival.figure(),
        story.hazards.figure(),
        cumulative_hazard_figure(story.hazards),
        story.fits.figure(),
        hazard_figure(story.fits),
        probability_figure(story.fits),
        story.incidence.figure(),
        story.spares.figure(),
        hazard_regression(lake, "gpu", ["batch"]).figure(),
    ]
    for figure in figures:
        assert "<img" not in figure.to_json().replace("\\u003c", "<")
        assert figure.layout.title.subtitle.text
