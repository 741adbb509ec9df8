"""Host lists as Slurm folds them."""

from __future__ import annotations

from collections.abc import Sequence


def fold_node_list(names: Sequence[str]) -> str:
    """Fold host names as Slurm prints them.

    Parameters
    ----------
    names
        Sorted names that share a prefix and end in a number of fixed width; at least one.

    Returns
    -------
    str
        The folded list.

    Examples
    --------
    >>> fold_node_list(["node-001", "node-002", "node-003", "node-007"])
    'node-[001-003,007]'
    >>> fold_node_list(["node-012"])
    'node-012'
    """
    if len(names) == 1:
        return names[0]
    prefix = names[0].rstrip("0123456789")
    width = len(names[0]) - len(prefix)
    runs: list[list[int]] = []
    for number in (int(name[len(prefix) :]) for name in names):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    parts = (f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in runs)
    return f"{prefix}[{','.join(parts)}]"
