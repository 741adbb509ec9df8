"""What every answer can do: be a JSON document, a table, a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Answer(ABC):
    """An analysis result. Frozen; a number in it stands beside its interval, its n and its definition."""

    __slots__ = ()

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the main table, units in the keys."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return the whole answer for ``--json``."""

    @abstractmethod
    def figure(self) -> go.Figure:
        """Draw the answer."""

    def to_frame(self) -> pd.DataFrame:
        """Return the main table as a data frame."""
        return pd.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)
