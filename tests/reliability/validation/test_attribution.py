"""Counting verdicts against the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reliability.validation.attribution import USER, Events, Key, TrueEnd, Verdict, Verdicts, compare, find_attributions

END = datetime(2026, 1, 2, 12, tzinfo=UTC)


def key(job: int) -> Key:
    return str(job), END


def verdict(cause: str = USER, node: str | None = "n1") -> Verdict:
    return Verdict(cause != USER, cause, node, END)


def event(kind: str, minutes_after_end: float, node: str = "n1") -> dict[str, object]:
    return {"kind": kind, "node": node, "time_utc": END + timedelta(minutes=minutes_after_end)}


def counted(
    truth: dict[int, str], judged: dict[int, str], events: list[dict[str, object]] | None = None, hidden: str = ""
) -> Verdicts:
    return compare(
        {key(job): TrueEnd(symptom, hidden) for job, symptom in truth.items()},
        {key(job): verdict(cause) for job, cause in judged.items()},
        Events(events or []),
    )


def test_right_verdicts_are_right() -> None:
    found = find_attributions([counted({1: "pcie", 2: USER}, {1: "pcie", 2: USER})], 0.9)
    assert found.headline == {"attribution_precision": 1.0, "attribution_recall": 1.0, "unattributed_share": 0.0}


def test_counts_are_summed_over_clusters_before_a_share_is_taken() -> None:
    many = counted(dict.fromkeys(range(9), "disk"), dict.fromkeys(range(9), "disk"))
    one = counted({1: "disk"}, {1: USER})
    found = find_attributions([many, one], 0.9)
    assert found.headline["attribution_recall"] == pytest.approx(0.9)


def test_blaming_the_infrastructure_for_everything_costs_precision_and_not_recall() -> None:
    truth = {1: "pcie", **dict.fromkeys(range(2, 11), USER)}
    found = find_attributions([counted(truth, dict.fromkeys(truth, "pcie"))], 0.9)
    rows = {row.measure: row for row in found.rows}
    assert rows["attribution_precision"].value == pytest.approx(0.1)
    assert rows["attribution_precision"].ok is False
    assert rows["attribution_recall"].ok is True


def test_blaming_it_for_nothing_costs_recall() -> None:
    found = find_attributions([counted({1: "pcie", 2: USER}, {1: USER, 2: USER})], 0.9)
    rows = {row.measure: row for row in found.rows}
    assert rows["attribution_recall"].value == 0.0
    assert rows["attribution_recall"].ok is False
    assert rows["attribution_precision"].value is None
    assert rows["attribution_precision"].ok is None


def test_an_attempt_that_only_one_side_knows_is_a_mistake_of_that_side() -> None:
    verdicts = counted({1: "pcie"}, {2: "pcie", 3: USER})
    assert verdicts.overlooked == {"not in the lake": 1}
    assert verdicts.wrongly_blamed == {"not in the truth": 1}
    found = find_attributions([verdicts], 0.9)
    assert found.headline["attribution_precision"] == found.headline["attribution_recall"] == 0.0


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([event("false_alarm", -9)], "a false alarm"),
        ([event("false_alarm", -9), event("critical", 4)], "beside a true fault that did not end it"),
        ([event("false_alarm", -11)], "nothing in the window"),
        ([event("false_alarm", 6)], "nothing in the window"),
        ([event("false_alarm", -1, node="n2")], "nothing in the window"),
        ([event("application", -1)], "nothing in the window"),
    ],
)
def test_a_wrong_verdict_says_what_lies_behind_it(events: list[dict[str, object]], reason: str) -> None:
    assert counted({1: USER}, {1: "disk"}, events).wrongly_blamed == {reason: 1}


def test_a_failure_that_is_overlooked_says_why() -> None:
    assert counted({1: "disk"}, {1: USER}, hidden="missed by the checks").overlooked == {"missed by the checks": 1}
    assert counted({1: "disk"}, {1: USER}).overlooked == {"no sign in the window": 1}


def test_a_silent_node_is_rightly_unattributed_and_any_other_fault_is_not() -> None:
    found = find_attributions(
        [counted({1: "node_unresponsive", 2: "disk"}, {1: "unattributed", 2: "unattributed"})], 0.9
    )
    named = next(row for row in found.rows if row.measure == "cause_named_share")
    assert (named.hits, named.n) == (1, 2)
    assert found.headline["unattributed_share"] == 1.0


def test_causes_have_their_own_recall_and_precision() -> None:
    truth = {1: "disk", 2: "disk", 3: "pcie", 4: "disk", 5: USER}
    judged = {1: "disk", 2: "pcie", 3: "pcie", 4: USER, 5: "disk"}
    rows = {row["cause"]: row for row in find_attributions([counted(truth, judged)], 0.9).tables["causes"]}
    assert rows["disk"] | {"recall": None} == {
        "cause": "disk",
        "attempts": 3,
        "found": 2,
        "recall": None,
        "named": 1,
        "judged": 2,
        "right": 1,
        "precision": 0.5,
    }
    assert rows["disk"]["recall"] == pytest.approx(2 / 3)
    assert rows["pcie"]["precision"] == 0.5


def test_the_confusion_table_holds_every_attempt_once() -> None:
    truth = {1: "disk", 2: USER, 3: "pcie"}
    tables = find_attributions([counted(truth, {1: "pcie", 2: USER, 3: "pcie"})], 0.9).tables
    assert sum(row["attempts"] for row in tables["confusion"]) == len(truth)


def test_without_verdicts_there_is_no_share() -> None:
    assert set(find_attributions([Verdicts()], 0.9).headline.values()) == {None}
