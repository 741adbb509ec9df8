"""``reliability status`` and ``reliability sql``: what is in the lake."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Annotated

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    CsvOption,
    JsonOption,
    LakeOption,
)
from reliability.cli.output import print_table
from reliability.documents import to_csv, to_json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(sql)


def status(lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """What is in the lake: tables, files taken in, rejects, time covered."""
    from reliability.analyses.status import status as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    found = ask(open_lake(lake))
    if as_json:
        print(to_json(found.document()))
        return
    print_table(found.tables, title="tables")
    print()
    print_table(
        found.files, ("path", "format", "cluster", "rows_read", "rows_used", "rows_rejected", "rows_dropped"), "files"
    )
    print()
    print_table(found.rejects, title="rejects by reason")
    print()
    print_table(found.observation, title="time covered")


def sql(
    statement: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over the tables and marts.")],
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Ask the tables and marts in SQL. A JSON array with --json or into a pipe, a table on a terminal."""
    from reliability.engines.duckdb_engine import DuckDBEngine  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    with closing(DuckDBEngine(open_lake(lake))) as engine:
        rows = engine.select(statement)
    if as_csv:
        print(to_csv(rows), end="")
    elif as_json or not sys.stdout.isatty():
        print(to_json(rows))
    else:
        print_table(rows)
