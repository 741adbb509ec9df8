"""From TOML to a cluster specification: the presets that come along, and files of one's own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from synthetic_traces.errors import BadSpecError, UnknownPresetError
from synthetic_traces.spec.cluster import ClusterSpec

_PRESETS = files("synthetic_traces").joinpath("presets")


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names that :func:`preset_spec` knows.

    >>> "tiny" in preset_names()
    True
    """
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in _PRESETS.iterdir() if entry.name.endswith(".toml"))
    )


@cache
def preset_spec(preset: str) -> ClusterSpec:
    """Look a preset up by name.

    Parameters
    ----------
    preset
        Its name.

    Returns
    -------
    ClusterSpec
        The cluster it stands for.

    Raises
    ------
    UnknownPresetError
        There is no such preset; the message names those that exist.

    Examples
    --------
    >>> preset_spec("tiny").fleet.nodes
    64
    """
    if preset not in preset_names():
        raise UnknownPresetError(preset, preset_names())
    return _decode(_PRESETS.joinpath(f"{preset}.toml").read_bytes(), f"{preset}.toml")


def load_spec(path: Path) -> ClusterSpec:
    """Read a specification of one's own.

    Parameters
    ----------
    path
        TOML file; the presets are examples.

    Returns
    -------
    ClusterSpec
        The cluster.

    Raises
    ------
    BadSpecError
        The file cannot be read, is no TOML, or has a field that is missing, unknown or of the wrong kind; the message
        says which.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadSpecError(str(path), error.strerror or str(error)) from error
    return _decode(content, str(path))


def _decode(content: bytes, name: str) -> ClusterSpec:
    try:
        return msgspec.toml.decode(content, type=ClusterSpec)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadSpecError(name, str(error)) from error
    except UnicodeDecodeError as error:
        raise BadSpecError(name, f"not UTF-8 text at byte {error.start}") from error
