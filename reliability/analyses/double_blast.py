"""Two faults at once: which share of the pairs of components takes something down that neither does alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Final

from models.topology.blast.components import component_classes
from models.topology.blast.double_faults import DoubleFaults, double_faults
from models.topology.fabric import TIERS
from reliability.analyses.answer import Answer
from reliability.analyses.blast import BlastRow, FabricUnderFault, under_fault
from reliability.analyses.fabric import Setting

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

_DEFINITION: Final = (
    "All pairs of two different components of the two classes, counted exactly, not sampled. Down: the pair takes GPUs "
    "down or cuts them off. Only together: it does, though neither fault alone does."
)


@dataclass(frozen=True, slots=True)
class DoubleBlast(Answer):
    """Pairs of faults, one entry for each two classes."""

    under: FabricUnderFault
    faults: tuple[DoubleFaults, ...]

    @property
    def definition(self) -> str:
        """What the numbers are."""
        return _DEFINITION

    @property
    def outcomes(self) -> tuple[BlastRow, ...]:
        """What the pairs do, where one pair of classes was asked for."""
        if len(self.faults) != 1:
            return ()
        return tuple(BlastRow(radius, None, None) for radius in self.faults[0].outcomes)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per pair of classes."""
        return [
            {
                "component": one.kinds[0],
                "with": one.kinds[1],
                "pairs": one.pairs,
                "pairs_down": one.pairs_down + one.pairs_split,
                "share_down": one.share_takes_down,
                "pairs_only_together": one.pairs_only_together,
                "share_only_together": one.share_only_together,
                "most_gpus_down": max((radius.gpus_down for radius in one.outcomes), default=0),
                "most_gpus_cut_off": max((radius.gpus_cut_off for radius in one.outcomes), default=0),
                "least_bandwidth_left_share": min(
                    (radius.bandwidth_left_share for radius in one.outcomes if not radius.takes_down), default=None
                ),
            }
            for one in self.faults
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "fabric": self.under.fabric.kind,
            "definition": self.definition,
            "rows": self.rows(),
            "outcomes": [row.row() for row in self.outcomes],
        }

    def figure(self) -> go.Figure:
        """Draw the share of pairs that take something down."""
        from reliability.figures.blast import double_blast_figure  # noqa: PLC0415 - figures read the results they draw

        return double_blast_figure(self)


def double_blast(
    kind: str,
    settings: Mapping[str, Setting] | None = None,
    lake: Lake | None = None,
    *,
    pair: tuple[str, str] | None = None,
    at: datetime | None = None,
) -> DoubleBlast:
    """Return what two faults at once do.

    Parameters
    ----------
    kind : str
        A kind of fabric; ``from-lake`` for that of the lake.
    settings : mapping of str to str or number, optional
        Its settings.
    lake : Lake, optional
        For ``from-lake``.
    pair : tuple of str, optional
        The two classes; by default every two classes of network switches.
    at : datetime, optional
        For ``from-lake``: cables in place at that moment.

    Returns
    -------
    DoubleBlast
        All pairs, counted.

    Raises
    ------
    ModelError
        If there is no such kind, setting or component.
    NoDataError, BadOptionError
        If the lake has no such fabric.
    """
    under = under_fault(kind, settings or {}, lake, at=at)
    present = component_classes(under.fabric, groupings=under.groupings)
    switches = [tier for tier in TIERS[1:] if tier in present]
    pairs = [pair] if pair is not None else list(combinations_with_replacement(switches, 2))
    found = tuple(double_faults(under.fabric, *classes, groupings=under.groupings) for classes in pairs)
    return DoubleBlast(under, found)
