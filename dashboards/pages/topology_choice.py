"""Which fabric the page is about: that of the lake, or a planned one with its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dash import html
from dash.development.base_component import Component

from dashboards.answers import Answers
from models.topology.designs import DESIGNS
from reliability.analyses.blast import FabricUnderFault, under_fault
from reliability.analyses.fabric import FROM_LAKE, LAKE_SETTINGS, design_of, load_fabric
from reliability.errors import BadOptionError, NoDataError, SeveralClustersError
from reliability.figures.fabric_map import FABRIC_NAMES
from reliability.lake import Lake

_LAKE_TEXT: Final = "of this lake"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the controls say: a fabric, its settings as typed, the broken part, and the group shown in full."""

    fabric: str
    settings: str
    component: str | None
    name: str
    expand: str


def lake_fabrics(answers: Answers) -> bool:
    """Tell whether the lake has cables."""
    try:
        answers.ask(load_fabric)
    except NoDataError:
        return False
    except SeveralClustersError:
        return True  # one must be set
    return True


def choices(has_lake_fabric: bool) -> list[tuple[str, str]]:  # noqa: FBT001 - it is all there is to say
    """Return value and text of the fabrics that can be chosen, that of the lake first, where it has one.

    >>> choices(False)[0]
    ('clos', 'Clos')
    """
    own = [(FROM_LAKE, _LAKE_TEXT)] if has_lake_fabric else []
    return [*own, *((kind, FABRIC_NAMES[kind]) for kind in DESIGNS)]


def fabric_chosen(answers: Answers, fabric: str, settings: str) -> FabricUnderFault:
    """Return the fabric of the controls.

    Raises
    ------
    ReliabilityError, ModelError
        If the lake has none, or a setting cannot be.
    """
    pairs = tuple(sorted(settings_pairs(settings).items()))
    if fabric == FROM_LAKE:
        return answers.ask(_of_lake, pairs)
    return _planned(fabric, pairs)


def settings_pairs(settings: str) -> dict[str, str]:
    """Return the settings as typed, by name; a name given twice has its last value.

    Raises
    ------
    BadOptionError
        If one has no ``=``.

    >>> settings_pairs("gpus=4096, radix=64")
    {'gpus': '4096', 'radix': '64'}
    """
    pairs = {}
    for text in settings.replace(",", " ").split():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadOptionError("settings", text, "name=value, such as gpus=4096")
        pairs[name] = value
    return pairs


def settings_help(fabric: str) -> Component:
    """Return what can be set, with its default and meaning."""
    if fabric == FROM_LAKE:
        lines = [f"{name}: which, where the lake has cables of several" for name in LAKE_SETTINGS]
        source = ""
    else:
        design = design_of(fabric)
        lines = [f"{one.name} = {one.default}: {one.meaning}" for one in design.settings]
        source = f"{design.source}. {design.derived}".strip()
    return html.Details(
        [html.Summary("What can be set"), html.P(source), html.Ul([html.Li(line) for line in lines])],
        className="definition",
    )


def _of_lake(lake: Lake, pairs: tuple[tuple[str, str], ...]) -> FabricUnderFault:
    return under_fault(FROM_LAKE, dict(pairs), lake)


@lru_cache(maxsize=4)  # a fabric of 100,000 GPUs takes hundreds of megabytes
def _planned(fabric: str, pairs: tuple[tuple[str, str], ...]) -> FabricUnderFault:
    return under_fault(fabric, dict(pairs), None)
