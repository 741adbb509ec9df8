"""Who was at risk and what failed, by unit and by day: what stands behind everything that is asked of a rate.

A unit is a node, a job (whose attempts share what is wrong with it), or an inventoried component. The questions
``units_at_risk``, ``days_at_risk``, ``stretches_at_risk`` and ``failures_of_units`` are one text for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reliability.engines.duckdb_engine import DuckDBEngine

_KINDS: Final = ("node", "attempt")


def name_risk(engine: DuckDBEngine, of: str) -> None:
    """Let questions call the exposure and the failures of what a rate is of ``exposed`` and ``failed``.

    Parameters
    ----------
    engine
        Engine whose parameters are those of the rate.
    of
        ``node``, ``attempt``, or a component.
    """
    kind = of if of in _KINDS else "component"
    engine.name("exposed", f"{kind}_exposed")
    engine.name("failed", f"{kind}_failed")
