"""``reliability survival``: how long does it live, what does it die of, what makes it live longer, how many spares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    ToOption,
    WhereOption,
    duration_seconds,
    moment,
    where,
)
from reliability.cli.output import note, notes, print_answer
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from reliability.lake import Lake

_REGRESSIONS: Final = ("cox", "fine-gray", "frailty")
_MODELS: Final = "km, na, incidence, auto, a distribution (exponential, weibull, …), cox, fine-gray or frailty"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(survival)


def survival(
    component: Annotated[
        str, typer.Option("--component", help="node, gpu, a component with an inventory, or repair (outages of nodes).")
    ] = "gpu",
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help="Group by this attribute.")] = None,
    model: Annotated[str, typer.Option("--model", help=_MODELS)] = "km",
    covariates: Annotated[
        str | None,
        typer.Option(
            "--covariates", metavar="A,B", help="Columns that may change the hazard, for cox, fine-gray, frailty."
        ),
    ] = None,
    strata: Annotated[
        str | None, typer.Option("--strata", metavar="COLUMN", help="Column with a baseline per value, for cox.")
    ] = None,
    cause: Annotated[
        str | None, typer.Option("--cause", metavar="SYMPTOM", help="Failures that count, for cox and fine-gray.")
    ] = None,
    horizon: Annotated[
        str | None, typer.Option("--horizon", metavar="TIME", help="Age up to which mean lives are taken, such as 90d.")
    ] = None,
    interval: Annotated[str, typer.Option("--interval", help="Band of km: log-log or plain.")] = "log-log",
    spares: Annotated[
        str | None,
        typer.Option(
            "--spares", metavar="TIME", help="How many of those in service fail within this time, such as 90d."
        ),
    ] = None,
    replaced: Annotated[
        bool, typer.Option("--replaced", help="With --spares: a failed unit is replaced, and may fail again.")
    ] = False,
    fleets: Annotated[
        int, typer.Option("--fleets", min=0, max=10_000, help="Simulated fleets for the p-value of a fit (0: none).")
    ] = 0,
    condition: WhereOption = None,
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="FILE.html", help="Also draw it into this file.")
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How long does it live: curves, distributions, causes, hazard ratios, spares; delayed entry and censoring."""
    from reliability.cli.survival_output import print_for_people  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    wish = _Wish(
        model=model,
        by=by,
        covariates=_listed(covariates),
        strata=strata,
        cause=cause,
        horizon_hours=_hours("--horizon", horizon),
        interval=interval,
        spares_hours=_hours("--spares", spares),
        replaced=replaced,
        fleets=fleets,
    )
    found = wish.ask(
        open_lake(lake),
        component,
        where=where(condition),
        confidence=confidence,
        from_utc=moment("--from", from_time),
        to_utc=moment("--to", to_time),
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
    else:
        notes(print_for_people(found))
        note(f"{found.definition} Intervals: {confidence:.0%}.")
    if figure is not None:
        from reliability.cli.faces import write_figure  # noqa: PLC0415

        write_figure(found.figure(), figure)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the options ask for, checked against the model."""

    model: str
    by: str | None
    covariates: tuple[str, ...]
    strata: str | None
    cause: str | None
    horizon_hours: float | None
    interval: str
    spares_hours: float | None
    replaced: bool
    fleets: int

    def __post_init__(self) -> None:
        regression = self.model in _REGRESSIONS
        for option, value in (
            ("--covariates", ",".join(self.covariates)),
            ("--strata", self.strata),
            ("--cause", self.cause),
        ):
            if value and not regression:
                raise BadOptionError(option, value, f"to be used with --model {' or '.join(_REGRESSIONS)}")
        if regression and self.by is not None:
            raise BadOptionError("--by", self.by, "--covariates or --strata instead, with a hazard regression")
        if self.interval not in ("log-log", "plain"):
            raise BadOptionError("--interval", self.interval, "log-log or plain")
        if self.replaced and self.spares_hours is None:
            raise BadOptionError("--replaced", "", "to be used with --spares")
        if self.horizon_hours is not None and (self.model != "km" or self.spares_hours is not None):
            raise BadOptionError("--horizon", f"{self.horizon_hours:g}h", "to be used with --model km")

    def ask(self, lake: Lake, component: str, **options: Any) -> Any:  # noqa: ANN401 - the analyses' own options
        """Ask the analysis that the options name."""
        from reliability.analyses.hazard_ratios import hazard_regression  # noqa: PLC0415 - keeps --help instant
        from reliability.analyses.hazards import hazards  # noqa: PLC0415
        from reliability.analyses.incidence import cumulative_incidence  # noqa: PLC0415
        from reliability.analyses.lifetime_models import AUTO, FAMILY_NAMES, lifetime_fits  # noqa: PLC0415
        from reliability.analyses.spares import spares  # noqa: PLC0415
        from reliability.analyses.survival import survival as curves  # noqa: PLC0415

        known = ("km", "na", "incidence", AUTO, *FAMILY_NAMES, *_REGRESSIONS)
        if self.model not in known:
            raise BadOptionError("--model", self.model, f"one of {', '.join(known)}")
        if self.spares_hours is not None:
            return spares(lake, component, self.spares_hours, by=self.by, replaced=self.replaced, **options)
        if self.model in _REGRESSIONS:
            named = {"model": self.model, "strata": self.strata, "cause": self.cause}
            return hazard_regression(lake, component, self.covariates, **named, **options)  # type: ignore[arg-type]  # checked
        match self.model:
            case "km":
                named = {"interval": self.interval, "horizon_hours": self.horizon_hours}  # type: ignore[dict-item]  # its own
                return curves(lake, component, by=self.by, **named, **options)  # type: ignore[arg-type]  # checked
            case "na":
                return hazards(lake, component, by=self.by, **options)
            case "incidence":
                return cumulative_incidence(lake, component, by=self.by, **options)
            case _:
                return lifetime_fits(lake, component, by=self.by, family=self.model, fleets=self.fleets, **options)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) if text else ()


def _hours(option: str, text: str | None) -> float | None:
    return None if text is None else duration_seconds(option, text) / 3600.0
