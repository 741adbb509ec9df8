"""What the logs hold for and against every node of one cluster: tables of nodes by days for the model of lemons."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import FloatArray
from models.lemons.fleet import calendar_weights
from models.lemons.users import UnexplainedFailures, explain_failures
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters, mart_sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from reliability.lake import Lake

#: how probably a repair makes an ordinary node of a lemon: hands were laid on it, or a part was changed
_CURED_BY_HAND: Final = 0.1
_CURED_BY_SWAP: Final = 0.4
#: one repair in ten leaves the fault, which then comes back after a day on average
_VAIN_SHARE: Final = 0.1
_VAIN_MEAN_DAYS: Final = 1.0
_MICROS: Final = timedelta(microseconds=1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class NodeEvidence:
    """One cluster, its nodes in order of their names.

    Parameters
    ----------
    cluster, nodes
        Names.
    first_day
        Days since 1970 of the first column.
    failures, relapses, exposure_days, weighted_days
        Shape (nodes, days): own failures, faults that probably came back after a repair in vain, time at risk, the
        same weighted by how much the whole fleet failed then.
    cure, relapse_per_day
        Shape (nodes, days): probability that repairs that ended on the day cured the node; hazard by which a failure
        of the day is an old fault.
    unexplained
        Failures that left no sign beside what users and job sizes explain; None without jobs.
    troubles
        By node, in order of time; shared ones and relapses included.
    """

    cluster: str
    nodes: tuple[str, ...]
    first_day: int
    failures: FloatArray
    relapses: FloatArray
    exposure_days: FloatArray
    weighted_days: FloatArray
    cure: FloatArray
    relapse_per_day: FloatArray
    unexplained: UnexplainedFailures | None
    troubles: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class LemonEvidence:
    """Everything that is asked of the engine for one answer; features are those of the days the rule looks at."""

    from_utc: datetime
    to_utc: datetime
    features_from_utc: datetime
    clusters: tuple[NodeEvidence, ...]
    features: Mapping[tuple[str, str], Row]
    served: Mapping[tuple[str, str], Row]


def gather(lake: Lake, as_of: datetime | None, window_days: float | None, rule_days: float) -> LemonEvidence | None:
    """Ask for the evidence up to a moment; None where no node was ever at risk.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    as_of
        End of what is looked at; None for the end of the observation.
    window_days
        How far back the model looks; None for everything.
    rule_days
        How far back the rule looks.
    """
    with closing(DuckDBEngine(lake, Parameters(window_to_utc=as_of))) as engine:
        window = engine.rows("SELECT min(from_micros) AS from_micros, max(to_micros) AS to_micros FROM fleet")[0]
    if window["from_micros"] is None:
        return None
    end = as_of or _moment(window["to_micros"]) + _MICROS
    begin = _moment(window["from_micros"])
    if window_days is not None:
        begin = max(begin, end - timedelta(days=window_days))
    parameters = Parameters(window_from_utc=begin, window_to_utc=end)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        days = _columns(engine, "node_days")
        signless = _columns(engine, "failures_without_sign")
        troubles = engine.ask("node_troubles_listed")
        served = engine.rows("SELECT * FROM node_features")
    features_from = max(begin, end - timedelta(days=rule_days))
    features = _by_node(served)
    if features_from > begin:
        features = features_between(lake, features_from, end)
    return LemonEvidence(
        from_utc=begin,
        to_utc=end,
        features_from_utc=features_from,
        clusters=tuple(_cluster(str(name), days, troubles, signless) for name in np.unique(days["cluster"])),
        features=features,
        served=_by_node(served),
    )


def features_between(lake: Lake, from_utc: datetime, to_utc: datetime) -> dict[tuple[str, str], Row]:
    """Return the features of every node over a window, by cluster and node.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    from_utc, to_utc
        Half-open window.
    """
    with closing(DuckDBEngine(lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc))) as engine:
        return _by_node(engine.rows("SELECT * FROM node_features"))


def _by_node(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    return {(row["cluster"], row["node"]): row for row in rows}


def _columns(engine: DuckDBEngine, question: str) -> dict[str, npt.NDArray[Any]]:
    table = engine.arrow(mart_sql(f"questions/{question}"))
    return {name: table[name].to_numpy() for name in table.column_names}


def _cluster(
    cluster: str,
    days: Mapping[str, npt.NDArray[Any]],
    troubles: Sequence[Row],
    signless: Mapping[str, npt.NDArray[Any]],
) -> NodeEvidence:
    chosen = days["cluster"] == cluster
    nodes, row_of = np.unique(days["node"][chosen], return_inverse=True)
    day = days["day_number"][chosen].astype(np.int64)
    first = int(day.min())
    shape = (nodes.size, int(day.max()) - first + 1)
    exposure, failures, relapses, hazard = (np.zeros(shape) for _ in range(4))
    kept = np.ones(shape)
    exposure[row_of, day - first] = days["at_risk_days"][chosen]
    of_node: dict[str, list[Row]] = {str(node): [] for node in nodes}
    position = {str(node): row for row, node in enumerate(nodes)}
    for trouble in troubles:
        row = position.get(trouble["node"])
        if trouble["cluster"] != cluster or row is None:
            continue
        of_node[trouble["node"]].append(trouble)
        if trouble["is_shared"]:
            continue
        at, back = (min(max(trouble[name] - first, 0), shape[1] - 1) for name in ("day_number", "back_day_number"))
        (relapses if trouble["is_relapse"] else failures)[row, at] += 1
        hazard[row, at] = max(hazard[row, at], _hazard_of_old_fault(trouble["seconds_since_repair"]))
        if trouble["is_repair"]:
            kept[row, back] *= 1 - (_CURED_BY_SWAP if trouble["swapped_components"] else _CURED_BY_HAND)
    return NodeEvidence(
        cluster=cluster,
        nodes=tuple(str(node) for node in nodes),
        first_day=first,
        failures=failures,
        relapses=relapses,
        exposure_days=exposure,
        weighted_days=exposure * calendar_weights(failures, exposure),
        cure=1 - kept,
        relapse_per_day=hazard,
        unexplained=_unexplained(cluster, nodes, signless, failures.sum(axis=1)),
        troubles={node: tuple(rows) for node, rows in of_node.items()},
    )


def _unexplained(
    cluster: str, nodes: npt.NDArray[Any], signless: Mapping[str, npt.NDArray[Any]], visible: FloatArray
) -> UnexplainedFailures | None:
    chosen = (signless["cluster"] == cluster) & np.isin(signless["node"], nodes)
    if not chosen.any():
        return None
    _, user = np.unique(signless["user_name"][chosen], return_inverse=True)
    _, size = np.unique(signless["size_class"][chosen], return_inverse=True)
    return explain_failures(
        np.searchsorted(nodes, signless["node"][chosen]),
        user,
        size,
        signless["attempts"][chosen],
        signless["failures"][chosen],
        visible,
    )


def _hazard_of_old_fault(seconds_since_repair: float | None) -> float:
    if seconds_since_repair is None:
        return 0.0
    return _VAIN_SHARE / _VAIN_MEAN_DAYS * math.exp(-max(0.0, seconds_since_repair) / 86_400 / _VAIN_MEAN_DAYS)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
