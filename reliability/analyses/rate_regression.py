"""What a rate depends on: Poisson or negative binomial regression of failures on what is known of the units."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from models.regression.counts import CountRegression, Family, count_regression
from reliability.analyses.answer import Answer
from reliability.analyses.rate_question import PERIODS, RateQuestion, inventory_groups
from reliability.analyses.unit_keys import unit_keys
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

#: covariates that are worked out, beside what the logs say of a unit
UTILISATION: Final = "utilisation"
AGE: Final = "age_years"
_MICROS_PER_YEAR: Final = 365.25 * 8.64e10
_UNKNOWN: Final = "unknown"
#: up to as many distinct numbers are levels of their own
_MOST_LEVELS: Final = 8


@dataclass(frozen=True, slots=True)
class RateRegression(Answer):
    """Rate ratios: how much the rate multiplies per unit of a covariate, or in a level against the reference."""

    of: str
    unit: str
    definition: str
    covariates: tuple[str, ...]
    fit: CountRegression
    units: int

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per effect."""
        return [
            {
                "effect": ratio.column,
                "rate_ratio": ratio.ratio,
                "low": ratio.low,
                "high": ratio.high,
                "p_value": ratio.p_value,
                "reference": self.fit.references.get(ratio.covariate),
            }
            for ratio in self.fit.ratios
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "of": self.of,
            "definition": self.definition,
            "covariates": list(self.covariates),
            "family": self.fit.family,
            "confidence": self.fit.confidence,
            "interval": "cluster-robust by unit (Wald)",
            f"baseline_rate_per_1000_{self.unit}_days": 1000.0 * self.fit.baseline_rate_per_day,
            "references": dict(self.fit.references),
            "failures": self.fit.failures,
            f"exposure_{self.unit}_days": self.fit.exposure_days,
            "units": self.units,
            "pearson_dispersion": self.fit.pearson_dispersion,
            "deviance": self.fit.deviance,
            "log_likelihood": self.fit.log_likelihood,
            "warnings": list(self.fit.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the rate ratios with their intervals."""
        from reliability.figures.rate_regression import regression_figure  # noqa: PLC0415 - figures read results

        return regression_figure(self)


def rate_regression(
    lake: Lake,
    of: str,
    covariates: tuple[str, ...],
    *,
    family: Family = "poisson",
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> RateRegression:
    """Regress the failures of units on covariates, with their exposure as offset.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    of
        ``node`` or a component of the schema.
    covariates
        What the fleet or an inventory says of units (``gpu_model``, ``rack``, ``cage``, ``firmware``, …; many distinct
        numbers enter as numbers, few as levels), ``utilisation`` (share of a node's time in which a job ran on it) and
        ``age_years`` (by month of observation, since a unit was first seen in service).
    family
        ``negative binomial`` allows units to differ beyond the covariates.
    where, confidence, from_utc, to_utc
        As in :func:`~reliability.analyses.rates.rates`.

    Raises
    ------
    BadOptionError
        If ``of`` is ``attempt``, or a covariate is not known.
    NoDataError
        If nothing was at risk.
    ModelError
        If the effects cannot be estimated; the message says why.
    """
    if of == "attempt":
        raise BadOptionError("--of", of, "node or a component: the rates of jobs are asked by group")
    question = RateQuestion(of, "month" if AGE in covariates else None, where, 0, confidence, from_utc, to_utc)
    with closing(DuckDBEngine(lake, question.parameters())) as engine:
        question.check(engine)
        question.name_risk(engine)
        inventory = () if of == "node" else inventory_groups(engine, of)
        cells, columns = _of_stays(engine, inventory, covariates) if inventory else _of_nodes(engine, covariates)
        if AGE in covariates:
            columns[AGE] = _ages(cells, engine.columns("stretches_at_risk"))
    if not cells["unit"].size:
        raise NoDataError(f"rates --of {of} --covariates", question.needs())
    names = unit_keys(cells)
    fit = count_regression(
        cells["failures"],
        cells["exposure_days"],
        {name: columns[name] for name in covariates},
        family,
        cluster=names,
        confidence=confidence,
    )
    return RateRegression(
        of=of,
        unit=question.unit(has_inventory=bool(inventory)),
        definition=question.definition(has_inventory=bool(inventory)),
        covariates=covariates,
        fit=fit,
        units=np.unique(names).size,
    )


Columns = dict[str, npt.NDArray[Any]]


def _of_stays(engine: DuckDBEngine, inventory: tuple[str, ...], covariates: tuple[str, ...]) -> tuple[Columns, Columns]:
    """Return exposure and failures of components where they were, and what their stays say."""
    asked = [name for name in covariates if name != AGE]
    for name in asked:
        if name not in inventory or name in ("symptom", *PERIODS):
            known = [known for known in inventory if known not in ("symptom", *PERIODS)]
            raise BadOptionError("--covariates", name, f"of {AGE}, {', '.join(known)}")
    cells = engine.columns("component_cells", names=asked)
    told = cells["covariates"]
    return cells, {
        name: _numbers(np.array([_UNKNOWN if row[at] is None else row[at] for row in told], dtype=np.str_))
        for at, name in enumerate(asked)
    }


def _of_nodes(engine: DuckDBEngine, covariates: tuple[str, ...]) -> tuple[Columns, Columns]:
    """Return exposure and failures of nodes, and what is known of them."""
    cells, told = engine.columns("units_at_risk"), engine.columns("unit_covariates")
    busy = engine.columns("node_utilisation") if UTILISATION in covariates else {"unit": np.empty(0)}
    names, known = unit_keys(cells), sorted({*told["name"].astype(str)})
    columns: Columns = {}
    for name in covariates:
        if name == UTILISATION and busy["unit"].size:
            columns[name] = _looked_up(names, unit_keys(busy), busy["utilisation"].astype(float), 0.0)
        elif name in known:
            mine = told["name"].astype(str) == name
            of_name = {key: values[mine] for key, values in told.items()}
            columns[name] = _numbers(_looked_up(names, unit_keys(of_name), of_name["value"].astype(str), _UNKNOWN))
        elif name != AGE:
            raise BadOptionError(
                "--covariates", name, f"of {UTILISATION} (where there are jobs), {AGE}, {', '.join(known)}"
            )
    return cells, columns


def _looked_up(
    names: npt.NDArray[np.str_], keys: npt.NDArray[np.str_], values: npt.NDArray[Any], missing: object
) -> npt.NDArray[Any]:
    table = dict(zip(keys.tolist(), values.tolist(), strict=True))
    return np.array([table.get(name, missing) for name in names.tolist()])


def _numbers(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values as numbers if all of them are and they are many; few are levels (a cage, a position)."""
    if np.unique(values).size <= _MOST_LEVELS:
        return values
    try:
        return values.astype(float)
    except ValueError:
        return values


def _ages(units: dict[str, npt.NDArray[Any]], stretches: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Return each unit's age in the middle of its time at risk in a month, since it was first seen in service."""
    owner = np.unique(unit_keys(stretches), return_inverse=True)
    first = np.full(owner[0].size, np.inf)
    np.minimum.at(first, owner[1], stretches["from_micros"])
    period = np.char.add(np.char.add(stretches["group_name"].astype(str), "|"), unit_keys(stretches))
    cells, cell = np.unique(period, return_inverse=True)
    middle = (stretches["from_micros"] + stretches["to_micros"]) / 2.0
    length = (stretches["to_micros"] - stretches["from_micros"]).astype(float)
    weighted = np.bincount(cell, (middle - first[owner[1]]) * length) / np.bincount(cell, length)
    wanted = np.char.add(np.char.add(units["group_name"].astype(str), "|"), unit_keys(units))
    return _looked_up(wanted, cells, weighted / _MICROS_PER_YEAR, 0.0).astype(float)
