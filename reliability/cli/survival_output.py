"""The tables that ``reliability survival`` prints for people, one function per kind of answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any

from reliability.analyses.answer import Answer
from reliability.analyses.hazard_ratios import HazardRatios
from reliability.analyses.hazards import Hazards
from reliability.analyses.incidence import Incidences
from reliability.analyses.lifetime_models import LifetimeFits
from reliability.analyses.spares import Spares
from reliability.analyses.survival import Survival
from reliability.cli.output import print_table

Row = dict[str, Any]


@singledispatch
def print_for_people(found: Answer) -> list[str]:
    """Print an answer's tables and return what else is to be said, line by line."""
    print_table(found.rows())
    return []


@print_for_people.register
def _(found: Survival) -> list[str]:
    _print(found.summary())
    print()
    print_table(found.milestones(), title="survival at round ages")
    if found.differences:
        print()
        _print(found.difference_rows(), title="mean within the horizon, against the largest group")
    horizon = f"The means count hours up to an age of {found.horizon_hours:,.0f} h." if found.horizon_hours else ""
    told = [text for text in (found.comparison(), horizon) if text]
    warned = _warned((curve["group"], curve["warnings"]) for curve in found.summary())
    return [*warned, *told, "--json or --csv prints every step of the curves."]


@print_for_people.register
def _(found: Hazards) -> list[str]:
    print_table(found.bins(), title="failure rate by age")
    print()
    _print(found.summary(), title="cumulative hazard at the end of the curve")
    warned = _warned((row["group"], row["warnings"]) for row in found.summary())
    return [*warned, "--json or --csv prints every step of the curves."]


@print_for_people.register
def _(found: Incidences) -> list[str]:
    _print(found.summary())
    print()
    print_table(found.milestones(), title="share failed by each cause at round ages")
    return _warned((f"{row['group']}, {row['cause']}", row["warnings"]) for row in found.summary())


@print_for_people.register
def _(found: LifetimeFits) -> list[str]:
    columns = ("group", "lives", "events", "family", "aic", "largest_distance_from_km", "goodness_p")
    print_table(found.rows(), columns)
    print()
    lives = (
        "group",
        *(f"{name}{limit}_hours" for name in ("median", "mean", "b10") for limit in ("", "_low", "_high")),
    )
    print_table(found.rows(), lives, title="median, mean and B10 life")
    print()
    print_table(found.parameter_rows(), title="parameters")
    print()
    print_table(found.residual_rows(), title="mean residual life of a unit that has reached an age")
    if any(row["delta_aic"] > 0 for row in found.ranking()):
        print()
        print_table(found.ranking(), title="families, the best by AIC first")
    return _warned((row["group"], row["warnings"]) for row in found.rows())


@print_for_people.register
def _(found: HazardRatios) -> list[str]:
    print_table(found.rows())
    together = found.proportional
    told = [f"{found.events:,} failures of {found.lives:,} lives."]
    if found.clusters:
        told.append(f"Errors are robust over {found.clusters:,} hosts.")
    if together is not None:
        told.append(f"Proportional hazards, all terms together: p = {together.p_value:.2g}.")
    if found.hosts is not None:
        hosts = found.hosts
        told.append(
            f"Variance of the factors of {hosts.hosts:,} hosts: {hosts.variance:.3g} ({hosts.low:.3g} to "
            f"{hosts.high:.3g}), p = {hosts.p_value:.2g}."
        )
    return [*(f"Caution: {warning}." for warning in found.warnings), *told]


@print_for_people.register
def _(found: Spares) -> list[str]:
    _print(found.rows())
    days = found.horizon_hours / 24.0
    total = found.total.forecast
    told = (
        f"In the next {days:,.4g} days {total.failures:,.4g} of {total.units:,.0f} units are expected to fail; between "
        f"{total.low:,} and {total.high:,} with {found.confidence:.0%}."
    )
    return [*_warned((row["group"], row["warnings"]) for row in found.rows()[: len(found.groups)]), told]


def _print(rows: Sequence[Row], title: str | None = None) -> None:
    """Print rows without their warnings, which are sentences."""
    names = [name for name in rows[0] if name != "warnings"] if rows else []
    print_table(rows, names, title=title)


def _warned(groups: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    return [f"Caution, {group}: {warning}." for group, warnings in groups for warning in warnings]
