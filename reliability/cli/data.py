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


def _list_presets(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if not asked:
        return
    from synthetic_traces import preset_names, preset_spec  # noqa: PLC0415 - keeps --help instant

    specs = {name: preset_spec(name) for name in preset_names()}
    print_table(
        [
            {
                "preset": name,
                "nodes": spec.fleet.nodes,
                "gpus": spec.fleet.nodes * spec.fleet.gpus_per_node,
                "days": spec.days,
                "jobs_per_day": spec.workload.jobs_per_day,
                "fabric": spec.fleet.fabric,
                "correlated_faults": spec.has_correlated_faults,
                "serving": spec.serving is not None,
            }
            for name, spec in specs.items()
        ]
    )
    raise typer.Exit


def synth(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the logs and the truth.")],
    preset: Annotated[
        str,
        typer.Option(
            "--preset", metavar="P", help="Which cluster: tiny (64 nodes, 60 days), …; --list-presets tells them all."
        ),
    ] = "tiny",
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="FILE", help="A cluster of your own, in TOML, instead of a preset.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Equal seeds write equal files.")] = 1,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", metavar="K", min=1, help="How many write large logs at once; all cores if not said."
        ),
    ] = None,
    list_presets: Annotated[  # noqa: ARG001 - ends the command before its body
        bool, typer.Option("--list-presets", is_eager=True, callback=_list_presets, help="Tell the presets and exit.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate a cluster that writes native logs, and the truth beside them."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help instant

    summary = simulate(preset, seed, out, spec=spec, processes=processes)
    document = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(summary).items()}
    if as_json:
        print(to_json(document))
    else:
        print_table([{"quantity": name, "value": value} for name, value in document.items()])
        folders = sorted({str(path.parent) for path in summary.files if path.parent.name != "truth"})
        note(f"take the logs in with: reliability ingest --lake LAKE {' '.join(folders)}")


def simulate(preset: str, seed: int, out: Path, *, spec: Path | None = None, processes: int | None = None) -> Any:  # noqa: ANN401 - its type would load the simulator for --help
    """Write a cluster's logs with a progress bar on stderr; shared by ``synth`` and ``demo``."""
    import os  # noqa: PLC0415 - keeps --help instant

    from synthetic_traces import (  # noqa: PLC0415
        BadSpecError,
        OutputNotEmptyError,
        UnknownPresetError,
        load_spec,
        preset_names,
        write_preset,
        write_trace,
    )

    workers = processes or os.cpu_count() or 1
    try:
        with _share_progress("simulating") as progress:
            if spec is not None:
                return write_trace(load_spec(spec), seed, out, progress, workers, name=f"specification {spec.name}")
            return write_preset(preset, seed, out, progress, workers)
    except UnknownPresetError as error:
        raise BadOptionError("--preset", preset, f"one of {', '.join(preset_names())}") from error
    except BadSpecError as error:
        raise BadOptionError("--spec", spec, f"a cluster specification: {error.reason}") from error
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
