"""The door for planned fabrics: every kind at its published size, or at another one, by named settings."""

from __future__ import annotations

from collections.abc import Mapping

from models.topology.design import Design, Setting, Value
from models.topology.errors import UnknownFabricKindError, UnknownSettingError
from models.topology.fabric import Fabric
from models.topology.published_designs import DESIGNS

__all__ = ["DESIGNS", "Design", "Setting", "Value", "design_fabric", "design_settings"]


def design_fabric(kind: str, settings: Mapping[str, str | Value] | None = None) -> Fabric:
    """Build a fabric of a kind at its published size, but for what is set.

    Parameters
    ----------
    kind : str
        One of `DESIGNS`.
    settings : mapping of str to str or number, optional
        Values of the kind's settings; texts, as from a command line, are read.

    Returns
    -------
    Fabric
        The fabric.

    Raises
    ------
    UnknownFabricKindError
        There is no such kind.
    UnknownSettingError, UnreadableSettingError
        The kind has no such setting, or the value is none.
    ModelError
        A fabric of such sizes cannot be: the builders' errors.

    Examples
    --------
    >>> published = design_fabric("railx")
    >>> published.hosts * published.gpus_per_host
    102400
    >>> larger = design_fabric("railx", {"m": "7"})
    >>> larger.hosts * larger.gpus_per_host
    200704
    >>> design_fabric("railx", {"n": 7})
    Traceback (most recent call last):
    models.topology.errors.UnknownSettingError: fabric 'railx' has no setting 'n'; its settings: gpus, m, ocs_ports, \
links_per_side, adapter_gbps
    """
    known = {setting.name: setting for setting in design_settings(kind)}
    values: dict[str, Value] = {name: setting.default for name, setting in known.items()}
    for name, value in (settings or {}).items():
        if name not in known:
            raise UnknownSettingError(kind, name, known)
        values[name] = known[name].read(value)
    return _design(kind).build(**values)


def design_settings(kind: str) -> tuple[Setting, ...]:
    """Return what can be chosen about a kind of fabric.

    Parameters
    ----------
    kind : str
        One of `DESIGNS`.

    Returns
    -------
    tuple of Setting
        In the order for a reader.

    Raises
    ------
    UnknownFabricKindError
        There is no such kind.
    """
    return _design(kind).settings


def _design(kind: str) -> Design:
    design = next((design for known, design in DESIGNS.items() if known == kind), None)
    if design is None:
        raise UnknownFabricKindError(kind, DESIGNS)
    return design
