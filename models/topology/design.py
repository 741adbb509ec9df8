"""What a kind of fabric can be planned by: its settings, each with a default and a meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.topology.errors import UnreadableSettingError
from models.topology.fabric import Fabric, FabricKind

Value = bool | int | float


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that can be chosen about a fabric.

    Parameters
    ----------
    name : str
        As ``--set name=value`` takes it.
    default : bool, int or float
        What the published fabric has; values are of its type.
    meaning : str
        For a reader.
    """

    name: str
    default: Value
    meaning: str

    def read(self, value: str | Value) -> Value:
        """Return a value of the setting's type.

        >>> Setting("radix", 64, "ports of a switch").read("128")
        128
        """
        text = str(value).strip().lower()
        if isinstance(self.default, bool):
            if text in _TRUTHS:
                return _TRUTHS[text]
            raise UnreadableSettingError(self.name, value, "yes or no")
        try:
            number = float(text)
        except ValueError:
            raise UnreadableSettingError(self.name, value, "a number") from None
        if isinstance(self.default, float):
            return number
        if not number.is_integer():
            raise UnreadableSettingError(self.name, value, "a whole number")
        return int(number)


_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Design:
    """A kind of fabric.

    Parameters
    ----------
    kind : str
        Of fabric.
    build : callable
        Takes all settings by name.
    settings : tuple of Setting
        What can be chosen; all kinds have ``gpus`` and ``adapter_gbps``.
    source : str
        Where the sizes are published.
    derived : str
        What is not published but concluded, for a reader; empty if nothing is.
    """

    kind: FabricKind
    build: Callable[..., Fabric]
    settings: tuple[Setting, ...]
    source: str
    derived: str = ""
