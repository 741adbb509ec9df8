"""Host lists of Slurm, expanded only where the result has a size that a cluster can have.

The notation is Slurm's own (``src/common/hostlist.c``): names with numbers in brackets, nothing else. General libraries
know more of it (steps, operators, groups that are looked up by running commands), which a log must not be able to use.
"""

from __future__ import annotations

import re
from itertools import product
from math import prod
from typing import Final

#: Slurm itself allows 64k nodes
_MOST_HOSTS: Final = 1 << 17
_NONE: Final = frozenset({"", "(null)", "None", "N/A", "None assigned"})
_PIECE: Final = re.compile(r"(?:[^,\[]|\[[^\[\]]*\]|\[)+")
_GROUP: Final = re.compile(r"\[([^\[\]]*)\]")
#: by far the most frequent form, read without taking it to pieces
_ONE_RANGE: Final = re.compile(r"([^,\[\]]+)\[(\d{1,18})-(\d{1,18})\]")
_RANGE: Final = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


def parse_hosts(text: str) -> list[str]:
    """Return the hosts of a list, none if it is empty.

    Parameters
    ----------
    text
        As Slurm prints it. Counted before it is expanded: a line of a hostile log can name billions.

    Raises
    ------
    ValueError
        If it is no host list, or one of more than 131,072 hosts.

    Examples
    --------
    >>> parse_hosts("gpu-[011,014-015],n1"), parse_hosts("r[1-2]n[08-09]"), parse_hosts("(null)")
    (['gpu-011', 'gpu-014', 'gpu-015', 'n1'], ['r1n08', 'r1n09', 'r2n08', 'r2n09'], [])
    >>> parse_hosts("n[1-999999999]")
    Traceback (most recent call last):
    ...
    ValueError: a list of more than 131,072 hosts
    """
    if text in _NONE:
        return []
    everyday = _ONE_RANGE.fullmatch(text)
    if everyday is not None and 0 <= int(everyday[3]) - int(everyday[2]) < _MOST_HOSTS:
        prefix, width = everyday[1], len(everyday[2])
        return [f"{prefix}{n:0{width}d}" for n in range(int(everyday[2]), int(everyday[3]) + 1)]
    hosts: list[str] = []
    for piece in _PIECE.findall(text):
        # Text between brackets at even places, what stands in them at odd ones.
        parts = _GROUP.split(piece)
        if any("[" in part or "]" in part for part in parts[::2]):
            raise ValueError("a bracket of a host list that does not close")
        ranges = [_ranges(group) for group in parts[1::2]]
        if len(hosts) + prod(sum(map(len, group)) for group, _ in ranges) > _MOST_HOSTS:
            raise ValueError(f"a list of more than {_MOST_HOSTS:,} hosts")
        choices: list[list[str]] = [[parts[0]]]
        for (group, widths), literal in zip(ranges, parts[2::2], strict=True):
            numbers = (f"{n:0{width}d}" for spans, width in zip(group, widths, strict=True) for n in spans)
            choices.append([number + literal for number in numbers])
        hosts += map("".join, product(*choices))
    return hosts


def _ranges(group: str) -> tuple[list[range], list[int]]:
    """Return the numbers in a pair of brackets, and how wide each of them is written."""
    found = [_RANGE.fullmatch(part) for part in group.split(",")]
    spans: list[range] = []
    widths: list[int] = []
    for one in found:
        if one is None or int(one[2] or one[1]) < int(one[1]):
            raise ValueError("no numbers in the brackets of a host list")
        spans.append(range(int(one[1]), int(one[2] or one[1]) + 1))
        widths.append(len(one[1]))
    return spans, widths
