"""What figures of lives share: the names of things, the unit of age, colours, and which groups are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from reliability.figures.theme import PALETTE, label, plural

HOURS_PER_DAY: Final = 24.0
_HOURS_PER_YEAR: Final = 8766.0
#: a curve with more steps is drawn at this many of them; the eye cannot tell
_MOST_STEPS: Final = 800
#: more curves than hues cannot be told apart
MOST_GROUPS: Final = len(PALETTE)


class Counted(Protocol):
    """A group with the lives and failures it rests on."""

    @property
    def lives(self) -> int:
        """Lives."""

    @property
    def events(self) -> int:
        """Failures."""


Group = TypeVar("Group", bound=Counted)


def plural_of(component: str) -> str:
    """Return what many of a component are called.

    >>> plural_of("gpu"), plural_of("switch"), plural_of("repair")
    ('GPUs', 'switches', 'repairs of nodes')
    """
    return {
        "gpu": "GPUs",
        "nic": "NICs",
        "switch": "switches",
        "psu": "PSUs",
        "dimm": "DIMMs",
        "cpu": "CPUs",
        "repair": "repairs of nodes",
    }.get(component, f"{component}s")


def title_of(what: str, component: str, by: str | None) -> str:
    """Return a title.

    >>> title_of("Survival", "gpu", "main_cage")
    'Survival of GPUs by main cage'
    """
    grouped = "" if by is None else f" by {label(by.replace('_', ' '))}"
    return f"{what} of {plural_of(component)}{grouped}"


def counted(component: str, groups: Sequence[Counted]) -> str:
    """Return how many lives and failures the figure rests on."""
    lives, events = sum(group.lives for group in groups), sum(group.events for group in groups)
    if component == "repair":
        return f"{plural(events, 'repair')} in {plural(lives, 'outage')}"
    of = f"{lives:,} stretches between outages" if component == "node" else plural(lives, "unit")
    return f"{plural(events, 'failure')} of {of}"


def shown(groups: Sequence[Group]) -> tuple[list[Group], str]:
    """Return the groups that are drawn, the largest of too many, and the words that say so."""
    if len(groups) <= MOST_GROUPS:
        return list(groups), ""
    largest = sorted(groups, key=lambda group: -group.lives)[:MOST_GROUPS]
    return [group for group in groups if group in largest], f" · the {MOST_GROUPS} largest of {len(groups)} groups"


def time_unit(longest_hours: float) -> tuple[float, str]:
    """Return the unit of an axis of age: its hours and its name."""
    if longest_hours > 2 * _HOURS_PER_YEAR:
        return _HOURS_PER_YEAR, "years"
    return (HOURS_PER_DAY, "days") if longest_hours > 4 * HOURS_PER_DAY else (1.0, "hours")


def age_axis(component: str, unit: str) -> str:
    """Return what the axis of age says."""
    return f"time since the outage began ({unit})" if component == "repair" else f"time in service ({unit})"


def steps_drawn(rows: int) -> npt.NDArray[np.int64]:
    """Return the rows of a step function that are drawn."""
    return np.unique(np.linspace(0, rows - 1, _MOST_STEPS).astype(np.int64))


def colour(number: int) -> str:
    """Return the hue of a group."""
    return PALETTE[number % len(PALETTE)]
