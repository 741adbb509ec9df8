"""What a validation finds: one row per measure, with its n, its interval, its bar and its definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.rates import binomial_share


@dataclass(frozen=True, slots=True)
class Row:
    """One measure over all clusters.

    Parameters
    ----------
    measure, title
        Its key, and what a person calls it.
    value
        Share, 0 … 1; None where there is nothing to measure.
    hits, n
        What the share is made of, summed over the clusters.
    low, high
        Clopper–Pearson limits of the share.
    bar
        Least value that is good enough; None where none is set.
    definition, note
        What is counted, and what a reader of this number should know: of a bar that is not reached, the reason.
    """

    measure: str
    title: str
    value: float | None
    hits: int | None
    n: int | None
    low: float | None
    high: float | None
    bar: float | None
    definition: str
    note: str

    @property
    def ok(self) -> bool | None:
        """Whether the bar is reached; None without a bar or a value."""
        return None if self.bar is None or self.value is None else self.value >= self.bar

    def document(self) -> dict[str, Any]:
        """Return the row for ``--json``."""
        return {
            "measure": self.measure,
            "title": self.title,
            "value": self.value,
            "hits": self.hits,
            "n": self.n,
            "low": self.low,
            "high": self.high,
            "bar": self.bar,
            "ok": self.ok,
            "definition": self.definition,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What one measure has to say: keys of the document's top level, rows, and tables of detail."""

    headline: Mapping[str, float | None]
    rows: tuple[Row, ...]
    tables: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)


def share_row(
    measure: str,
    title: str,
    hits: int,
    n: int,
    confidence: float,
    definition: str,
    *,
    bar: float | None = None,
    note: str = "",
) -> Row:
    """Return the row of a share; without a single case it has no value.

    >>> row = share_row("recall", "recall", 9, 10, 0.9, "found of true", bar=0.8)
    >>> row.value, row.ok
    (0.9, True)
    >>> share_row("recall", "recall", 0, 0, 0.9, "found of true", bar=0.8).ok is None
    True
    """
    if not n:
        return Row(measure, title, None, hits, n, None, None, bar, definition, note or "nothing to count")
    share = binomial_share(hits, n, confidence)
    return Row(measure, title, share.share, hits, n, share.low, share.high, bar, definition, note)


def tally_text(counts: Mapping[str, int]) -> str:
    """Return counts in words, the largest first.

    >>> tally_text({"missed": 2, "late": 5})
    '5 × late, 2 × missed'
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} × {name}" for name, count in ranked if count)
