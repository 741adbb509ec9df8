"""``reliability rates``: how often does it fail, how has that changed, and what does it depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    MinGpusOption,
    ToOption,
    WhereOption,
    moment,
    where,
)
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from reliability.analyses.answer import Answer
    from reliability.analyses.rates import Rates
    from reliability.lake import Lake

#: columns of the table for people; the machine forms have all
_HIDDEN = ("p_value", "ratio_low", "ratio_high", "shrunk_low", "shrunk_high", "dispersion")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rates)


def rates(
    of: Annotated[str, typer.Option("--of", help="node, attempt, or a component: gpu, nic, disk, …")] = "node",
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help="Group by this column.")] = None,
    condition: WhereOption = None,
    min_gpus: MinGpusOption = 0,
    history: Annotated[
        bool, typer.Option("--history", help="The rate over time: trailing window, changes, tests of a trend, growth.")
    ] = False,
    window_days: Annotated[
        int, typer.Option("--window-days", min=1, help="With --history: length of the trailing window.")
    ] = 30,
    accumulation: Annotated[
        bool, typer.Option("--accumulation", help="Failures per unit by time in service (mean cumulative function).")
    ] = False,
    covariates: Annotated[
        str | None,
        typer.Option(
            "--covariates",
            metavar="A,B,…",
            help="Regress the rate on these: attributes of nodes or components, utilisation, age_years.",
        ),
    ] = None,
    family: Annotated[
        str, typer.Option("--family", help="With --covariates: poisson or 'negative binomial'.")
    ] = "poisson",
    calendar_zone: Annotated[
        str, typer.Option("--calendar-zone", metavar="ZONE", help="At whose midnight days, months and quarters begin.")
    ] = "UTC",
    interval: Annotated[
        Literal["exact", "mid-p"],
        typer.Option("--interval", help="Of rates by group: exact, or mid-p (shorter, holds about its level)."),
    ] = "exact",
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    fail_on: Annotated[
        float | None,
        typer.Option(
            "--fail-on", metavar="RATE", help="Exit 1 if a group's whole interval lies above RATE per 1000 days."
        ),
    ] = None,
    figure: Annotated[str | None, typer.Option("--figure", metavar="FILE", help="Write the figure, as HTML.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> int:
    """How often does it fail: rates with exact and robust intervals, MTTF, their course, and what they depend on."""
    from reliability.lake import open_lake  # noqa: PLC0415 - keeps --help instant

    if sum([history, accumulation, covariates is not None]) > 1:
        raise BadOptionError(
            "--history", "", "alone: --history, --accumulation and --covariates are different questions"
        )
    if fail_on is not None and (history or accumulation or covariates is not None):
        raise BadOptionError("--fail-on", fail_on, "a threshold for rates by group")
    opened = open_lake(lake)
    options: dict[str, Any] = {
        "where": where(condition),
        "confidence": confidence,
        "from_utc": moment("--from", from_time),
        "to_utc": moment("--to", to_time),
    }
    quiet = as_json or as_csv
    found: Answer
    crossed: list[str] = []
    if history:
        found = _history(opened, of, window_days, min_gpus, options, quiet=quiet)
    elif accumulation:
        found = _accumulation(opened, of, by, options, quiet=quiet)
    elif covariates is not None:
        names = tuple(name.strip() for name in covariates.split(","))
        found = _regression(opened, of, names, family, options, quiet=quiet)
    else:
        from reliability.analyses.rates import rates as ask  # noqa: PLC0415

        by_group = ask(opened, of, by=by, min_gpus=min_gpus, calendar_zone=calendar_zone, interval=interval, **options)
        if not quiet:
            _show(by_group, confidence)
        found, crossed = by_group, _above(by_group, fail_on)
    if quiet:
        print_answer(found, as_json=as_json, as_csv=as_csv)
    if figure is not None:
        from reliability.cli.faces import write_figure  # noqa: PLC0415

        write_figure(found.figure(), figure)
    notes(f"above {fail_on:g} per 1000 days: {group}" for group in crossed)
    return 1 if crossed else 0


def _above(found: Rates, fail_on: float | None) -> list[str]:
    """Return the groups whose whole interval lies above a threshold."""
    if fail_on is None:
        return []
    return [g.group for g in found.groups if g.estimate and g.estimate.low_per_1000_days > fail_on]


def _show(found: Rates, confidence: float) -> None:
    rows = found.rows()
    # The robust interval is for reading where it says something else than the exact one.
    wider = any(group.robust and group.robust.dispersion > 1 for group in found.groups)
    hidden = _HIDDEN if wider else (*_HIDDEN, "robust_low", "robust_high")
    print_table(rows, [name for name in rows[0] if name not in hidden])
    note(
        f"{found.definition} Intervals: {found.interval} Poisson, {confidence:.0%}; robust: failures clustered by unit "
        "and day."
    )
    if found.equal_rates_p is not None:
        note(
            f"All groups have one rate: p = {found.equal_rates_p:.2g}. Ratios are to all other groups together; their "
            "p-values are adjusted for the number of groups (Holm). Shrunk rates are drawn towards the fleet's."
        )
    notes(f"warning: {warning}" for warning in found.warnings)


def _history(lake: Lake, of: str, window_days: int, min_gpus: int, options: dict[str, Any], *, quiet: bool) -> Answer:
    from reliability.analyses.rate_history import rate_history  # noqa: PLC0415

    found = rate_history(lake, of, window_days=window_days, min_gpus=min_gpus, **options)
    if quiet:
        return found
    print_table(found.rows()[:: max(1, window_days)], title=f"rate of the last {found.rolling.window_days} days")
    print()
    print_table(found.change_rows(), title="changes of the rate")
    print()
    print_table(found.trend_rows(), title="tests of a trend (score above 0: more frequent)")
    for title in ("growth", "gaps"):
        model = found.document()[title]
        if model:
            print()
            print_table([{name: value for name, value in model.items() if name != "warnings"}], title=title)
    note(f"{found.definition} --json or --csv prints every day.")
    notes(f"warning: {warning}" for warning in found.warnings)
    return found


def _accumulation(lake: Lake, of: str, by: str | None, options: dict[str, Any], *, quiet: bool) -> Answer:
    from reliability.analyses.accumulation import accumulation  # noqa: PLC0415

    found = accumulation(lake, of, by=by, **options)
    if not quiet:
        print_table(found.rows(), title="failures per unit at round ages")
        note(f"{found.definition} --json prints every step of the curves.")
        if found.difference is not None:
            note(f"Both groups have one curve: p = {found.difference.p_value:.2g}.")
        notes(f"warning: {group.group}: {group.refusal}" for group in found.groups if group.refusal)
    return found


def _regression(
    lake: Lake, of: str, names: tuple[str, ...], family: str, options: dict[str, Any], *, quiet: bool
) -> Answer:
    from reliability.analyses.rate_regression import rate_regression  # noqa: PLC0415

    if family not in ("poisson", "negative binomial"):
        raise BadOptionError("--family", family, "poisson or 'negative binomial'")
    found = rate_regression(lake, of, names, family=family, **options)  # type: ignore[arg-type]  # checked above
    if not quiet:
        print_table(found.rows())
        note(
            f"{found.definition} Rate ratios against the reference level, or per unit of a number; {found.fit.family} "
            f"regression over {found.units:,} units, intervals robust by unit, {found.fit.confidence:.0%}."
        )
        notes(f"warning: {warning}" for warning in found.fit.warnings)
    return found
