"""Every input in tests/cases becomes the rows beside it; ``pytest tests/ingest --update-golden`` writes them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parents[1] / "cases"
INPUTS = sorted(CASES.glob("*/*.input"))


@pytest.mark.parametrize("case", INPUTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_input_becomes_the_expected_rows(
    case: Path, feed: Callable[..., Any], everything: Callable[..., dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    options_file = case.with_name(f"{case.stem}.options.json")
    options = json.loads(options_file.read_text()) if options_file.exists() else {}
    if "columns" in options:
        options["columns"] = tuple(options["columns"])

    (report,) = feed(case, **options).files

    assert report.format == case.parent.name
    assert report.rows_read == report.rows_used + report.rows_rejected + report.rows_dropped
    found = json.dumps(everything(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    expected = case.with_name(f"{case.stem}.expected.json")
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(found, encoding="utf-8")
    assert json.loads(found) == json.loads(expected.read_text(encoding="utf-8"))


def test_there_is_a_case_for_every_format() -> None:
    from ingest.registry import format_names

    assert {path.parent.name for path in INPUTS} == set(format_names())
