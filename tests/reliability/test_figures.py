"""Figures: intervals are always drawn, counts are said, text of a log stays text, both themes can be read."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from models.lifetimes.risk import risk_table
from models.lifetimes.survival import kaplan_meier
from models.rates import poisson_rate
from reliability.analyses.failures import Failures, failures
from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.rates import GroupRate, Rates
from reliability.analyses.survival import GroupCurve, Survival
from reliability.figures.failures import failures_figure
from reliability.figures.overview import availability_figure, states_figure
from reliability.figures.plan import plan_figure, size_figure
from reliability.figures.rates import rates_figure
from reliability.figures.survival import survival_figure
from reliability.figures.theme import PALETTE, TEMPLATES, headline, label, new_figure, themed, without_headline
from tests.lakes import build_lake, sample_lake

HOSTILE = "<b onclick=alert(1)>x</b><a href='javascript:alert(1)'>y</a>"


def rates_of(groups, by="rack"):
    made = tuple(GroupRate(name, k, days, poisson_rate(k, days) if days else None, None) for name, k, days in groups)
    return Rates("node", by, "node", 0.9, "definition", None, None, made)


def survival_of(groups):
    curves = []
    for name, exits in groups.items():
        table = risk_table([0.0] * len(exits), exits, [True] * len(exits))
        curves.append(GroupCurve(name, len(exits), len(exits), kaplan_meier(table, 0.9)))
    return Survival("gpu", "batch", 0.9, "definition", tuple(curves))


def texts(value):
    """Every string in a figure that Plotly may read as markup."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def drawn_texts(figure):
    document = json.loads(figure.to_json())
    document["layout"].pop("template")
    return texts(document)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("figures") / "lake", days=30)


@given(st.text())
def test_a_label_never_holds_markup(text):
    assert "<" not in label(text)
    assert ">" not in label(text)


@given(st.text(max_size=200), st.integers(2, 60))
def test_a_label_is_never_wider_than_asked(text, width):
    unescaped = label(text, width).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert len(unescaped) <= width


def test_hostile_group_names_are_drawn_as_text():
    for figure in (
        rates_figure(rates_of([(HOSTILE, 3, 100.0), (HOSTILE + "2", 0, 50.0)])),
        rates_figure(rates_of([(HOSTILE, 3, 100.0)], by="job_size")),
        survival_figure(survival_of({HOSTILE: [10.0, 20.0]})),
        failures_figure(
            Failures(
                "attempt", "", 1, ({"week": np.datetime64("2026-01-05").item(), "cause": HOSTILE, "failures": 1},), ()
            )
        ),
    ):
        assert not [text for text in drawn_texts(figure) if "<b onclick" in text]
        assert any("&lt;b onclick" in text for text in drawn_texts(figure))


def test_names_of_a_log_never_stand_in_a_hover_template():
    figure = rates_figure(rates_of([("%{x}", 3, 100.0)]))
    assert figure.data[0].customdata[0][0] == "%{x}"
    assert figure.data[0].hovertemplate.count("%{x}") == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(1.0, 1e5)), min_size=1, max_size=12))
def test_every_group_is_drawn_once_with_its_interval(groups):
    rates = rates_of([(f"r{number}", k, days) for number, (k, days) in enumerate(groups)])
    figure = rates_figure(rates)
    assert sum(len(trace.x) for trace in figure.data) == len(groups)
    for trace in figure.data:
        low = np.asarray(trace.x) - np.asarray(trace.error_x.arrayminus)
        assert np.all(low <= np.asarray(trace.x) + 1e-9)
        assert np.all(low >= -1e-9)


def test_a_group_without_a_failure_is_drawn_as_an_upper_bound():
    figure = rates_figure(rates_of([("a", 30, 100.0), ("b", 0, 100.0)]))
    bound = next(trace for trace in figure.data if "upper bound" in trace.name)
    assert bound.marker.symbol == "triangle-left-open"
    assert bound.x[0] == pytest.approx(poisson_rate(0, 100.0).high_per_1000_days)
    assert bound.error_x.arrayminus[0] == bound.x[0]


def test_a_group_hardly_exposed_does_not_flatten_the_others():
    figure = rates_figure(rates_of([("a", 30, 1000.0), ("b", 0, 0.1)]))
    assert figure.layout.xaxis.range[1] < 1.2 * poisson_rate(30, 1000.0).high_per_1000_days


def test_of_many_groups_the_worst_are_drawn_and_the_subtitle_says_so():
    figure = rates_figure(rates_of([(f"n{number}", 1, 10.0 + number) for number in range(500)]))
    assert sum(len(trace.x) for trace in figure.data) == 40
    assert "the worst 40 of 500 groups" in headline(figure)[1]


@given(st.lists(st.floats(1.0, 1e4), min_size=2, max_size=60))
def test_a_survival_band_holds_its_curve(exits):
    low, high, line = survival_figure(survival_of({"all": exits})).data
    assert np.all(np.asarray(low.y) <= np.asarray(line.y) + 1e-12)
    assert np.all(np.asarray(line.y) <= np.asarray(high.y) + 1e-12)
    assert high.fill == "tonexty"


def test_the_numbers_at_risk_stand_under_the_curves():
    figure = survival_figure(survival_of({"old": [10.0, 20.0, 30.0], "new": [15.0]}))
    numbers = [note.text for note in figure.layout.annotations]
    assert numbers[0] == "at risk"
    assert numbers[1:3] == ["3", "3"]
    assert len(numbers) == 1 + 2 * 6
    assert numbers[-1] == "0"


def test_a_long_curve_is_thinned_to_what_the_eye_can_tell():
    line = survival_figure(survival_of({"all": [float(hour) for hour in range(1, 5000)]})).data[2]
    assert len(line.x) <= 800
    assert line.y[-1] == 0


def test_the_plan_curve_passes_through_the_planned_point():
    planned = plan(16_000, FailureRate(6.5, 5.0, 8.0, 40, 6154.0, 0.9), checkpoint_write_seconds=120)
    figure = plan_figure(planned)
    lines = [trace for trace in figure.data if trace.name]
    for line, expected in zip(lines, (planned.ettr_v1, planned.ettr_v2), strict=True):
        assert np.interp(60.0, line.x, line.y) == pytest.approx(expected, abs=2e-3)
    assert sum(trace.fill == "tonexty" for trace in figure.data) == 2


def test_a_given_rate_has_no_band_and_says_that_it_was_given():
    figure = size_figure(plan(16_000, FailureRate(6.5)))
    assert not [trace for trace in figure.data if trace.fill]
    assert "given" in headline(figure)[1]


def test_larger_runs_never_expect_more():
    line = next(trace for trace in size_figure(plan(16_000, FailureRate(6.5))).data if trace.name)
    assert np.all(np.diff(line.y) <= 1e-12)


def test_node_time_lost_adds_up_to_what_was_not_up(lake):
    overview = rel.overview(lake)
    figure = availability_figure(overview)
    drawn = np.sum([trace.y for trace in figure.data], axis=0)
    expected = [1 - day["up_node_days"] / day["in_service_node_days"] for day in overview.days]
    np.testing.assert_allclose(drawn, expected, atol=1e-9)


def test_shares_of_job_states_add_up_to_one(lake):
    for trace in states_figure(rel.overview(lake)).data:
        assert sum(trace.x) == pytest.approx(1.0)


def test_weekly_bars_add_up_to_the_infrastructure_failures(lake):
    found, by_cause = failures(lake), rel.causes(lake)
    drawn = sum(sum(trace.y) for trace in failures_figure(found).data)
    assert drawn == by_cause.infrastructure_failures
    assert found.total == sum(cause.failures for cause in by_cause.causes)


def test_every_answer_draws_itself_with_n_and_confidence(lake):
    lives = (rel.survival(lake, "gpu", by="batch"), rel.lifetime_fits(lake, "gpu"))
    for answer in (rel.rates(lake), rel.causes(lake), *lives):
        subtitle = headline(answer.figure())[1]
        assert "90%" in subtitle
        assert any(character.isdigit() for character in subtitle.replace("90%", ""))


def test_a_job_with_hostile_evidence_is_drawn_as_text(lake):
    figure = rel.job_verdict(lake, "1000").figure()
    assert any("&lt;img" in text for text in drawn_texts(figure))
    assert not any("<img" in text for text in drawn_texts(figure))


def test_coverage_names_each_cluster_where_there_are_several(tmp_path):
    jobs = [{"cluster": name, "nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"} for name in ("a",)]
    lake = build_lake(tmp_path / "lake", cluster="a", jobs=jobs)
    figure = rel.status(lake).figure()
    assert list(figure.layout.yaxis.ticktext) == ["jobs"]


def test_a_theme_changes_colours_and_nothing_else():
    figure = rates_figure(rates_of([("a", 3, 100.0)]))
    dark = themed(figure, dark=True)
    assert dark.data == figure.data
    assert dark.layout.template.layout.paper_bgcolor != figure.layout.template.layout.paper_bgcolor
    assert figure.layout.template.layout.paper_bgcolor == "#ffffff"


def test_without_its_headline_a_figure_keeps_everything_else():
    figure = survival_figure(survival_of({"old": [10.0, 20.0]}))
    bare = without_headline(figure)
    assert bare.layout.title.text is None
    assert bare.layout.margin.b == figure.layout.margin.b
    assert figure.layout.title.text


def test_legend_and_subtitle_have_room_above_the_plot():
    short, long = new_figure("t", "word " * 5), new_figure("t", "word " * 60)
    assert long.layout.title.subtitle.text.count("<br>") >= 2
    assert short.layout.title.subtitle.text.count("<br>") == 0


# Simulation of full dichromacy in linear light: Machado, Oliveira and Fernandes (2009), severity 1.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light):
    ratio = (XYZ @ np.clip(light, 0, 1)) / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["full colour", "no green", "no red"])
def test_any_two_colours_are_told_apart(seen):
    for one, other in itertools.combinations(PALETTE, 2):
        assert np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other))) > 15, (one, other)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_shows_on_its_background(scheme):
    luminance = lambda colour: float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))  # noqa: E731
    layout = TEMPLATES[scheme].layout
    paper = luminance(layout.paper_bgcolor)

    def contrast(colour):
        darker, lighter = sorted([paper, luminance(colour)])
        return (lighter + 0.05) / (darker + 0.05)

    assert contrast(layout.font.color) >= 7
    assert contrast(layout.xaxis.tickfont.color) >= 4.5
    for colour in PALETTE:
        assert contrast(colour) >= 1.9, colour
