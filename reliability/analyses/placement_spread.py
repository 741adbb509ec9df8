"""Whether jobs spread over many racks, ToRs or pods failed more often than packed ones of the same size."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.errors import ModelError
from models.placement.spread import SpreadRatio, spread_ratio
from models.rates import RateEstimate, poisson_rate
from models.regression.counts import RateRatio, count_regression
from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine, Row
from reliability.errors import NoDataError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake

DEFINITION: Final = (
    "Attempts of two nodes and more whose nodes all have a place. Stood on: domains of the kind (sets of them where "
    "each node is in several) that its nodes were in when it started. Packed: no more than its nodes need in the "
    "largest domains; spread: more. Failure: ended by the infrastructure; exposure: node-days of run time. Rate "
    "ratio: spread over packed, Mantel–Haenszel over sizes (powers of two of nodes). Per doubling: Poisson regression"
    " on the domains over the fewest possible and on the nodes."
)
_CONFOUNDED: Final = (
    "Nobody drew lots for the placements: a scheduler spreads jobs when the cluster is full or fragmented, and racks "
    "differ in age and load. A ratio above 1 need not be the doing of the spread."
)


@dataclass(frozen=True, slots=True)
class SpreadGroup:
    """Attempts of one size, packed or spread."""

    cluster: str
    kind: str
    size: str
    is_spread: bool
    stood_on: float
    attempts: int
    estimate: RateEstimate

    def row(self) -> dict[str, Any]:
        """Return the group as one row."""
        return {
            "cluster": self.cluster,
            "kind": self.kind,
            "nodes": self.size,
            "placement": "spread" if self.is_spread else "packed",
            "stood_on_mean": self.stood_on,
            "attempts": self.attempts,
            "failures": self.estimate.failures,
            "exposure_node_days": self.estimate.exposure_days,
            "failures_per_1000_node_days": self.estimate.rate_per_1000_days,
            "low": self.estimate.low_per_1000_days,
            "high": self.estimate.high_per_1000_days,
        }


@dataclass(frozen=True, slots=True)
class KindSpread:
    """One kind of domain: the groups, and the ratio of spread to packed where they can be compared."""

    kind: str
    groups: tuple[SpreadGroup, ...]
    ratio: SpreadRatio | None
    per_doubling: RateRatio | None
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the kind for ``--json``."""
        ratio, doubling = self.ratio, self.per_doubling
        return {
            "kind": self.kind,
            "rate_ratio": ratio.ratio if ratio else None,
            "rate_ratio_low": ratio.low if ratio else None,
            "rate_ratio_high": ratio.high if ratio else None,
            "p_value": ratio.p_value if ratio else None,
            "failures_spread": ratio.failures_spread if ratio else None,
            "failures_packed": ratio.failures_packed if ratio else None,
            "exposure_spread_node_days": ratio.exposure_spread_days if ratio else None,
            "exposure_packed_node_days": ratio.exposure_packed_days if ratio else None,
            "sizes_compared": ratio.sizes if ratio else 0,
            "homogeneity_p_value": ratio.homogeneity_p_value if ratio else None,
            "rate_ratio_per_doubling": doubling.ratio if doubling else None,
            "rate_ratio_per_doubling_low": doubling.low if doubling else None,
            "rate_ratio_per_doubling_high": doubling.high if doubling else None,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class PlacementSpread(Answer):
    """Failures of attempts by how far they were spread, for each kind of domain that can spread them."""

    kinds: tuple[KindSpread, ...]
    confidence: float
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per kind, size and placement."""
        return [group.row() for kind in self.kinds for group in kind.groups]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "confidence": self.confidence,
            "definition": DEFINITION,
            "kinds": [kind.document() for kind in self.kinds],
            "rows": self.rows(),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the rates of packed and spread attempts by size."""
        from reliability.figures.placement import spread_figure  # noqa: PLC0415 - figures read what they draw

        return spread_figure(self)


def placement_spread(lake: Lake, confidence: float = 0.9) -> PlacementSpread:
    """Compare spread with packed attempts, for every kind of failure domain in the lake.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    confidence
        Two-sided confidence level.

    Raises
    ------
    NoDataError
        If no attempt of two nodes and more stands in a domain.
    """
    with closing(DuckDBEngine(lake)) as engine:
        rows = engine.ask("attempt_spread")
    if not rows:
        raise NoDataError(
            "failures by placement", "jobs of two nodes and more on nodes with a rack, a pod or a switch (`links`)"
        )
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    kinds = [_kind(kind, of_kind, confidence) for kind, of_kind in by_kind.items()]
    told = tuple(kind for kind in kinds if any(group.is_spread for group in kind.groups))
    same = [kind.kind for kind in kinds if kind not in told]
    warnings = [_CONFOUNDED] if told else []
    if same:
        warnings.append(f"no attempt is spread over more of {', '.join(same)} than it needs: nothing to compare there")
    return PlacementSpread(told, confidence, tuple(warnings))


def _kind(kind: str, rows: list[Row], confidence: float) -> KindSpread:
    sums: dict[tuple[str, int, bool], list[Row]] = {}
    for row in rows:
        size = math.ceil(math.log2(row["node_count"]))
        sums.setdefault((row["cluster"], size, row["stood_on"] > row["fewest"]), []).append(row)
    groups = [
        SpreadGroup(
            cluster=cluster,
            kind=kind,
            size="2" if size == 1 else f"{2 ** (size - 1) + 1}-{2**size}",
            is_spread=is_spread,
            stood_on=sum(row["stood_on"] * row["attempts"] for row in of) / sum(row["attempts"] for row in of),
            attempts=sum(row["attempts"] for row in of),
            estimate=poisson_rate(sum(row["failures"] for row in of), days, confidence),
        )
        for (cluster, size, is_spread), of in sorted(sums.items())
        if (days := sum(row["node_days"] for row in of)) > 0
    ]
    warnings: list[str] = []
    ratio = doubling = None
    try:
        ratio = spread_ratio(
            [f"{group.cluster} {group.size}" for group in groups],
            [group.is_spread for group in groups],
            [group.estimate.failures for group in groups],
            [group.estimate.exposure_days for group in groups],
            confidence,
        )
        warnings += ratio.warnings
        doubling = _per_doubling(rows, confidence)
    except ModelError as error:
        warnings.append(str(error))
    return KindSpread(kind, tuple(groups), ratio, doubling, tuple(warnings))


def _per_doubling(rows: list[Row], confidence: float) -> RateRatio:
    ran = [row for row in rows if row["node_days"] > 0]
    covariates: dict[str, list[float] | list[str]] = {
        "log2_spread": [math.log2(max(1.0, row["stood_on"] / row["fewest"])) for row in ran]
    }
    if len({row["node_count"] for row in ran}) > 1:
        covariates["log2_nodes"] = [math.log2(row["node_count"]) for row in ran]
    if len({row["cluster"] for row in ran}) > 1:
        covariates["cluster"] = [row["cluster"] for row in ran]
    found = count_regression(
        [row["failures"] for row in ran], [row["node_days"] for row in ran], covariates, confidence=confidence
    )
    return next(each for each in found.ratios if each.covariate == "log2_spread")
