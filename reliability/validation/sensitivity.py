"""How the verdicts and the rates suffer as the logs grow worse: one noise parameter at a time is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from reliability.validation.findings import Findings

if TYPE_CHECKING:
    from synthetic_traces import ClusterSpec

_VALUES: Final[dict[str, tuple[float, ...]]] = {
    "missed_share": (0.0, 0.05, 0.2),
    "false_alarms_per_node_day": (0.0, 0.02, 0.2),
    "clock_skew_seconds": (0.0, 1.0, 60.0, 300.0),
}
_LEAST_CLUSTERS: Final = 2
_PART: Final = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of one noise parameter; ``is_default``: the preset's own, whose clusters are simulated anyhow."""

    parameter: str
    value: float
    is_default: bool


def settings(spec: ClusterSpec) -> tuple[Setting, ...]:
    """Return what is tried with this cluster.

    Parameters
    ----------
    spec
        The cluster.
    """
    return tuple(
        Setting(parameter, value, value == getattr(spec.observability, parameter))
        for parameter, values in _VALUES.items()
        for value in values
    )


def with_noise(spec: ClusterSpec, setting: Setting) -> ClusterSpec:
    """Return the cluster with one noise parameter changed."""
    observability = msgspec.structs.replace(spec.observability, **{setting.parameter: setting.value})
    return msgspec.structs.replace(spec, observability=observability)


def clusters_per_setting(clusters: int) -> int:
    """Return on how many of the clusters each setting is tried.

    >>> clusters_per_setting(40), clusters_per_setting(3), clusters_per_setting(1)
    (10, 2, 1)
    """
    return min(clusters, max(_LEAST_CLUSTERS, clusters // _PART))


def sensitivity_row(setting: Setting, clusters: int, found: Sequence[Findings]) -> dict[str, Any]:
    """Return the row of one setting.

    Parameters
    ----------
    setting
        What was changed.
    clusters
        How many clusters it rests on.
    found
        Of the rates and of the attributions, with this setting.
    """
    rows = {row.measure: row for findings in found for row in findings.rows}
    precision, recall = rows["attribution_precision"], rows["attribution_recall"]
    named = rows["cause_named_share"]
    nodes, components = rows["rate_coverage"], rows["component_rate_coverage"]
    return {
        "parameter": setting.parameter,
        "value": setting.value,
        "default": setting.is_default,
        "clusters": clusters,
        "judged_infrastructure": precision.n,
        "precision": precision.value,
        "precision_low": precision.low,
        "precision_high": precision.high,
        "infrastructure_failures": recall.n,
        "recall": recall.value,
        "recall_low": recall.low,
        "recall_high": recall.high,
        "cause_named_share": named.value,
        "rate_covered": nodes.hits,
        "rate_intervals": nodes.n,
        "component_rate_covered": components.hits,
        "component_rate_intervals": components.n,
    }
