"""Whether the failures behind a rate look like a Poisson process, told in sentences where they do not."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.recurrence.poisson_checks import dispersion_test, laplace_trend_test
from reliability.engines.duckdb_engine import DuckDBEngine

#: the test's level: one false warning in a hundred answers
_LEVEL: Final = 0.01
_SMALLEST_P: Final = 1e-6
_TABLES: Final = {"node": ("node_states",), "attempt": ("jobs",)}


def assumption_warnings(engine: DuckDBEngine, of: str) -> tuple[str, ...]:
    """Say where failures cluster, or their rate drifts, so that a Poisson interval over the whole time is too narrow.

    Parameters
    ----------
    engine
        Engine with the parameters of the rate.
    of
        What the rate is of: ``node``, ``attempt`` or a component.

    Returns
    -------
    tuple of str
        One sentence per assumption that fails, per cluster. Fewer than ten failures say nothing.
    """
    tables = _TABLES.get(of, ("components", "events"))
    windows: dict[str, tuple[int, int]] = {}
    for table in reversed(tables):
        for row in engine.rows("SELECT * FROM observation WHERE table_name = ?", [table]):
            windows[row["cluster"]] = (row["from_micros"], row["last_micros"])
    times: dict[str, list[int]] = {cluster: [] for cluster in windows}
    for row in engine.ask("failure_times", of=of if of in _TABLES else "component"):
        first, last = windows.get(row["cluster"], (1, 0))
        if first <= row["at_micros"] <= last:
            times[row["cluster"]].append(row["at_micros"] - first)
    return tuple(
        sentence
        for cluster, (first, last) in sorted(windows.items())
        for sentence in _sentences(cluster if len(windows) > 1 else None, times[cluster], last - first)
    )


def _sentences(cluster: str | None, times_micros: list[int], observed_micros: int) -> list[str]:
    times, observed = np.array(times_micros) / 3.6e9, observed_micros / 3.6e9
    where = f" in {cluster}" if cluster else ""
    sentences = []
    dispersion = dispersion_test(times, observed)
    if dispersion and dispersion.p_value < _LEVEL:
        sentences.append(
            f"failures cluster in time{where}: their number per {observed / dispersion.bins / 24:.3g} days varies "
            f"{dispersion.index:.1f} times as much as independent failures would ({_p(dispersion.p_value)}); the "
            "exact intervals are too narrow, use the robust ones"
        )
    trend = laplace_trend_test(times, observed)
    if trend and trend.p_value < _LEVEL:
        direction = "more" if trend.score > 0 else "less"
        sentences.append(
            f"failures become {direction} frequent over the time observed{where} (Laplace test, {_p(trend.p_value)}): "
            "one rate for all of it is an average; compare windows with --from and --to"
        )
    return sentences


def _p(value: float) -> str:
    # Far in the tail the approximations of the tests say no more than: very small.
    return f"p = {value:.1g}" if value >= _SMALLEST_P else f"p < {_SMALLEST_P:g}"
