"""What the same past would have cost with a lever set otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reliability.analyses.replay import replay
from reliability.analyses.replay_levers import Levers
from reliability.figures.replay import levers_figure, replay_figure
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake

#: usual levers; lemons have their own section with its own back-test
_LEVERS: Final = Levers(
    checkpoint_interval=1800.0, restart_overhead=120.0, dual_tor=True, no_preemption_after_failure=True
)


def replay_section(lake: Lake, window: Window) -> Section:
    """Say what each of some usual levers, and all together, would have changed."""
    title = "What if"
    found, reason = ask(lambda: replay(lake, _LEVERS, **window.options()))
    if found is None:
        return Section(title, reason)
    rows = tuple(
        (
            effect.lever.replace("_", " "),
            effect.setting,
            _signed(effect.productive_hours, effect.low_hours, effect.high_hours),
        )
        for effect in found.effects
    )
    together = found.productive
    rows += (("all together", "", _signed(together.difference_hours, together.low_hours, together.high_hours)),)
    text = " ".join(
        [
            found.definition,
            *(f"{effect.lever.replace('_', ' ')}: {effect.assumption}." for effect in found.effects),
            *(f"Caution: {warning}." for warning in found.warnings),
        ]
    )
    columns = ("lever", "set to", f"productive {found.unit_name}-hours, now less then")
    return Section(title, text, (levers_figure(found), replay_figure(found)), (Table(columns, rows, frozenset({2})),))


def _signed(value: float, low: float, high: float) -> str:
    return f"{value:+,.0f} ({low:+,.0f} to {high:+,.0f})"
