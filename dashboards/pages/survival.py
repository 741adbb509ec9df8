"""How long does it live: curves, failure rate over age, fitted distributions, causes, hazard ratios, spares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, heading, notice, period_input, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.hazard_ratios import hazard_regression
from reliability.analyses.life_question import LIVING, LifeQuestion, life_groups
from reliability.analyses.life_story import LifeStory, life_story
from reliability.analyses.lifetime_models import AUTO, FAMILY_NAMES
from reliability.analyses.spares import SUFFICIENT
from reliability.figures.hazards import cumulative_hazard_figure
from reliability.figures.life_curves import plural_of
from reliability.figures.lifetime_models import hazard_figure, probability_figure
from reliability.figures.theme import percent
from reliability.report.numbers import interval, number

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from models.lifetimes.parametric.estimates import Estimate
    from reliability.lake import Lake

_ALL: Final = "all"
_KM: Final = "km"
_NA: Final = "na"
_MODELS: Final = {
    _KM: "Kaplan–Meier",
    _NA: "cumulative hazard",
    AUTO: "best distribution",
    **{name: name.replace("-", " ") for name in FAMILY_NAMES},
}
_COLUMNS: Final = (
    ("group", "Group", 110),
    ("units", "Units", 85),
    ("failures", "Failures", 95),
    ("family", "Distribution", 175),
    ("median", "Median (h)", 215),
    ("mean", "Mean (h)", 215),
    ("b10", "10% have failed by (h)", 215),
    ("shape", "Shape", 150),
)


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    kinds = answers.ask(living)
    component = query.get("component", "")
    if component not in kinds:
        component = "gpu" if "gpu" in kinds else kinds[0]
    model = query.get("model", AUTO)
    covariates = [name for name in query.get("covariates", "").split(",") if name]
    return html.Div(
        [
            dmc.Group(
                [
                    heading(PAGE.title, PAGE.description),
                    dmc.Group(
                        [
                            _select("survival-component", "Of", {kind: plural_of(kind) for kind in kinds}, component),
                            _select("survival-by", "By", {_ALL: "one group"}, query.get("by", _ALL)),
                            _select("survival-model", "Model", _MODELS, model if model in _MODELS else AUTO),
                            dmc.MultiSelect(
                                id="survival-covariates",
                                label="Hazard ratios of",
                                placeholder="columns",
                                data=covariates,
                                value=covariates,
                                clearable=True,
                                w=220,
                            ),
                            period_input("survival-period", day_in(query, "from"), day_in(query, "to")),
                        ]
                    ),
                ],
                justify="space-between",
                align="flex-end",
            ),
            dcc.Store(id="survival-address"),
            dcc.Loading(html.Div(id="survival-content"), delay_show=300, type="dot"),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "survival-address")

    @app.callback(
        Output("survival-by", "data"),
        Output("survival-by", "value"),
        Output("survival-covariates", "data"),
        Output("survival-covariates", "value"),
        Input("survival-component", "value"),
        Input("survival-by", "value"),
        Input("survival-covariates", "value"),
    )
    def offer(component: str, by: str, covariates: list[str] | None) -> tuple[Any, ...]:
        groups = answers.ask(groups_of_lives, component)
        kept = [name for name in covariates or () if name in groups]
        return (
            [{"value": _ALL, "label": "one group"}, *({"value": name, "label": _spelled(name)} for name in groups)],
            by if by in groups else _ALL,
            [{"value": name, "label": _spelled(name)} for name in groups],
            kept,
        )

    @app.callback(
        Output("survival-content", "children"),
        Output("survival-address", "data"),
        Input("survival-component", "value"),
        Input("survival-by", "value"),
        Input("survival-model", "value"),
        Input("survival-covariates", "value"),
        Input("survival-period", "value"),
        Input("scheme", "data"),
    )
    def show(
        component: str,
        by: str,
        model: str,
        covariates: list[str] | None,
        period: list[str | None] | None,
        scheme: str | None,
    ) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        group = None if by == _ALL else by
        chosen = tuple(covariates or ())
        content = answered(lambda: _content(answers, component, group, model, chosen, window_of(first, last), scheme))
        address = {
            "component": component,
            "by": group,
            "model": None if model == AUTO else model,
            "covariates": ",".join(chosen) or None,
            "from": first,
            "to": last,
        }
        return content, write_query(address)


def living(lake: Lake) -> tuple[str, ...]:
    """Return what this lake may know lives of: what is inventoried, GPUs and nodes."""
    with closing(LifeQuestion().engine(lake)) as engine:
        told = {str(row["component"]) for row in engine.rows("SELECT DISTINCT component FROM components")}
    return tuple(kind for kind in LIVING if kind in {*told, "gpu", "node", "repair"})


def groups_of_lives(lake: Lake, component: str) -> tuple[str, ...]:
    """Return what lives of a component can be grouped by in this lake."""
    with closing(LifeQuestion(component).engine(lake)) as engine:
        return life_groups(engine, component)


def _content(
    answers: Answers,
    component: str,
    by: str | None,
    model: str,
    covariates: tuple[str, ...],
    window: dict[str, Any],
    scheme: str,
) -> Component:
    dark = scheme == "dark"
    family = model if model in FAMILY_NAMES else AUTO
    story = answers.ask(life_story, component, by=by, family=family, **window)
    curves, rates, fits = story.survival, story.hazards, story.fits
    charts = [
        chart("survival-curves", _main(story, model), curves.definition, dark=dark, wide=True),
        chart("survival-bathtub", rates.figure(), f"{rates.definition} {_BATHTUB}", dark=dark),
    ]
    if model not in (_KM, _NA) and any(fit.fit for fit in fits.fits):
        charts += [
            chart("survival-hazard", hazard_figure(fits), fits.definition, dark=dark),
            chart("survival-plot", probability_figure(fits), _PAPER, dark=dark),
        ]
    if any(group.causes for group in story.incidence.groups):
        charts.append(chart("survival-causes", story.incidence.figure(), story.incidence.definition, dark=dark))
    if story.spares is not None:
        charts.append(chart("survival-spares", story.spares.figure(), story.spares.definition, dark=dark))
    comparison = curves.comparison()
    return html.Div(
        [
            _tiles(story),
            *([_spaced(notice(comparison))] if comparison else []),
            html.Div(charts, className="charts"),
            *([answered(lambda: _forest(answers, component, covariates, window, dark=dark))] if covariates else []),
            _table(story, scheme),
        ]
    )


_BATHTUB: Final = (
    "The rate is failures over time at risk within each bin of age; bins hold about as "
    "many failures each, bands are exact."
)
_PAPER: Final = (
    "Kaplan–Meier points on scales on which the fitted distribution is a straight line: where points leave its band, "
    "the distribution does not describe the lives."
)


def _main(story: LifeStory, model: str) -> go.Figure:
    """Return the chart of the model asked for."""
    match model:
        case "km":
            return story.survival.figure()
        case "na":
            return cumulative_hazard_figure(story.hazards)
        case _:
            return story.fits.figure()


def _forest(
    answers: Answers, component: str, covariates: tuple[str, ...], window: dict[str, Any], *, dark: bool
) -> Component:
    found = answers.ask(hazard_regression, component, covariates, **window)
    cautions = " ".join(f"Caution: {warning}." for warning in found.warnings)
    drawn = chart("survival-forest", found.figure(), f"{found.definition} {cautions}", dark=dark, wide=True)
    cautions_shown = [notice(f"{_capital(warning)}.", colour="yellow") for warning in found.warnings]
    return html.Div([html.Div(drawn, className="charts"), *(_spaced(shown) for shown in cautions_shown)])


def _tiles(story: LifeStory) -> Component:
    curves = story.survival
    lives = sum(group.lives for group in curves.curves)
    events = sum(group.events for group in curves.curves)
    ended = "ended" if curves.component == "repair" else "failed"
    made = [tile("survival-lives", _capital(plural_of(curves.component)), f"{lives:,}", f"{events:,} {ended}")]
    largest = max(curves.curves, key=lambda group: group.lives)
    if largest.mean is not None:
        of = "" if len(curves.curves) == 1 else f" of {largest.group}"
        limits = f"{number(largest.mean.low_hours)}–{number(largest.mean.high_hours)} h, {percent(curves.confidence)}"
        made.append(
            tile(
                "survival-mean",
                f"Mean{of} up to {largest.mean.horizon_hours:,.0f} h",
                f"{number(largest.mean.mean_hours)} h",
                limits,
            )
        )
    if story.spares is not None:
        total = story.spares.total.forecast
        days = story.spares.horizon_hours / 24.0
        made.append(
            tile(
                "survival-forecast",
                f"Failures in the next {days:,.4g} days",
                f"{total.failures:,.3g}",
                f"{total.low:,}–{total.high:,} of {total.units:,.0f} in service, {percent(story.spares.confidence)} "
                f"prediction; {total.spares_for(SUFFICIENT):,} spares suffice with {percent(SUFFICIENT)}",
            )
        )
    return tiles(made)


def _table(story: LifeStory, scheme: str) -> Component:
    made: Component = dmc.Paper(
        [
            html.H2("Fitted distributions", className="card-title"),
            dmc.Text(f"{percent(story.fits.confidence)} intervals in parentheses", size="xs", c="dimmed"),
            grid(
                "survival-fits",
                _rows(story),
                [{"field": field, "headerName": name, "width": width} for field, name, width in _COLUMNS],
                scheme,
                height=None,
            ),
            html.Ul([html.Li(text) for text in _cautions(story)], style={"fontSize": "13px"}),
        ],
        className="card",
    )
    return made


def _rows(story: LifeStory) -> list[dict[str, Any]]:
    return [
        {
            "group": fit.group,
            "units": fit.lives,
            "failures": fit.events,
            "family": fit.fit.family.name if fit.fit else "none",
            "median": _text(fit.median_hours),
            "mean": _text(fit.mean_hours),
            "b10": _text(fit.b10_hours),
            "shape": _text(fit.parameters.get("shape")),
        }
        for fit in story.fits.fits
    ]


def _cautions(story: LifeStory) -> list[str]:
    """Return what to know of each group before trusting its numbers."""
    curves = {group.group: group.curve for group in story.survival.curves}
    several = len(story.fits.fits) > 1
    return [
        f"{f'{fit.group}: ' if several else ''}{warning if several else _capital(warning)}."
        for fit in story.fits.fits
        for warning in (*fit.warnings, *curves[fit.group].warnings)
    ]


def _spaced(shown: Component) -> Component:
    return html.Div(shown, style={"margin": "16px 0"})


def _text(estimate: Estimate | None) -> str:
    return interval(estimate.value, estimate.low, estimate.high) if estimate else "–"


def _select(element_id: str, name: str, options: Mapping[str, str], value: str) -> Component:
    listed = options if value in options else {**options, value: _spelled(value)}
    made: Component = dmc.Select(
        id=element_id,
        label=name,
        data=[{"value": key, "label": text} for key, text in listed.items()],
        value=value,
        allowDeselect=False,
        w=180,
    )
    return made


def _spelled(name: str) -> str:
    return name.replace("_", " ")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


PAGE = Page(
    "/survival", "Survival", "How long things live, what they die of, and how many spares that means.", layout, register
)
