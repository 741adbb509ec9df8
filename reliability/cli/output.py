"""Printing: tables a person can read, JSON and CSV for machines. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from reliability.documents import iso, printable, to_csv, to_json

if TYPE_CHECKING:
    from reliability.analyses.answer import Answer

Row = dict[str, Any]
_CELL_CUT: Final = 120
_LIST_SHOWN: Final = 3


def print_answer(answer: Answer, *, as_json: bool, as_csv: bool, columns: Sequence[str] = ()) -> None:
    """Print an answer in the form asked for.

    Parameters
    ----------
    answer
        What was found.
    as_json, as_csv
        Machine forms; at most one.
    columns
        Columns of the table for people; empty for all. The machine forms always have all.
    """
    if as_json:
        print(to_json(answer.document()))
    elif as_csv:
        print(to_csv(answer.rows()), end="")
    else:
        print_table(answer.rows(), columns)


def print_table(rows: Sequence[Row], columns: Sequence[str] = (), title: str | None = None) -> None:
    """Print rows as a table; numbers rounded to four significant digits."""
    from rich.console import Console  # noqa: PLC0415 - rich is slow to load and --json does without it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # Into a pipe or file the whole row is printed, however wide.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 240, highlight=False)
    if not rows:
        console.print(Text(f"{title}: nothing" if title else "(no rows)"))
        return
    names = list(columns) or list(rows[0])
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(Text(name.replace("_", " ")), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # Text, not markup: a job name may hold anything.
        table.add_row(*(Text(cell(row.get(name))) for name in names))
    console.print(table)


def note(message: str) -> None:
    """Tell the person at the terminal something, on stderr."""
    print(harmless(message), file=sys.stderr)


def notes(messages: Iterable[str]) -> None:
    """Tell several things, one a line."""
    for message in messages:
        note(message)


def harmless(text: str) -> str:
    r"""Return lines that no log can make move the cursor, and that any stream takes.

    >>> print(harmless("job \x1b[2J7\nof ü\udcff"))
    job �[2J7
    of ü\udcff
    """
    return "".join(
        character if character.isprintable() or character in "\n\t" else "�" for character in printable(text)
    )


def cell(value: object) -> str:
    """Return a value as a person reads it; control characters of a log cannot move the cursor.

    >>> cell(1.80288), cell(None), cell(True), cell(12000.0), cell(["a", "b"])
    ('1.803', '–', 'yes', '12,000', 'a b')
    """
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return _number(value)
        case datetime():
            return iso(value.replace(microsecond=0))
        case list() | tuple():
            return _printable(_some(value))
    return _printable(str(value))


def _some(items: Sequence[object]) -> str:
    shown = " ".join(str(item) for item in items[:_LIST_SHOWN])
    return shown if len(items) <= _LIST_SHOWN else f"{shown} … {len(items) - _LIST_SHOWN} more"


def _number(value: float) -> str:
    if value != 0 and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.3e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _printable(text: str) -> str:
    clean = "".join(character if character.isprintable() else "�" for character in text)
    return clean if len(clean) <= _CELL_CUT else f"{clean[: _CELL_CUT - 1]}…"
