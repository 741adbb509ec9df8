"""The command line: a thin face over the analyses, and the root that wires ingest, dashboard and simulator to them.

Exit status: 0 done, 1 a threshold given with ``--fail-on`` is crossed (or ``doctor`` found a fault), 2 bad usage or
input, told in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from models.errors import ModelError
from reliability.cli import (
    causes,
    data,
    faces,
    goodput,
    intake,
    jobs,
    lake,
    lemons,
    plan,
    rates,
    replay,
    study,
    survival,
    topology,
    validation,
)
from reliability.cli.output import note
from reliability.errors import ReliabilityError

app = typer.Typer(
    name="reliability",
    help="What fails in our cluster, how often, how sure are we, what does it cost, and what should we change?",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (
    intake,
    data,
    rates,
    causes,
    jobs,
    lemons,
    survival,
    study,
    goodput,
    plan,
    replay,
    topology,
    lake,
    faces,
    validation,
):
    module.register(app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback signature
    if wanted:
        typer.echo(f"reliability {version('cluster-reliability')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Trace-driven reliability analytics for compute clusters."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; no user error shows a traceback.

    Parameters
    ----------
    arguments
        What follows the program's name; None for the process's own.
    """
    command = typer.main.get_command(app)
    try:
        outcome = command.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except typer.TyperException as error:
        # No arguments at all: the message is the help itself.
        message = error.format_message()
        note(message if "\n" in message else f"reliability: {' '.join(message.split())}")
        return 2
    except (ReliabilityError, ModelError) as error:
        note(f"reliability: {' '.join(str(error).split())}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        note("reliability: stopped")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (head, less): nothing is left to say, nor to flush at exit.
        sys.stdout = None
        return 0
    return outcome if isinstance(outcome, int) else 0


def run() -> None:
    """Entry point of the ``reliability`` command."""
    sys.exit(main())
