"""Names of units that are unique over clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


def unit_keys(columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.str_]:
    """Return one name per row of a question with the columns ``cluster`` and ``unit``.

    >>> unit_keys({"cluster": np.array(["a", "b"]), "unit": np.array(["n1", "n1"])}).tolist()
    ['a/n1', 'b/n1']
    """
    return np.char.add(np.char.add(columns["cluster"].astype(str), "/"), columns["unit"].astype(str))
