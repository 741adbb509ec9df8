"""What a caller can get wrong, one exception class per mistake."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class UnknownPresetError(ValueError):
    """A preset was named that does not exist."""

    def __init__(self, preset: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown preset {preset!r}; known presets: {', '.join(sorted(known))}")


class OutputNotEmptyError(ValueError):
    """The output folder holds something that an earlier synthetic trace did not write."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            f"{out} already exists and is not an earlier synthetic trace; name a new or an empty folder "
            "(nothing was written or deleted)"
        )


class BadSpecError(ValueError):
    """A cluster specification cannot be used."""

    def __init__(self, name: str, reason: str) -> None:
        self.reason = " ".join(reason.split())
        super().__init__(f"{name}: {self.reason}")
