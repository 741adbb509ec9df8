"""``reliability lemons``: which nodes fail far more than the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    JsonOption,
    LakeOption,
    moment,
)
from reliability.cli.output import note, notes, print_answer, print_table

if TYPE_CHECKING:
    from reliability.analyses.lemons import Lemons

_COLUMNS: Final = (
    "node",
    "named_by_model",
    "is_lemon_now",
    "named_by_rule",
    "probability",
    "since_utc",
    "failures",
    "expected_failures",
    "rate_per_1000_node_days",
    "low",
    "high",
    "posterior_rate_per_1000_node_days",
    "last_repair_utc",
)
#: nodes listed that nobody names, so that a reader sees who comes next
_NEXT: Final = 5
_TROUBLES: Final = ("from_utc", "back_utc", "symptom", "is_shared", "is_relapse", "is_repair", "attempts", "reason")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lemons)


def lemons(
    node: Annotated[str | None, typer.Option("--node", metavar="NAME", help="One node, with its evidence.")] = None,
    window_days: Annotated[
        float | None, typer.Option("--window-days", help="The model looks back so far; everything if not said.")
    ] = None,
    rule_days: Annotated[float, typer.Option("--rule-days", help="The rule looks back so far.")] = 28.0,
    fdr: Annotated[float, typer.Option("--fdr", help="Bound of the expected share of wrong names.")] = 0.1,
    factor: Annotated[
        float, typer.Option("--factor", help="A lemon fails at least so many times as often as the fleet.")
    ] = 4.0,
    back_test: Annotated[
        bool, typer.Option("--back-test", help="What large jobs would have lived through, had lemons been drained.")
    ] = False,
    min_gpus: Annotated[int, typer.Option("--min-gpus", min=1, help="With --back-test: GPUs of a large job.")] = 512,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="Judge by what was known at this time (UTC).")
    ] = None,
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Which nodes fail far more than the fleet: a model of every node's rate, and the rule of Kokolis et al."""
    from reliability.analyses.lemon_drains import lemon_back_test  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.lemons import lemons as ask  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = open_lake(lake)
    if back_test:
        test = lemon_back_test(
            opened, rule_days=rule_days, min_gpus=min_gpus, fdr=fdr, factor=factor, confidence=confidence
        )
        print_answer(test, as_json=as_json, as_csv=as_csv)
        if not (as_json or as_csv):
            print()
            print_table(test.drained_rows(), title="drained")
            note(f"{test.definition} Intervals: Clopper-Pearson and exact Poisson, {confidence:.0%}.")
            notes(f"warning: {warning}" for warning in test.warnings)
        return
    found = ask(
        opened,
        as_of=moment("--as-of", as_of),
        window_days=window_days,
        rule_days=rule_days,
        fdr=fdr,
        factor=factor,
        confidence=confidence,
    )
    if node is not None:
        found = found.of_node(node)
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found, one=node is not None)


def _print(found: Lemons, *, one: bool) -> None:
    named = sum(row.named_by_model or row.named_by_rule for row in found.nodes)
    first = sorted(found.nodes, key=lambda row: not (row.named_by_model or row.named_by_rule))[: named + _NEXT]
    rows = {(row["cluster"], row["node"]): row for row in found.rows()}
    print_table([rows[row.cluster, row.node] for row in first], _COLUMNS)
    if one:
        for row in first:
            print()
            print_table([dict(trouble) for trouble in row.troubles], _TROUBLES, f"troubles of {row.node}")
            notes(f"- {sentence}" for sentence in row.evidence)
    elif len(found.nodes) > len(first):
        note(f"{len(found.nodes) - len(first):,} more nodes that nobody names: --csv lists them all")
    note(f"{found.definition} Rates per 1000 node-days, exact Poisson, {found.confidence:.0%}.")
    notes(f"warning: {warning}" for warning in found.warnings)
