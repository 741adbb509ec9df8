"""HTML and Markdown of the findings: hostile text is drawn as text, and equal findings give equal pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reliability.validation.attribution import find_attributions
from reliability.validation.case import Intake
from reliability.validation.coverage import IntervalCheck
from reliability.validation.findings import share_row
from reliability.validation.harness import Validation
from reliability.validation.intervals import find_rates
from reliability.validation.lemons import MODEL, RULE, Naming, TrueLemon, find_lemons
from reliability.validation.markdown import markdown
from reliability.validation.page import page
from reliability.validation.sensitivity import Setting, sensitivity_row
from reliability.validation.wording import summary
from tests.lakes import HOSTILE
from tests.reliability.validation.test_attribution import counted

WRONGLY = {MODEL: frozenset({"n2"}), RULE: frozenset({"n1"})}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def found() -> Validation:
    lemons = find_lemons([Naming((TrueLemon("n1", HOSTILE, 9.0),), WRONGLY, {"n2": HOSTILE})], 0.9)
    rates = find_rates([(IntervalCheck("node", 5, 17, 10, 10, 10.0), IntervalCheck(HOSTILE, 5, 17, 40, 10, 40.0))], 0.9)
    verdicts = find_attributions([counted({1: HOSTILE, 2: "a|b"}, {1: HOSTILE, 2: "disk"})], 0.9)
    return Validation(
        preset=HOSTILE,
        clusters=1,
        seed=1,
        confidence=0.9,
        twins=1,
        lemon_free=2,
        headline={**rates.headline, **verdicts.headline, **lemons.headline},
        rows=(*rates.rows, *verdicts.rows, *lemons.rows, share_row("ettr", "ETTR", 0, 0, 0.9, HOSTILE)),
        tables={
            **rates.tables,
            **verdicts.tables,
            **lemons.tables,
            "domains": [{"kind": HOSTILE, "events": 1, "found": 0}],
        },
        sensitivity=(sensitivity_row(Setting("missed_share", 0.2, is_default=False), 1, [rates, verdicts]),),
        intake=Intake(3, 1, 1000, 7),
    )


def test_the_page_is_one_file_that_fetches_nothing_and_runs_no_hostile_text(found: Validation) -> None:
    text = page(found, lambda: NOW)
    assert HOSTILE not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "default-src 'none'" in text
    assert "Written 2026-03-01" in text
    for heading in (
        "Measures",
        "Intervals",
        "Verdicts by cause",
        "Domain incidents",
        "Lemons",
        "Sensitivity",
        "Definitions",
    ):
        assert f"<h2>{heading}</h2>" in text
    assert text.count('class="drawing"') >= 2


def test_lemons_are_listed_by_the_failures_expected_of_them_for_the_model_and_the_rule(found: Validation) -> None:
    text = markdown(found)
    assert "| expected failures | lemons | named by the model | by the paper's rule |" in text
    assert "| 8 to 16 | 1 | 0: 0.0% (0.0–95.0) | 1: 100.0% (5.0–100.0) |" in text
    assert text.count("lemon_") == 0


def test_markdown_is_neither_html_nor_a_broken_table(found: Validation) -> None:
    text = markdown(found)
    assert HOSTILE not in text
    assert "a\\|b" in text
    widths = {
        block.splitlines()[0]: {line.replace("\\|", "").count("|") for line in block.splitlines()}
        for block in text.split("\n\n")
        if block.startswith("|")
    }
    assert len(widths) >= 5
    assert all(len(counts) == 1 for counts in widths.values())
    assert text == markdown(found)


def test_what_rests_on_logs_that_were_not_taken_in_says_so(found: Validation) -> None:
    assert "1 twins without correlated faults, on which intervals are judged, 2 without lemons" in markdown(found)
    assert "3 log files, 1 of them not taken in, 1,000 records, 7 refused" in markdown(found)


def test_what_does_not_reach_its_bar_comes_first_with_the_reason(found: Validation) -> None:
    missed = share_row("recall", "recall", 1, 10, 0.9, "found of true", bar=0.9, note="9 not found: 9 silent")
    reached = share_row("precision", "precision", 10, 10, 0.9, "right of judged", bar=0.9, note="none wrong")
    assert summary(replace(found, rows=(reached, missed))) == [
        "Recall: 10.0% does not reach the bar of 90.0%: 9 not found: 9 silent.",
        "Precision: 100.0% reaches the bar of 90.0%.",
    ]


def test_numbers_of_the_document_are_cut_to_nine_digits(found: Validation) -> None:
    row = found.document()["rows"][0]
    assert row["low"] == float(f"{found.rows[0].low:.9g}")


def test_a_page_without_findings_is_still_a_page(found: Validation) -> None:
    empty = replace(found, tables={}, sensitivity=(), rows=(), headline={})
    assert "<h2>Intervals</h2>" not in page(empty, lambda: NOW)
    assert "(none)" in markdown(empty)
