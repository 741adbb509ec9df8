"""What a file's path says that its content does not: the node, job or cluster it is of.

>>> facts = PathPattern("{cluster}/{node}/dmesg*")
>>> facts.match(Path("/logs/east/gpu-017/dmesg.1.gz"))
{'cluster': 'east', 'node': 'gpu-017'}
>>> facts.match(Path("/logs/readme"))
{}
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reliability.errors import BadOptionError

_NAMES: Final = ("cluster", "node", "job")
_OPTION: Final = "--from-path"
_EXPECTED: Final = "a pattern for the end of the path, with {node}, {job} or {cluster} once each, such as {node}/dmesg*"


class PathPattern:
    """A pattern for the end of a path.

    Parameters
    ----------
    text
        Literal text; ``*`` for anything but a slash; ``{node}``, ``{job}``, ``{cluster}`` for the facts, each at least
        one character, no slash, and as short as the rest allows.

    Raises
    ------
    BadOptionError
        If the pattern names no fact, one twice, or an unknown one.
    """

    def __init__(self, text: str) -> None:
        pieces = re.split(r"(\{[^{}]*\}|\*)", text)
        named = [piece[1:-1] for piece in pieces if piece.startswith("{")]
        if not named or len(set(named)) < len(named) or not set(named) <= set(_NAMES):
            raise BadOptionError(_OPTION, text, _EXPECTED)
        body = "".join(_regex(piece) for piece in pieces)
        self.text = text
        self._pattern = re.compile(rf"(?:.*/)?{body}")

    def match(self, path: Path) -> dict[str, str]:
        """Return the facts that a path tells; empty if it has another form."""
        found = self._pattern.fullmatch(path.as_posix())
        return {} if found is None else found.groupdict()


def _regex(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    return f"(?P<{piece[1:-1]}>[^/]+?)" if piece.startswith("{") else re.escape(piece)
