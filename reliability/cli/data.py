"""Commands around the data: synth, which simulates it, and doctor, which looks after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reliability.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from reliability.cli.output import note, print_table
from reliability.documents import to_json
from reliability.errors import BadOptionError, OutputError

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (synth, doctor):
        app.command()(command)


def synth(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the logs and the truth.")],
    preset: Annotated[
        str, typer.Option("--preset", metavar="P", help="Which cluster: tiny (64 nodes, 60 days).")
    ] = "tiny",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Equal seeds write equal files.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Simulate a cluster that writes native logs, and the truth beside them."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help instant

    summary = simulate(preset, seed, out)
    document = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(summary).items()}
    if as_json:
        print(to_json(document))
    else:
        print_table([{"quantity": name, "value": value} for name, value in document.items()])
        note(f"take the logs in with: reliability ingest --lake LAKE {out}/slurm {out}/kernel")


def simulate(preset: str, seed: int, out: Path) -> Any:  # noqa: ANN401 - its type would load the simulator for --help
    """Write a preset's logs with a progress bar on stderr; shared by ``synth`` and ``demo``."""
    from synthetic_traces import OutputNotEmptyError, UnknownPresetError, preset_names, write_preset  # noqa: PLC0415 - keeps --help instant

    try:
        with _share_progress("simulating") as progress:
            return write_preset(preset, seed, out, progress)
    except UnknownPresetError as error:
        raise BadOptionError("--preset", preset, f"one of {', '.join(preset_names())}") from error
    except OutputNotEmptyError as error:
        raise OutputError(str(out), "neither empty nor an earlier synthetic trace; name a new folder") from error
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error


def doctor(lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> int:
    """Check the installation and the lake: versions, integrity, counts, disk. Exit 1 if something is wrong."""
    from reliability.cli.checks import run_checks  # noqa: PLC0415 - keeps --help instant

    checks = run_checks(lake)
    rows = [{"check": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
    if as_json:
        print(to_json({"rows": rows}))
    else:
        print_table(rows)
    return 0 if all(check.ok for check in checks) else 1


@contextmanager
def _share_progress(description: str) -> Iterator[Callable[[float], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0)
        yield lambda share: bar.update(task, completed=share)
