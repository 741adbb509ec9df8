"""What fails: failures by cause with their rate, and for one job, on which evidence."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.rates import RateEstimate, ShareEstimate, binomial_share, poisson_rate
from reliability.analyses.answer import Answer
from reliability.analyses.certainty import Judged, fleet_certainty, sentence
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

_DEFINITIONS: Final = {
    "attempt": "Attempts that ended NODE_FAIL, or FAILED with a critical sign on one of their nodes from {before} "
    "before to {after} after the end, by the sign that ranks first; NODE_FAIL without a sign is `unattributed`; "
    "FAILED without one is `user_program` and no infrastructure failure. Exposure: node-days of run time within the "
    "log. Lost GPU-hours: min(run time, half of an assumed hourly checkpoint interval) × GPUs.",
    "node": "Unplanned outages by the component their reason names. Exposure: calendar in-service node-days, time down "
    "included.",
}


@dataclass(frozen=True, slots=True)
class CauseRate:
    """One cause: failures, their share of all failures, and the rate over the whole exposure."""

    cause: str
    domain: str
    is_infrastructure: bool
    failures: int
    share: ShareEstimate
    rate: RateEstimate
    lost_gpu_hours: float | None


@dataclass(frozen=True, slots=True)
class DomainShare:
    """One domain (hardware, system software, …) and its share of all failures."""

    domain: str
    failures: int
    share: ShareEstimate


@dataclass(frozen=True, slots=True)
class Causes(Answer):
    """Failures by cause, the most frequent infrastructure cause first. ``counted``: attempts or nodes."""

    counted: str
    min_gpus: int
    confidence: float
    definition: str
    exposure_node_days: float
    causes: tuple[CauseRate, ...]
    domains: tuple[DomainShare, ...]

    @property
    def unattributed_share(self) -> ShareEstimate | None:
        """Share of the infrastructure failures that no sign explains; None where there are none."""
        if not self.infrastructure_failures:
            return None
        silent = sum(cause.failures for cause in self.causes if cause.cause == "unattributed")
        return binomial_share(silent, self.infrastructure_failures, self.confidence)

    @property
    def infrastructure_failures(self) -> int:
        """Failures that the infrastructure caused, unattributed ones included."""
        return sum(cause.failures for cause in self.causes if cause.is_infrastructure)

    @property
    def lost_gpu_hours(self) -> float | None:
        """GPU-hours lost to infrastructure failures (first order); None where failures were counted over nodes."""
        lost = [cause.lost_gpu_hours for cause in self.causes if cause.is_infrastructure]
        return None if any(hours is None for hours in lost) else sum(hours for hours in lost if hours is not None)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per cause."""
        return [
            {
                "cause": cause.cause,
                "domain": cause.domain,
                "is_infrastructure": cause.is_infrastructure,
                "failures": cause.failures,
                "share": cause.share.share,
                "share_low": cause.share.low,
                "share_high": cause.share.high,
                "exposure_node_days": cause.rate.exposure_days,
                "rate_per_1000_node_days": cause.rate.rate_per_1000_days,
                "low": cause.rate.low_per_1000_days,
                "high": cause.rate.high_per_1000_days,
                "lost_gpu_hours": cause.lost_gpu_hours,
            }
            for cause in self.causes
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        unattributed = self.unattributed_share
        return {
            "counted": self.counted,
            "min_gpus": self.min_gpus,
            "confidence": self.confidence,
            "definition": self.definition,
            "infrastructure_failures": self.infrastructure_failures,
            "unattributed_share": unattributed.share if unattributed else None,
            "unattributed_low": unattributed.low if unattributed else None,
            "unattributed_high": unattributed.high if unattributed else None,
            "lost_gpu_hours": self.lost_gpu_hours,
            "rows": self.rows(),
            "domains": [
                {
                    "domain": domain.domain,
                    "failures": domain.failures,
                    "share": domain.share.share,
                    "low": domain.share.low,
                    "high": domain.share.high,
                }
                for domain in self.domains
            ],
        }

    def figure(self) -> go.Figure:
        """Draw the infrastructure causes as bars with intervals."""
        from reliability.figures.causes import causes_figure  # noqa: PLC0415 - figures read the results they draw

        return causes_figure(self)


@dataclass(frozen=True, slots=True)
class JobVerdict(Answer):
    """Every attempt of one job: how it ended, whether the infrastructure ended it, and on which evidence."""

    job_id: str
    attempts: tuple[dict[str, Any], ...]
    evidence: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per attempt."""
        return [dict(attempt) for attempt in self.attempts]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"job_id": self.job_id, "rows": self.rows(), "evidence": [dict(sign) for sign in self.evidence]}

    def figure(self) -> go.Figure:
        """Draw the attempts on a time line with the signs on their nodes."""
        from reliability.figures.causes import job_figure  # noqa: PLC0415 - figures read the results they draw

        return job_figure(self)


def causes(
    lake: Lake,
    *,
    min_gpus: int = 0,
    attribution_before_seconds: int = 600,
    attribution_after_seconds: int = 300,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Causes:
    """Count failures by cause: over attempts where the lake has jobs, else over nodes.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    min_gpus
        Only attempts with more GPUs than this (0: all).
    attribution_before_seconds, attribution_after_seconds
        The attribution window around the end of an attempt.
    confidence
        Two-sided confidence level.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If the lake has neither jobs nor node states, or no jobs as large as asked for.
    """
    parameters = Parameters(
        window_from_utc=from_utc,
        window_to_utc=to_utc,
        min_gpus=min_gpus,
        attribution_before_seconds=attribution_before_seconds,
        attribution_after_seconds=attribution_after_seconds,
    )
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep("attributions")
        counts = engine.rows("SELECT * FROM cause_counts")
        attempts = engine.ask("attempt_exposure")[0]
        # Asked about large jobs, an answer about nodes would be one to another question.
        counted = "attempt" if min_gpus or attempts["attempts"] else "node"
        exposure = attempts["node_days"] if counted == "attempt" else engine.ask("node_exposure")[0]["node_days"]
    if not exposure:
        needs = f"jobs with more than {min_gpus} GPUs" if min_gpus else "jobs (sacct, …) or node states (sacctmgr …)"
        raise NoDataError("causes", needs)
    relevant = [row for row in counts if row["counted"] == counted]
    total = sum(row["failures"] for row in relevant)
    found = [_cause(row, total, float(exposure), confidence) for row in relevant]
    by_domain: dict[str, int] = {}
    for cause in found:
        by_domain[cause.domain] = by_domain.get(cause.domain, 0) + cause.failures
    return Causes(
        counted=counted,
        min_gpus=min_gpus,
        confidence=confidence,
        definition=_DEFINITIONS[counted].format(
            before=_minutes(attribution_before_seconds), after=_minutes(attribution_after_seconds)
        ),
        exposure_node_days=float(exposure),
        causes=tuple(sorted(found, key=lambda cause: (not cause.is_infrastructure, -cause.failures, cause.cause))),
        domains=tuple(
            DomainShare(domain, failures, binomial_share(failures, total, confidence))
            for domain, failures in sorted(by_domain.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def job_verdict(
    lake: Lake,
    job_id: str,
    *,
    attribution_before_seconds: int = 600,
    attribution_after_seconds: int = 300,
    confidence: float = 0.9,
) -> JobVerdict:
    """Answer for one job, named as sacct prints it or by its raw id: was it the infrastructure, and how sure is that.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    job_id
        The job.
    attribution_before_seconds, attribution_after_seconds
        The attribution window around the end of an attempt.
    confidence
        Level of the intervals that are carried through to the probability.

    Raises
    ------
    NoDataError
        If the lake has no such job that ran.
    """
    parameters = Parameters(
        attribution_before_seconds=attribution_before_seconds, attribution_after_seconds=attribution_after_seconds
    )
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep("attributions")
        attempts = engine.ask("job_attempts", job_id=job_id)
        if not attempts:
            raise NoDataError(f"causes --job {job_id}", "a job of that id that ran within the log")
        evidence = engine.ask("job_evidence", job_id=job_id)
        fleet = fleet_certainty(engine, parameters, confidence)
    judged = tuple(_judged(attempt, fleet.judge(attempt)) for attempt in attempts)
    return JobVerdict(job_id, judged, tuple(evidence))


def _judged(attempt: dict[str, Any], judged: Judged | None) -> dict[str, Any]:
    if judged is None:
        return (
            attempt | dict.fromkeys(("probability", "probability_low", "probability_high", "verdict")) | {"reasons": []}
        )
    return attempt | {
        "probability": judged.probability,
        "probability_low": judged.low,
        "probability_high": judged.high,
        "verdict": sentence(attempt, judged),
        "reasons": list(judged.reasons),
    }


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g} min"


def _cause(row: dict[str, Any], total: int, exposure_node_days: float, confidence: float) -> CauseRate:
    failures = int(row["failures"])
    return CauseRate(
        cause=row["cause"],
        domain=row["domain"],
        is_infrastructure=bool(row["is_infrastructure"]),
        failures=failures,
        share=binomial_share(failures, total, confidence),
        rate=poisson_rate(failures, exposure_node_days, confidence),
        lost_gpu_hours=row["lost_gpu_hours"],
    )
