"""Reads ``truth/``: what really happened in a simulated cluster. A file or column that is not there reads as None."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

Row = dict[str, Any]

#: parts that the logs name by another: the Xid of an NVLink error is printed by the GPU that saw it
_SEEN_AS: Final = {"nvlink": "gpu"}


@dataclass(frozen=True, slots=True)
class Hazards:
    """The true failure rates of one cluster.

    Parameters
    ----------
    per_node_day
        Critical faults of all modes per node-day in service.
    by_component
        The same by component, as the logs name it; modes that leave no line in any log are not in it.
    slots
        Parts per node, of components all of whose modes agree on it.
    in_service_node_days
        Node-days in which the hazards ran: neither down nor drained.
    ordinary_per_node_day
        Critical faults of all modes per node-day of a node that is no lemon; relapses apart.
    """

    per_node_day: float
    by_component: Mapping[str, float]
    slots: Mapping[str, int]
    in_service_node_days: float
    ordinary_per_node_day: float


def read_hazards(truth: Path) -> Hazards | None:
    """Read the true rates; None where the simulator wrote none.

    Parameters
    ----------
    truth
        The folder ``truth``.
    """
    path = truth / "rates.json"
    if not path.is_file():
        return None
    written = json.loads(path.read_text(encoding="utf-8"))
    critical = [mode for mode in written.get("modes", ()) if mode["kind"] == "critical"]
    modes = [mode for mode in critical if not mode.get("silent")]
    by_component: Counter[str] = Counter()
    slots: dict[str, set[int]] = {}
    for mode in modes:
        component = seen_as(mode["component"])
        by_component[component] += mode["per_1000_node_days"] / 1000.0
        slots.setdefault(component, set()).add(mode["slots_per_node"])
    return Hazards(
        per_node_day=written["failures_per_1000_node_days"] / 1000.0,
        by_component=dict(by_component),
        slots={component: found.pop() for component, found in slots.items() if len(found) == 1},
        in_service_node_days=written["in_service_node_days"],
        ordinary_per_node_day=sum(mode["per_1000_node_days"] for mode in critical) / 1000.0,
    )


def seen_as(component: str) -> str:
    """Return the component that the logs name for a fault of this one.

    >>> seen_as("nvlink"), seen_as("nic")
    ('gpu', 'nic')
    """
    return _SEEN_AS.get(component, component)


def read_rows(truth: Path, name: str, columns: Sequence[str], states: Sequence[str] = ()) -> list[Row] | None:
    """Read some columns of one of the truth's tables.

    Parameters
    ----------
    truth
        The folder ``truth``.
    name
        File without ``.parquet``.
    columns
        Wanted; one that the file does not have is None in every row.
    states
        Keep the rows with one of these in the column ``state``; empty for all.

    Returns
    -------
    list of dict, or None
        None if there is no such file.
    """
    path = truth / f"{name}.parquet"
    if not path.is_file():
        return None
    known = set(pq.read_schema(path).names)
    filters = [("state", "in", list(states))] if states else None
    table = pq.read_table(path, columns=[column for column in columns if column in known], filters=filters)
    absent = dict.fromkeys(column for column in columns if column not in known)
    return [row | absent for row in table.to_pylist()]
