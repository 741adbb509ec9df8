"""What stragglers and degraded networks cost an attempt: a gang goes at the pace of its slowest node."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Spell(NamedTuple):
    """A time in which one node of an attempt is slow.

    Parameters
    ----------
    begin, end
        Seconds.
    slowdown
        Share by which work takes longer.
    """

    begin: float
    end: float
    slowdown: float


def with_spell(spells: tuple[Spell, ...], spell: Spell) -> tuple[Spell, ...]:
    """Add a spell that begins no earlier than those before.

    Parameters
    ----------
    spells
        Those so far.
    spell
        Another; many nodes behind one switch give one spell, not one each.

    Returns
    -------
    tuple of Spell
        With it.

    Examples
    --------
    >>> with_spell((Spell(0, 100, 0.5),), Spell(40, 120, 0.5))
    (Spell(begin=0, end=120, slowdown=0.5),)
    """
    apart = tuple(s for s in spells if s.slowdown != spell.slowdown or s.end < spell.begin)
    joined = [s for s in spells if s.slowdown == spell.slowdown and s.end >= spell.begin]
    begin, end = min(s.begin for s in (*joined, spell)), max(s.end for s in (*joined, spell))
    return (*apart, Spell(begin, end, spell.slowdown))


def lost_seconds(spells: tuple[Spell, ...], until: int) -> int:
    """Run time that slow nodes have cost.

    Parameters
    ----------
    spells
        Of one attempt.
    until
        Up to when.

    Returns
    -------
    int
        Seconds, rounded down: of a slow second only 1 / (1 + slowdown) is worked, whichever node is the slowest.

    Examples
    --------
    >>> lost_seconds((Spell(0, 300, 0.5), Spell(200, 400, 1.0)), until=350)
    141
    """
    cuts = sorted({min(float(until), moment) for spell in spells for moment in (spell.begin, spell.end)})
    lost = 0.0
    for begin, end in pairwise(cuts):
        slowdown = max((s.slowdown for s in spells if s.begin <= begin and end <= s.end), default=0.0)
        lost += (end - begin) * slowdown / (1 + slowdown)
    return int(lost)


def slowed_end(spells: tuple[Spell, ...], undisturbed: int) -> int:
    """When an attempt ends that slow nodes hold up.

    Parameters
    ----------
    spells
        Of the attempt.
    undisturbed
        When it would end without them.

    Returns
    -------
    int
        Second.

    Examples
    --------
    >>> slowed_end((Spell(0, 300, 0.5),), undisturbed=150), slowed_end((Spell(0, 300, 0.5),), undisturbed=250)
    (224, 350)
    """
    end = undisturbed
    while (later := undisturbed + lost_seconds(spells, end)) > end:
        end = later
    return end
