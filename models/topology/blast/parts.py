"""What can fail in a fabric: components, the parts of the wiring that each is, and faults as arrays of broken parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from models.topology.blast.wiring import BoolArray, IntArray, Wiring
from models.topology.errors import UnknownComponentError, UnknownComponentKindError

#: what a component consists of
Part = Literal["gpus", "nics", "hosts", "switches", "access", "scale_up", "trunks", "chip_peers", "switch_peers"]


@dataclass(frozen=True, slots=True)
class Component:
    """Something that can fail.

    Parameters
    ----------
    kind : str
        Its class: ``gpu``, ``nic``, ``tor``, …
    name : str
        Unique in the class.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Grouping:
    """Hosts that share something beside the network: a rack, a power feed, a cooling loop, storage.

    Parameters
    ----------
    kind : str
        What they share.
    name : str
        Unique in the kind.
    hosts : tuple of int
        Their numbers.
    """

    kind: str
    name: str
    hosts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ComponentClass:
    """All components of a kind.

    Parameters
    ----------
    kind : str
        The kind.
    part : str
        What they consist of.
    starts, numbers : array of int
        Component i is the parts ``numbers[starts[i]:starts[i + 1]]``.
    label : callable
        Gives the name of component i.
    several : bool
        Whether they are sets of parts.
    """

    kind: str
    part: Part
    starts: IntArray
    numbers: IntArray
    label: Callable[[int], str]
    several: bool = False

    def __len__(self) -> int:
        return len(self.starts) - 1

    def members(self, component: int) -> IntArray:
        """Return the parts that a component consists of."""
        return self.numbers[self.starts[component] : self.starts[component + 1]]

    def component(self, number: int) -> Component:
        """Return a component by its number."""
        return Component(self.kind, self.label(number))

    @cached_property
    def number_of(self) -> Mapping[str, int]:
        """Number of each component by its name."""
        return {self.label(number): number for number in range(len(self))}


Catalogue = Mapping[str, ComponentClass]
#: a component by its class and its number in it
Pick = tuple[ComponentClass, int]


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """What is broken: one array of truth values for each sort of part."""

    gpus: BoolArray
    nics: BoolArray
    hosts: BoolArray
    switches: BoolArray
    access: BoolArray
    scale_up: BoolArray
    trunks: BoolArray
    chip_peers: BoolArray
    switch_peers: BoolArray


def class_of(catalogue: Catalogue, kind: str) -> ComponentClass:
    """Return the components of a kind.

    Raises
    ------
    UnknownComponentKindError
        There is no such kind.
    """
    if kind not in catalogue:
        raise UnknownComponentKindError(kind, catalogue)
    return catalogue[kind]


def picked(catalogue: Catalogue, components: Iterable[Component]) -> tuple[Pick, ...]:
    """Return components by their class and number.

    Raises
    ------
    UnknownComponentKindError, UnknownComponentError
        There is no such component.
    """
    picks = []
    for component in components:
        found = class_of(catalogue, component.kind)
        number = found.number_of.get(component.name)
        if number is None:
            raise UnknownComponentError(component.kind, component.name, found.label(0))
        picks.append((found, number))
    return tuple(picks)


def no_faults(wiring: Wiring) -> Faults:
    """Return that nothing is broken."""
    sizes: dict[Part, int] = {"gpus": wiring.gpus, "nics": wiring.gpus, "hosts": wiring.fabric.hosts}
    sizes |= {"switches": wiring.switches, "access": len(wiring.access), "scale_up": len(wiring.scale_up)}
    sizes |= {"trunks": len(wiring.trunks), "chip_peers": len(wiring.chip_peers)}
    sizes |= {"switch_peers": len(wiring.switch_peers)}
    return Faults(**{part: np.zeros(size, dtype=np.bool_) for part, size in sizes.items()})


def faults_of(wiring: Wiring, catalogue: Catalogue, broken: Iterable[Component]) -> Faults:
    """Return what is broken when components are.

    Raises
    ------
    UnknownComponentKindError, UnknownComponentError
        There is no such component.
    """
    return faults_at(wiring, picked(catalogue, broken))


def faults_at(wiring: Wiring, picks: Iterable[Pick]) -> Faults:
    """Return what is broken when components are, given by their classes and numbers."""
    faults = no_faults(wiring)
    for found, number in picks:
        broken: BoolArray = getattr(faults, found.part)
        broken[found.members(number)] = True
    return faults
