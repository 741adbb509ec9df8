"""Events named for domains are held against the truth: right ones, wrong ones, and those overlooked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reliability.analyses.domain_failures import DomainFailures, domain_failures
from reliability.validation import domains
from reliability.validation.case import Case, simulate
from reliability.validation.domains import DomainEvents, count_domain_events, find_domain_events
from synthetic_traces.spec.faults import DomainFault
from tests.reliability.validation.clusters import replace as changed
from tests.reliability.validation.clusters import small_spec


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Racks of 4 lose power again and again, and a check of a file system cries wolf."""
    power = DomainFault(domain="power", component="psu", symptom="power", per_1000_domain_days=200.0, silent=True)
    wolf = DomainFault(
        domain="cluster",
        component="filesystem",
        symptom="filesystem_mount",
        per_1000_domain_days=250.0,
        affected_share=0.3,
        false_alarm=True,
    )
    spec = changed(small_spec(hazards=1.0), domain_faults=(power, wolf))
    return simulate(spec, 4, tmp_path_factory.mktemp("domains"))


def test_incidents_of_racks_are_named_and_false_flags_told(case: Case) -> None:
    counted = count_domain_events(case, 0.9)
    assert counted is not None
    assert set(counted.true) == {"power"}
    assert counted.true["power"] >= 10
    assert counted.found["power"] >= 0.9 * counted.true["power"]
    assert counted.right >= 0.9 * counted.named
    assert counted.flags_told >= 0.5 * counted.flags > 0


def test_an_analysis_that_names_nothing_or_the_wrong_rack_is_noticed(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*arguments: Any) -> DomainFailures:
        found = domain_failures(*arguments)
        return replace(found, events=tuple(replace(event, verdict="chance") for event in found.events))

    monkeypatch.setattr(domains, "domain_failures", silent)
    counted = count_domain_events(case, 0.9)
    assert counted is not None
    assert (counted.named, counted.found["power"], counted.flags_told) == (0, 0, 0)
    assert find_domain_events([counted], 0.9).rows[1].ok is False

    def astray(*arguments: Any) -> DomainFailures:
        found = domain_failures(*arguments)
        return replace(found, events=tuple(replace(event, domain="rack-000") for event in found.events))

    monkeypatch.setattr(domains, "domain_failures", astray)
    counted = count_domain_events(case, 0.9)
    assert counted is not None
    assert counted.right == 0
    assert set(counted.wrong) <= {"part of an incident of a power", "chance"}
    assert find_domain_events([counted], 0.9).rows[0].ok is False


def test_counts_of_all_clusters_are_summed_up() -> None:
    one = DomainEvents({"power": 6, "tor": 2}, {"power": 5, "tor": 2}, 8, 7, {"chance": 1}, 3, 3)
    found = find_domain_events([one, None, one], 0.9)
    assert [(row.measure, row.hits, row.n) for row in found.rows] == [
        ("domain_precision", 14, 16),
        ("domain_recall", 14, 16),
        ("false_flags_told", 6, 6),
    ]
    assert found.rows[0].note == "2 wrong: 2 × chance"
    assert found.rows[1].note == "2 not found: 2 × power"
    assert found.headline == {"domain_precision": 14 / 16, "domain_recall": 14 / 16}
    assert found.tables["domains"] == [
        {"kind": "power", "events": 12, "found": 10},
        {"kind": "tor", "events": 4, "found": 4},
    ]


def test_a_truth_that_tells_of_no_domains_counts_nothing(case: Case, tmp_path: Path) -> None:
    assert count_domain_events(Case(case.lake, tmp_path, case.intake), 0.9) is None
    rows = find_domain_events([None], 0.9).rows
    assert all(row.value is None and row.ok is None for row in rows)
