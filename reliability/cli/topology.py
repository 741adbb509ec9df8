"""``topology``: who shares fate with whom in a fabric, what a fault takes down, and what the log says of it."""

from __future__ import annotations

import typer

from reliability.cli import (
    topology_availability,
    topology_blast,
    topology_collectives,
    topology_compare,
    topology_domains,
    topology_placement,
    topology_show,
)

topology = typer.Typer(
    name="topology",
    help="Failure domains: what one broken part takes down or slows, in a planned fabric or in this cluster.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for module in (
        topology_show,
        topology_blast,
        topology_compare,
        topology_domains,
        topology_placement,
        topology_collectives,
        topology_availability,
    ):
        module.register(topology)
    app.add_typer(topology)
