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
    from reliability.analyses.causes import Causes, JobVerdict, causes, job_verdict
    from reliability.analyses.failures import Failures, failures
    from reliability.analyses.overview import Overview, overview
    from reliability.analyses.plan import FailureRate, Plan, measured_rate, plan
    from reliability.analyses.rates import Rates, rates
    from reliability.analyses.status import Status, status
    from reliability.analyses.survival import Survival, WeibullFits, survival, weibull


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
    "Causes": "reliability.analyses.causes",
    "JobVerdict": "reliability.analyses.causes",
    "causes": "reliability.analyses.causes",
    "job_verdict": "reliability.analyses.causes",
    "Failures": "reliability.analyses.failures",
    "failures": "reliability.analyses.failures",
    "Overview": "reliability.analyses.overview",
    "overview": "reliability.analyses.overview",
    "FailureRate": "reliability.analyses.plan",
    "Plan": "reliability.analyses.plan",
    "measured_rate": "reliability.analyses.plan",
    "plan": "reliability.analyses.plan",
    "Rates": "reliability.analyses.rates",
    "rates": "reliability.analyses.rates",
    "Status": "reliability.analyses.status",
    "status": "reliability.analyses.status",
    "Survival": "reliability.analyses.survival",
    "WeibullFits": "reliability.analyses.survival",
    "survival": "reliability.analyses.survival",
    "weibull": "reliability.analyses.survival",
}

__all__ = [
    "Causes",
    "FailureRate",
    "Failures",
    "JobVerdict",
    "Lake",
    "Overview",
    "Plan",
    "Rates",
    "ReliabilityError",
    "Status",
    "Survival",
    "WeibullFits",
    "causes",
    "create_lake",
    "failures",
    "job_verdict",
    "measured_rate",
    "mttf",
    "open",
    "open_lake",
    "overview",
    "plan",
    "rates",
    "status",
    "survival",
    "weibull",
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
