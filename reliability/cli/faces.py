"""Commands that show: report, dashboard, demo."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reliability.cli.options import DEFAULT_LAKE, ConfidenceOption, FromOption, JsonOption, LakeOption, ToOption, moment
from reliability.cli.output import note, print_table
from reliability.documents import to_json
from reliability.errors import OutputError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEMO_SEED = 1


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (report, dashboard, demo):
        app.command()(command)


def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="File to write.")],
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained HTML file that answers the questions for this lake."""
    from reliability.lake import open_lake  # noqa: PLC0415 - keeps --help instant
    from reliability.report import write_report  # noqa: PLC0415

    written = write_report(
        open_lake(lake),
        out,
        lambda: datetime.now(UTC),
        confidence=confidence,
        from_utc=moment("--from", from_time),
        to_utc=moment("--to", to_time),
    )
    if as_json:
        print(to_json({"path": str(written), "file_bytes": written.stat().st_size}))
    else:
        note(f"wrote {written}")


def dashboard(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; the default is this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8050,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """Serve the dashboard until interrupted."""
    from dashboards.app import serve  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = open_lake(lake)

    def announce(address: str) -> None:
        if as_json:
            print(to_json({"address": address, "lake": str(opened.path)}), flush=True)
        note(f"dashboard of {opened.path} at {address} (Ctrl-C stops it)")
        if host not in ("127.0.0.1", "localhost", "::1"):
            note("anyone who reaches this address can read the lake: there is no login")

    serve(opened.path, host=host, port=port, listening=announce)


def demo(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder for logs, lake and report.")] = Path(
        "demo"
    ),
    as_json: JsonOption = False,
) -> None:
    """Simulate a small cluster, take its logs in, print what failed and what it cost, write a report."""
    from ingest.source import Options  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.causes import causes  # noqa: PLC0415
    from reliability.analyses.plan import measured_rate, plan  # noqa: PLC0415
    from reliability.analyses.rates import rates  # noqa: PLC0415
    from reliability.cli.data import simulate  # noqa: PLC0415
    from reliability.cli.intake import ingest_document, take_in  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415
    from reliability.report import write_report  # noqa: PLC0415

    logs, lake_path, report_path = folder / "logs", folder / "lake", folder / "report.html"
    note(f"simulating 64 nodes for 60 days into {logs} …")
    simulated = simulate("tiny", _DEMO_SEED, logs)
    note(f"taking the logs into {lake_path} …")
    folders = sorted({path.parent for path in simulated.files} - {logs / "truth"})
    ingested = take_in(lake_path, folders, Options())
    lake = open_lake(lake_path)
    node_rates, attempt_rates, by_cause = rates(lake, "node"), rates(lake, "attempt", min_gpus=128), causes(lake)
    planned = plan(512, measured_rate(lake), checkpoint_write_seconds=120.0)
    note(f"writing {report_path} …")
    write_report(lake, report_path, lambda: datetime.now(UTC))
    if as_json:
        print(
            to_json(
                {
                    "ingest": ingest_document(lake_path, ingested),
                    "node_rates": node_rates.document(),
                    "attempt_rates": attempt_rates.document(),
                    "causes": by_cause.document(),
                    "plan": planned.document(),
                    "report": str(report_path),
                }
            )
        )
    else:
        rate = ("failures", "exposure_node_days", "rate_per_1000_node_days", "low", "high")
        shown = (*rate, "mttf_hours", "mttf_low_hours", "mttf_high_hours")
        print_table(node_rates.rows(), shown, "how often does a node fail (90% interval)")
        print()
        print_table(attempt_rates.rows(), shown, "how often does the infrastructure end a job of more than 128 GPUs")
        print()
        print_table(
            by_cause.rows(),
            ("cause", "failures", "share", "rate_per_1000_node_days", "low", "high", "lost_gpu_hours"),
            "what ended the jobs, and the GPU-hours it cost",
        )
        print()
        ettr = ("ettr_v2", "ettr_v2_low", "ettr_v2_high", "interval_v2_optimal_minutes")
        columns = ("gpus", "mttf_hours", "mttf_low_hours", "mttf_high_hours", *ettr)
        print_table(planned.rows(), columns, "a run on all 512 GPUs, hourly checkpoints of 2 min")
    note(f"report:    {report_path}")
    # Run from an environment that is not active, the bare name would not be found.
    program = "reliability" if shutil.which("reliability") else sys.argv[0]
    note(f"dashboard: {program} dashboard --lake {lake_path}")


def write_figure(figure: go.Figure, out: str) -> None:
    """Write one figure as a self-contained HTML file.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        Path(out).write_text(figure.to_html(include_plotlyjs=True, full_html=True), encoding="utf-8")
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from error
    note(f"wrote {out}")
