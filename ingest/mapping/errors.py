"""What is wrong with a mapping: said by the place in the file, with what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from reliability.errors import ReliabilityError

#: problems of one file that are told at once
_TOLD: Final = 12


class MappingError(ReliabilityError):
    """A mapping file that cannot be used; names the problems found in it."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        count = "" if len(problems) == 1 else f"{len(problems)} problems: "
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        super().__init__(f"{path}: {count}{'; '.join(problems[:_TOLD])}{more}")


def hint(name: str, known: Collection[str]) -> str:
    """Say which known name is meant, or all of them.

    >>> hint("tme_utc", ["node", "time_utc"])
    'did you mean time_utc?'
    >>> hint("x", ["node", "time_utc"])
    'there are: node, time_utc'
    """
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]}?" if near else f"there are: {', '.join(known)}"
