"""How jobs end: failure probability and MTTF by group, the mix of ends, and whether large jobs can be projected."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.rates import RateEstimate
from models.ratio_estimates import FEWEST_CLUSTERS, RatioInterval
from models.series_system import NoFailureToTestError, OneSizeError, SeriesSystemCheck, check_series_system
from reliability.analyses.answer import Answer
from reliability.analyses.job_groups import EndShare, JobGroup, end_share, job_group
from reliability.analyses.overview import LARGE_JOB_GPUS
from reliability.analyses.rates import rates
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

#: what attempts can be grouped by
JOB_GROUPS: Final = (
    "job_size",
    "node_count",
    "user",
    "account",
    "partition",
    "qos",
    "gpu_model",
    "month",
    "cluster",
)
#: groups with an order of their own; the others are listed worst first
_ORDERED: Final = ("job_size", "node_count", "month")
#: a clustered interval this many times as wide as the exact one is warned of
_MUCH_WIDER: Final = 1.5
#: fewer failures than this carry no conclusion
_FEW_FAILURES: Final = 5
#: groups named in a warning
_MOST_NAMED: Final = 3
_SEED: Final = 2025

DEFINITION: Final = (
    "Of the attempts that ended within the log: the infrastructure ended those with NODE_FAIL, or FAILED with a "
    "critical sign on one of the job's nodes from 10 min before to 5 min after the end; the user's program those with "
    "any other FAILED, or OUT_OF_MEMORY. MTTF of a job: run-hours of attempts per infrastructure failure. Exact "
    "intervals (Clopper–Pearson, Garwood) take attempts for independent; clustered ones take users for independent."
)


@dataclass(frozen=True, slots=True)
class Jobs(Answer):
    """How jobs end. ``rate`` is r_f over attempts with more than ``min_gpus`` GPUs, None where there are none.

    ``sizes`` are the sizes in ``size_unit`` (``GPU`` or ``node``) behind ``law``, the check of the series-system law.
    """

    by: str | None
    min_gpus: int
    confidence: float
    from_utc: datetime | None
    to_utc: datetime | None
    groups: tuple[JobGroup, ...]
    mix: tuple[EndShare, ...]
    sizes: tuple[JobGroup, ...]
    size_unit: str
    rate: RateEstimate | None
    law: SeriesSystemCheck | None
    warnings: tuple[str, ...]

    @property
    def definition(self) -> str:
        """What the numbers mean."""
        return DEFINITION

    @property
    def attempts(self) -> int:
        """Attempts that ended within the observation."""
        return sum(end.attempts for end in self.mix)

    @property
    def gpus_per_node(self) -> float | None:
        """GPUs of a node in the jobs of the largest size, which fill theirs; None where no GPU is known."""
        largest = next((size for size in reversed(self.sizes) if size.node_days > 0), None)
        return largest.gpu_hours / (24.0 * largest.node_days) if largest and largest.gpu_hours else None

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group."""
        return [group.row() for group in self.groups]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "by": self.by,
            "confidence": self.confidence,
            "interval": "Clopper–Pearson for shares, Garwood for MTTF, two-sided; *_clustered_*: ratio over users",
            "definition": self.definition,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "warnings": list(self.warnings),
            "rows": self.rows(),
            "mix": {"rows": [end.row() for end in self.mix]},
            "sizes": {"unit": self.size_unit, "rows": [size.row() for size in self.sizes]},
            "min_gpus": self.min_gpus,
            "rate_per_1000_node_days": self.rate and _rate(self.rate),
            "series_system": self.law and _law(self.law),
        }

    def figure(self) -> go.Figure:
        """Draw the MTTF by size under the projection from large jobs."""
        from reliability.figures.jobs import mttf_figure  # noqa: PLC0415 - figures read the results they draw

        return mttf_figure(self)


def jobs(
    lake: Lake,
    *,
    by: str | None = "job_size",
    min_gpus: int = LARGE_JOB_GPUS,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Jobs:
    """Ask how jobs end, and how often the infrastructure ended them.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    by
        Column to group by (``JOB_GROUPS``); None for one group of everything.
    min_gpus
        r_f is that of attempts with more GPUs than this (0: of all).
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    Jobs
        Sizes and months in order, other groups worst first.

    Raises
    ------
    BadOptionError
        If attempts cannot be grouped by ``by``.
    NoDataError
        If the lake has no attempt that ran.

    Notes
    -----
    MTTF by size, r_f and its projection: Kokolis et al. (HPCA 2025). The Monte Carlo test of the law draws from a fixed
    seed, so that one lake has one answer.
    """
    if by is not None and by not in JOB_GROUPS:
        raise BadOptionError("--by", by, f"one of {', '.join(JOB_GROUPS)}")

    def engine_by(group_by: str) -> DuckDBEngine:
        return DuckDBEngine(lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc, group_by=group_by))

    with closing(engine_by("")) as engine:
        everything = engine.ask("attempt_groups")
        mix = tuple(end_share(row, confidence) for row in engine.ask("end_mix"))
        left_out = engine.ask("attempts_left_out")[0]
        window = engine.ask("observed")[0]
        logged = {row["table_name"] for row in engine.ask("observation_windows")}
    if not everything:
        raise NoDataError("jobs", "jobs (sacct, …) that ran")
    whole = job_group(everything[0], confidence)
    size_by = "job_size" if whole.gpu_hours else "node_count"
    found: dict[str, tuple[JobGroup, ...]] = {"": (whole,)}
    for group_by in {by or "", size_by} - {""}:
        with closing(engine_by(group_by)) as engine:
            found[group_by] = tuple(job_group(row, confidence) for row in engine.ask("attempt_groups"))
    sizes = tuple(sorted((size for size in found[size_by] if _is_size(size)), key=_size_order))
    groups = found[by or ""]
    law = _law_of(sizes, confidence)
    rate = _rate_above(lake, min_gpus, confidence, from_utc, to_utc)
    return Jobs(
        by=by,
        min_gpus=min_gpus,
        confidence=confidence,
        from_utc=window["from_utc"],
        to_utc=window["to_utc"],
        groups=tuple(sorted(groups, key=_size_order if by in _ORDERED else _worst_first)),
        mix=mix,
        sizes=sizes,
        size_unit="GPU" if size_by == "job_size" else "node",
        rate=rate,
        law=law,
        warnings=(
            *_data_warnings(whole, left_out, logged, by),
            *([] if rate else [f"no job with more than {min_gpus} GPUs ran: there is no r_f to project from"]),
            *_cluster_warnings(whole, groups),
            *_law_warnings(law, whole),
        ),
    )


def _rate_above(
    lake: Lake, min_gpus: int, confidence: float, from_utc: datetime | None, to_utc: datetime | None
) -> RateEstimate | None:
    try:
        found = rates(lake, "attempt", min_gpus=min_gpus, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
        return found.groups[0].estimate
    except NoDataError:
        return None


def _law_of(sizes: tuple[JobGroup, ...], confidence: float) -> SeriesSystemCheck | None:
    ran = [size for size in sizes if size.node_days > 0]
    if not ran:
        return None
    try:
        return check_series_system(
            [size.mean_nodes or 0.0 for size in ran],
            [size.infrastructure_failures for size in ran],
            [size.node_days for size in ran],
            np.random.default_rng(_SEED),
            confidence,
        )
    except (NoFailureToTestError, OneSizeError):
        return None  # said in a warning


def _data_warnings(whole: JobGroup, left_out: dict[str, int], logged: set[str], by: str | None) -> list[str]:
    found = []
    if not logged & {"events", "node_states"}:
        found.append(
            "no log of hardware or node states is in the lake: of the failures only NODE_FAIL can be blamed on it"
        )
    for name, what in (("without_outcome", "do not tell how they ended"), ("without_nodes", "name no nodes")):
        if left_out[name]:
            found.append(f"{left_out[name]:,} attempts {what} and are left out")
    if by == "job_size" and not whole.gpu_hours:
        found.append("the log names no GPUs: group by node_count instead of job_size")
    if whole.infrastructure_failures < _FEW_FAILURES:
        found.append(
            f"only {whole.infrastructure_failures} infrastructure failures were seen: take the limits, not the values"
        )
    return found


def _cluster_warnings(whole: JobGroup, groups: tuple[JobGroup, ...]) -> list[str]:
    found = []
    wider = {
        name: times for name, times in ((g.group, _times_wider(g)) for g in (whole, *groups)) if times > _MUCH_WIDER
    }
    if wider:
        named = sorted(wider, key=lambda name: -wider[name])[:_MOST_NAMED]
        listed = ", ".join(f"{name} ({wider[name]:.1f} times)" for name in named)
        more = f" and {len(wider) - len(named)} more" if len(wider) > len(named) else ""
        found.append(
            "attempts of one user end alike, so exact intervals are too narrow; by user they are wider, in group "
            f"{listed}{more}: use the clustered limits there"
        )
    clustered = whole.clustered_infrastructure
    if clustered is not None and clustered.effective_clusters < FEWEST_CLUSTERS:
        found.append(
            f"the clustered intervals rest on {clustered.clusters} users that weigh as much as "
            f"{clustered.effective_clusters:.1f} equal ones: they cover less than they say"
        )
    return found


def _times_wider(group: JobGroup) -> float:
    pairs = (
        (group.infrastructure, group.clustered_infrastructure),
        (group.user_program, group.clustered_user_program),
    )
    # a group of one user has no clustered interval, and so no comparison
    return max(
        (_ratio(exact.high - exact.low, clustered) for exact, clustered in pairs if exact and exact.k), default=0.0
    )


def _ratio(width: float, clustered: RatioInterval | None) -> float:
    if clustered is None or clustered.high is None or clustered.clusters < 2:
        return 0.0
    return (clustered.high - clustered.low) / width


def _law_warnings(law: SeriesSystemCheck | None, whole: JobGroup) -> list[str]:
    if law is None:
        if whole.infrastructure_failures:
            return ["jobs of one size only: whether failures grow with the nodes cannot be told"]
        return []
    if not law.law_is_refuted:
        return []
    limits = f"({'-∞' if law.low is None else f'{law.low:.2f}'}–{'∞' if law.high is None else f'{law.high:.2f}'})"
    value = "" if law.exponent is None else f"{law.exponent:.2f} "
    text = (
        f"the sizes do not fail as a series system does (failures per run-hour grow as the nodes to the power {value}"
        f"{limits} instead of 1, p = {law.law_p_value:.2g}; one rate per node-day at all sizes has "
        f"p = {law.equal_rates_p_value:.2g}): project only to sizes near those measured"
    )
    return [text]


def _is_size(group: JobGroup) -> bool:
    return group.group not in ("0", "unknown")


def _size_order(group: JobGroup) -> tuple[float, str]:
    first = group.group.split("-", maxsplit=1)[0]
    return (float(first) if first.isdigit() else float("inf"), group.group)


def _worst_first(group: JobGroup) -> tuple[float, float, str]:
    rate = group.infrastructure_failures / group.run_hours if group.run_hours else 0.0
    return (-rate, -group.run_hours, group.group)


def _rate(rate: RateEstimate) -> dict[str, Any]:
    return {
        "failures": rate.failures,
        "exposure_node_days": rate.exposure_days,
        "rate_per_1000_node_days": rate.rate_per_1000_days,
        "low": rate.low_per_1000_days,
        "high": rate.high_per_1000_days,
    }


def _law(law: SeriesSystemCheck) -> dict[str, Any]:
    return {
        "definition": "failures per run-hour are proportional to nodes ** exponent; a series system has 1",
        "exponent": law.exponent,
        "low": law.low,
        "high": law.high,
        "law_p_value": law.law_p_value,
        "equal_rates_p_value": law.equal_rates_p_value,
        "failures": law.failures,
        "sizes": law.sizes,
    }
