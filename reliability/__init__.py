"""Reliability analytics for compute clusters: what fails, how often, how sure, what it costs.

>>> import reliability as rel
>>> lake = rel.open("lake")          # doctest: +SKIP
>>> rel.rates(lake, by="gpu_model")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reliability.errors import ReliabilityError, ShadowedPackageError
from reliability.lake import Lake, create_lake, open_lake

if TYPE_CHECKING:
    from reliability.analyses.accumulation import Accumulation, accumulation
    from reliability.analyses.causes import Causes, JobVerdict, causes, job_verdict
    from reliability.analyses.companions import Companion, Companions, companions
    from reliability.analyses.domain_failures import DomainFailures, domain_failures
    from reliability.analyses.domain_heat_map import DomainHeatMap, domain_heat_map
    from reliability.analyses.failures import Failures, failures
    from reliability.analyses.goodput import Goodput, goodput
    from reliability.analyses.hazard_ratios import HazardRatios, hazard_regression
    from reliability.analyses.hazards import Hazards, hazards
    from reliability.analyses.incidence import Incidences, cumulative_incidence
    from reliability.analyses.job_ends import JobEnds, job_ends
    from reliability.analyses.jobs import Jobs, jobs
    from reliability.analyses.lifetime_models import LifetimeFits, lifetime_fits
    from reliability.analyses.overview import Overview, overview
    from reliability.analyses.plan import FailureRate, Plan, counted_rate, measured_rate, plan
    from reliability.analyses.plan_outlook import Outlook, outlook
    from reliability.analyses.rate_history import RateHistory, rate_history
    from reliability.analyses.rate_regression import RateRegression, rate_regression
    from reliability.analyses.rates import Rates, rates
    from reliability.analyses.replay import Replay, replay
    from reliability.analyses.replay_levers import Levers
    from reliability.analyses.run_story import RunStory, run_story
    from reliability.analyses.runs import Runs, runs
    from reliability.analyses.spares import Spares, spares
    from reliability.analyses.status import Status, status
    from reliability.analyses.survival import Survival, survival


def _refuse_shadows() -> None:
    """``models`` and ``ingest`` are generic names: say so at once when a user's own file hides ours."""
    home = Path(str(files("reliability"))).parent.resolve()
    for name in ("models", "ingest", "dashboards", "synthetic_traces"):
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin != home / name / "__init__.py":
            raise ShadowedPackageError(name, origin)


_refuse_shadows()

# The analyses bring pandas, scipy and lifelines: they load when first asked for, so that `--help` is instant.
_HOMES: Final = {
    "Accumulation": "reliability.analyses.accumulation",
    "accumulation": "reliability.analyses.accumulation",
    "Causes": "reliability.analyses.causes",
    "JobVerdict": "reliability.analyses.causes",
    "causes": "reliability.analyses.causes",
    "job_verdict": "reliability.analyses.causes",
    "Companion": "reliability.analyses.companions",
    "Companions": "reliability.analyses.companions",
    "companions": "reliability.analyses.companions",
    "DomainFailures": "reliability.analyses.domain_failures",
    "domain_failures": "reliability.analyses.domain_failures",
    "DomainHeatMap": "reliability.analyses.domain_heat_map",
    "domain_heat_map": "reliability.analyses.domain_heat_map",
    "Failures": "reliability.analyses.failures",
    "failures": "reliability.analyses.failures",
    "Goodput": "reliability.analyses.goodput",
    "goodput": "reliability.analyses.goodput",
    "HazardRatios": "reliability.analyses.hazard_ratios",
    "hazard_regression": "reliability.analyses.hazard_ratios",
    "Hazards": "reliability.analyses.hazards",
    "hazards": "reliability.analyses.hazards",
    "Incidences": "reliability.analyses.incidence",
    "cumulative_incidence": "reliability.analyses.incidence",
    "JobEnds": "reliability.analyses.job_ends",
    "job_ends": "reliability.analyses.job_ends",
    "Jobs": "reliability.analyses.jobs",
    "jobs": "reliability.analyses.jobs",
    "LifetimeFits": "reliability.analyses.lifetime_models",
    "lifetime_fits": "reliability.analyses.lifetime_models",
    "Outlook": "reliability.analyses.plan_outlook",
    "outlook": "reliability.analyses.plan_outlook",
    "Overview": "reliability.analyses.overview",
    "overview": "reliability.analyses.overview",
    "FailureRate": "reliability.analyses.plan",
    "Plan": "reliability.analyses.plan",
    "counted_rate": "reliability.analyses.plan",
    "measured_rate": "reliability.analyses.plan",
    "plan": "reliability.analyses.plan",
    "RateHistory": "reliability.analyses.rate_history",
    "rate_history": "reliability.analyses.rate_history",
    "RateRegression": "reliability.analyses.rate_regression",
    "rate_regression": "reliability.analyses.rate_regression",
    "Rates": "reliability.analyses.rates",
    "rates": "reliability.analyses.rates",
    "Replay": "reliability.analyses.replay",
    "replay": "reliability.analyses.replay",
    "Levers": "reliability.analyses.replay_levers",
    "RunStory": "reliability.analyses.run_story",
    "run_story": "reliability.analyses.run_story",
    "Runs": "reliability.analyses.runs",
    "runs": "reliability.analyses.runs",
    "Spares": "reliability.analyses.spares",
    "spares": "reliability.analyses.spares",
    "Status": "reliability.analyses.status",
    "status": "reliability.analyses.status",
    "Survival": "reliability.analyses.survival",
    "survival": "reliability.analyses.survival",
}

__all__ = [
    "Accumulation",
    "Causes",
    "Companion",
    "Companions",
    "DomainFailures",
    "DomainHeatMap",
    "FailureRate",
    "Failures",
    "Goodput",
    "HazardRatios",
    "Hazards",
    "Incidences",
    "JobEnds",
    "JobVerdict",
    "Jobs",
    "Lake",
    "Levers",
    "LifetimeFits",
    "Outlook",
    "Overview",
    "Plan",
    "RateHistory",
    "RateRegression",
    "Rates",
    "ReliabilityError",
    "Replay",
    "RunStory",
    "Runs",
    "Spares",
    "Status",
    "Survival",
    "accumulation",
    "causes",
    "companions",
    "counted_rate",
    "create_lake",
    "cumulative_incidence",
    "domain_failures",
    "domain_heat_map",
    "failures",
    "goodput",
    "hazard_regression",
    "hazards",
    "job_ends",
    "job_verdict",
    "jobs",
    "lifetime_fits",
    "measured_rate",
    "mttf",
    "open",
    "open_lake",
    "outlook",
    "overview",
    "plan",
    "rate_history",
    "rate_regression",
    "rates",
    "replay",
    "run_story",
    "runs",
    "spares",
    "status",
    "survival",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'reliability' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def open(path: str | Path) -> Lake:  # noqa: A001 - reads as rel.open("lake")
    """Open the lake at this path.

    Raises
    ------
    ReliabilityError
        If there is none.
    """
    return open_lake(Path(path))


def mttf(lake: Lake, *, of: str = "node", by: str | None = None, confidence: float = 0.9) -> Rates:
    """Estimate mean times to failure: the ``mttf_…`` columns of :func:`rates`."""
    from reliability.analyses.rates import rates as ask  # noqa: PLC0415 - see _HOMES

    return ask(lake, of, by=by, confidence=confidence)
