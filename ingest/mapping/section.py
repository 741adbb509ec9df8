"""A table of a TOML file, read key by key: what is unknown, or of the wrong kind, is a problem with its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ingest.mapping.errors import hint


class Section:
    """One table of the mapping.

    Parameters
    ----------
    place
        Where it stands, for messages: ``events.time_utc``.
    content
        The table.
    allowed
        Keys it may have; any other is a problem.
    problems
        Collects what is wrong.
    """

    def __init__(self, place: str, content: object, allowed: Collection[str], problems: list[str]) -> None:
        self.place = place
        self.problems = problems
        self._content: dict[str, Any] = {}
        if not isinstance(content, dict):
            self.problem("", f"expected a table, found {shown(content)}")
            return
        self._content = content
        for key in content:
            if key not in allowed:
                self.problem(key, f"is no key of a mapping here; {hint(key, list(allowed))}")

    def __contains__(self, key: str) -> bool:
        return key in self._content

    @property
    def names(self) -> tuple[str, ...]:
        """Return the keys in the order of the file."""
        return tuple(self._content)

    def problem(self, key: str, text: str) -> None:
        """Note what is wrong with a key."""
        self.problems.append(f"{'.'.join(part for part in (self.place, key) if part)} {text}")

    def raw(self, key: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the value of a key as it is, or None."""
        return self._content.get(key)

    def text(self, key: str) -> str | None:
        """Return a text that is not blank, or None."""
        value = self._content.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.problem(key, f"expected a text, found {shown(value)}")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts."""
        value = self._content.get(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        if not items or not all(isinstance(item, str) for item in items):
            self.problem(key, f"expected a text or a list of texts, found {shown(value)}")
            return ()
        return tuple(items)

    def whole(self, key: str) -> int | None:
        """Return a whole number from 0, or None."""
        value = self._content.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problem(key, f"expected a whole number, found {shown(value)}")
            return None
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false if it is not said."""
        value = self._content.get(key, False)
        if not isinstance(value, bool):
            self.problem(key, f"expected true or false, found {shown(value)}")
            return False
        return value

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """Return one of a few texts, or None."""
        value = self.text(key)
        if value is not None and value not in choices:
            self.problem(key, f"{value!r} is none of {', '.join(choices)}")
            return None
        return value

    def table(self, key: str) -> dict[str, Any]:
        """Return a table that is not empty; empty if it is not said."""
        value = self._content.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict) or not value:
            self.problem(key, f"expected a table, found {shown(value)}")
            return {}
        return value


def shown(value: object) -> str:
    """Return a value for a message, cut.

    >>> shown([1])
    '[1]'
    """
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
