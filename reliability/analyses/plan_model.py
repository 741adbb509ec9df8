"""The checkpoint of a model: its parameters, its bytes, and how long a storage takes to write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError
from models.goodput.storage import write_seconds_from_storage
from models.transformer import PRESETS, Architecture, architecture_from_config, architecture_preset, parameter_count
from models.transformer import checkpoint_bytes as bytes_of_checkpoint
from reliability.errors import InputNotFoundError, UnreadableInputError

#: what a checkpoint holds: master weights and Adam's two moments, all that a restart needs
_KIND = "optimizer"


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model by what matters to a plan."""

    name: str
    parameters: int
    checkpoint_bytes: int

    def write_seconds(self, storage_gbps: float) -> float:
        """Return how long a storage that takes so many gigabits per second from all ranks needs for one checkpoint.

        >>> round(planned_model("llama-3.1-405b").write_seconds(2000), 1)
        19.5
        """
        return write_seconds_from_storage(self.checkpoint_bytes, storage_gbps)


def planned_model(name_or_path: str) -> PlannedModel:
    """Return a published model by its name, or one by its ``config.json``.

    Parameters
    ----------
    name_or_path
        A name such as ``llama-3.1-405b``, or the path of a Hugging Face ``config.json``.

    Raises
    ------
    InputNotFoundError, UnreadableInputError
        If the path leads nowhere, or to something else.
    models.errors.ModelError
        If no model has this name; the message lists those that are known.

    Examples
    --------
    >>> planned_model("llama-3.1-405b")
    PlannedModel(name='llama-3.1-405b', parameters=405853388800, checkpoint_bytes=4870240665600)
    """
    architecture = model_architecture(name_or_path)
    return PlannedModel(name_or_path, parameter_count(architecture), bytes_of_checkpoint(architecture, _KIND))


def model_architecture(name_or_path: str) -> Architecture:
    """Return the architecture of a published model by its name, or of one by its ``config.json``.

    Parameters
    ----------
    name_or_path
        As for `planned_model`, which raises the same errors.

    Examples
    --------
    >>> model_architecture("llama-3.1-405b").layers
    126
    """
    return _of_file(Path(name_or_path)) if _is_path(name_or_path) else architecture_preset(name_or_path)


def _is_path(name: str) -> bool:
    return name not in PRESETS and (name.endswith(".json") or "/" in name or Path(name).exists())


def _of_file(path: Path) -> Architecture:
    place = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(place.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputNotFoundError(place) from error
    except (OSError, ValueError) as error:  # JSON and Unicode errors are ValueErrors
        raise UnreadableInputError(place, f"not a JSON file: {error}") from error
    if not isinstance(config, dict):
        raise UnreadableInputError(place, "not the configuration of a model: it holds no JSON object")
    try:
        return architecture_from_config(config)
    except ModelError as error:
        raise UnreadableInputError(place, str(error)) from error
