"""What the numbers rest on."""

from __future__ import annotations

from reliability.analyses.status import Status
from reliability.report.numbers import count, day, number
from reliability.report.sections.section import Section, Table


def quality_section(status: Status) -> Section:
    """Say what the numbers rest on: files, rejects, warnings, windows."""
    files = tuple(
        (
            row["path"],
            row["format"],
            row["cluster"],
            *(count(row[f"rows_{kind}"]) for kind in ("read", "used", "rejected", "dropped")),
            "; ".join(row["warnings"]),
        )
        for row in status.files
    )
    tables = [
        Table(
            ("file", "format", "cluster", "read", "used", "rejected", "dropped", "warnings"),
            files,
            frozenset({3, 4, 5, 6}),
        )
    ]
    if status.rejects:
        rejects = tuple(
            (row["reason"], count(row["rejected_rows"]), row["first_path"], count(row["first_line"]))
            for row in status.rejects
        )
        tables.append(Table(("why a record was refused", "records", "first in", "line"), rejects, frozenset({1, 3})))
    windows = tuple(
        (row["cluster"], row["table_name"], day(row["from_utc"]), day(row["to_utc"]), number(row["observed_days"]))
        for row in status.observation
    )
    tables.append(Table(("cluster", "table", "observed from", "to", "days"), windows, frozenset({4})))
    text = (
        "Every record of a file is used, rejected with a reason, or dropped: a repeat, or a detail of another. "
        "Rates count what lies within the time that the logs of a table cover."
    )
    figures = (status.figure(),) if status.observation else ()
    return Section("What the numbers rest on", text, figures, tuple(tables))
