"""Nodes called lemons against the truth: precision, recall by exposure, fleets in which nobody may be called one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reliability.validation import lemons as measure
from reliability.validation.case import Case, simulate
from reliability.validation.findings import Findings, Row
from reliability.validation.lemons import MODEL, RULE, Naming, TrueLemon, called_lemons, count_lemons, find_lemons
from synthetic_traces import preset_spec, without_lemons
from synthetic_traces.spec.faults import Lemons
from tests.reliability.validation.clusters import replace, small_spec


def naming(true: dict[str, float], model: str = "", rule: str = "") -> Naming:
    """Lemons with their expected failures; who is called one, by letters."""
    wrong = set(model + rule) - true.keys()
    return Naming(
        tuple(TrueLemon(node, "pcie", expected) for node, expected in true.items()),
        {MODEL: frozenset(model), RULE: frozenset(rule)},
        dict.fromkeys(wrong, "bad luck"),
    )


def by_measure(found: Findings) -> dict[str, Row]:
    return {row.measure: row for row in found.rows}


def test_precision_counts_every_name_and_recall_the_lemons_that_must_be_found() -> None:
    found = find_lemons([naming({"a": 20.0, "b": 9.0, "c": 3.0}, "acx", "b"), naming({"d": 8.0}, "d", "yz")], 0.9)
    rows = by_measure(found)
    assert (rows["lemon_precision"].hits, rows["lemon_precision"].n) == (3, 4)
    assert (rows["lemon_recall"].hits, rows["lemon_recall"].n) == (2, 3)
    assert (rows["lemon_rule_precision"].hits, rows["lemon_rule_precision"].n) == (1, 3)
    assert (rows["lemon_rule_recall"].hits, rows["lemon_rule_recall"].n) == (1, 3)
    assert found.headline == {"lemon_precision": 0.75, "lemon_recall": pytest.approx(2 / 3)}
    assert rows["lemon_precision"].ok is False
    assert rows["lemon_precision"].note == "1 wrong: 1 × bad luck"
    assert rows["lemon_recall"].note == "1 not found: 1 × pcie"


def test_the_paper_s_rule_has_no_bar() -> None:
    rows = by_measure(find_lemons([naming({"a": 20.0}, "a", "b")], 0.9))
    assert [rows[f"lemon_{name}"].bar for name in ("precision", "recall", "free_fleets")] == [0.85, 0.8, 0.95]
    assert {rows[f"lemon_rule_{name}"].bar for name in ("precision", "recall", "free_fleets")} == {None}


def test_a_fleet_without_a_lemon_is_judged_by_whether_any_node_is_named() -> None:
    found = find_lemons([naming({}), naming({}, "ab"), naming({}), naming({"c": 9.0}, "c")], 0.9)
    rows = by_measure(found)
    assert (rows["lemon_free_fleets"].hits, rows["lemon_free_fleets"].n) == (2, 3)
    assert (rows["lemon_rule_free_fleets"].hits, rows["lemon_rule_free_fleets"].n) == (3, 3)
    assert (rows["lemon_precision"].hits, rows["lemon_precision"].n) == (1, 1)


def test_recall_is_told_by_the_failures_that_were_to_be_expected() -> None:
    found = find_lemons([naming({"a": 1.0, "b": 2.0, "c": 7.9, "d": 8.0, "e": 100.0}, "bde", "e")], 0.9)
    assert [(row["expected_failures_from"], row["lemons"]) for row in found.tables["lemons"]] == [
        (0, 1), (2, 1), (4, 1), (8, 1), (16, 1)
    ]  # fmt: skip
    assert [row["found_by_model"] for row in found.tables["lemons"]] == [0, 1, 0, 1, 1]
    assert [row["found_by_rule"] for row in found.tables["lemons"]] == [0, 0, 0, 0, 1]


def test_clusters_whose_truth_is_unknown_or_without_lemons_have_no_precision() -> None:
    for counts in ([None], [naming({})]):
        found = find_lemons(counts, 0.9)
        assert found.headline == {"lemon_precision": None, "lemon_recall": None}
        assert found.tables["lemons"] == []


@pytest.fixture(scope="module")
def lemony(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """32 nodes, of which three are lemons with about twenty expected failures each."""
    spec = replace(
        small_spec(days=28, hazards=0.5),
        lemons=Lemons(
            share=0.1, per_1000_node_days=800.0, symptoms=("pcie", "ib_link"), weights=(1.0, 1.0), from_share=1.0
        ),
    )
    return simulate(spec, 3, tmp_path_factory.mktemp("lemony"))


def test_the_pipeline_finds_obvious_lemons_in_the_logs_alone(lemony: Case) -> None:
    found = count_lemons(lemony, 0.9)
    assert found is not None
    assert len(found.lemons) == 3
    assert all(10 < lemon.expected_failures < 25 for lemon in found.lemons)
    assert {lemon.node for lemon in found.lemons} <= found.named[MODEL]
    assert found.named == called_lemons(lemony)
    assert found.reasons.keys() == (found.named[MODEL] | found.named[RULE]) - {lemon.node for lemon in found.lemons}


def test_names_are_told_apart_from_the_truth_and_wrong_ones_explained(
    lemony: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everybody(_case: Case) -> dict[str, frozenset[str]]:
        return {MODEL: frozenset(f"node-{number:03d}" for number in range(1, 33)), RULE: frozenset()}

    monkeypatch.setattr(measure, "called_lemons", everybody)
    found = count_lemons(lemony, 0.9)
    assert found is not None
    assert len(found.reasons) == 29
    assert set(found.reasons.values()) <= {"no fault at all", *(f"chance: {n} faults" for n in range(1, 9))}
    rows = by_measure(find_lemons([found], 0.9))
    assert (rows["lemon_precision"].hits, rows["lemon_precision"].n) == (3, 32)
    assert (rows["lemon_recall"].hits, rows["lemon_recall"].n) == (3, 3)


def test_a_trace_without_truth_is_not_judged(tmp_path: Path) -> None:
    case: Any = Case.__new__(Case)
    object.__setattr__(case, "truth", tmp_path)
    assert count_lemons(case, 0.9) is None


def test_the_preset_expects_from_two_to_thirty_failures_of_a_lemon() -> None:
    spec = preset_spec("lemons")
    assert spec.lemons is not None
    least, most = (spec.lemons.per_1000_node_days * spec.lemons.spread**power / 1000 * spec.days for power in (-1, 1))
    assert least < 3
    assert most > 30
    assert without_lemons(spec).has_correlated_faults
