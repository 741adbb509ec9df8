"""Which nodes fail far more than the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliability.analyses.lemons import LemonNode, lemons
from reliability.report.numbers import count, day, interval, number
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake


def lemon_section(lake: Lake, window: Window) -> Section:
    """Say which nodes are lemons, by the model and by the rule, and on which evidence."""
    title = "Lemon nodes"
    days = (window.to_utc - window.from_utc).total_seconds() / 86_400 if window.from_utc and window.to_utc else None
    found, reason = ask(lambda: lemons(lake, as_of=window.to_utc, window_days=days, confidence=window.confidence))
    if found is None:
        return Section(title, reason)
    listed = [node for node in found.nodes if node.named_by_model or node.named_by_rule]
    text = " ".join([found.definition, *(f"Caution: {warning}." for warning in found.warnings)])
    if not listed:
        text = f"No node is named by the model or the rule. {text}"
    columns = ("node", "named by", "probability", "since", "failures", "expected", "per 1000 node-days", "evidence")
    table = Table(columns, tuple(_row(node) for node in listed), frozenset({2, 4, 5, 6}))
    return Section(title, text, (found.figure(),), (table,) if listed else ())


def _row(node: LemonNode) -> tuple[str, ...]:
    by = " and ".join(name for name, named in (("model", node.named_by_model), ("rule", node.named_by_rule)) if named)
    rate = node.rate
    return (
        node.node,
        by if node.is_lemon_now or not node.named_by_model else f"{by}; repaired since",
        f"{node.probability:.0%}",
        day(node.since_utc) if node.since_utc else "–",
        count(node.failures),
        number(node.expected_failures),
        interval(rate.rate_per_1000_days, rate.low_per_1000_days, rate.high_per_1000_days) if rate else "–",
        "; ".join(node.evidence),
    )
