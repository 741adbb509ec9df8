"""From logs to domains: racks that go down are named, a crowd of healthy nodes that were flagged is told as such."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import reliability as rel
from reliability.analyses.domain_failures import domain_failures
from reliability.analyses.domain_heat_map import domain_heat_map
from reliability.cli import main
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.domain_failures import domain_failures_figure
from reliability.figures.domain_heat_map import domain_heat_map_figure
from reliability.lake import Lake, create_lake
from tests.lakes import HOSTILE, build_lake

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
#: 30 racks of 4 in 5 pods of 24
NAMES = [f"n{number:03}" for number in range(120)]
#: in every rack some
FLAGGED = [name for number, name in enumerate(NAMES) if number % 14 < 9][:77]


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def down(nodes: list[str], at: float, apart_seconds: float = 10.0) -> list[dict[str, Any]]:
    begins = [day(at) + timedelta(seconds=apart_seconds * number) for number in range(len(nodes))]
    return [
        {"node": node, "from_utc": begin, "to_utc": day(at + 0.2)} for node, begin in zip(nodes, begins, strict=True)
    ]


def flagged(nodes: list[str], at: float) -> list[dict[str, Any]]:
    return [{"node": node, "time_utc": day(at) + timedelta(seconds=number)} for number, node in enumerate(nodes)]


def inventory(racks: bool = True) -> list[dict[str, Any]]:
    return [
        {"node": name, "pod": f"p{number // 24}", "attributes": {"pdu": f"feed{number // 4}"}}
        | ({"rack": HOSTILE if number < 4 else f"r{number // 4}"} if racks else {})
        for number, name in enumerate(NAMES)
    ]


def build(path: Path, **tables: Any) -> Lake:
    """Lone failures all over the fleet, and what the test adds."""
    states = [state for number in range(40) for state in down([NAMES[(7 * number) % 120]], 1 + 0.6 * number)]
    return build_lake(
        path,
        observed_from=BEGIN,
        observed_to=day(31),
        nodes=tables.pop("nodes", inventory()),
        node_states=[*states, *tables.pop("node_states", ())],
        **tables,
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Rack r0 goes down three times, pod p2 once, 77 nodes in 26 racks are flagged, a file system takes 12 nodes."""
    return build(
        tmp_path_factory.mktemp("domains") / "lake",
        node_states=[
            *(state for at in (5.13, 12.17, 20.21) for state in down(NAMES[:4], at)),
            *down(NAMES[48:72], 15.05, 2.0),
            *down(NAMES[2::10], 25.37),
        ],
        events=flagged(FLAGGED, 9.11),
    )


def test_a_rack_that_goes_down_again_and_again_is_found(lake: Lake) -> None:
    found = domain_failures(lake)
    assert [(one.kind, one.domain, one.events) for one in found.found] == [("rack", HOSTILE, 3)]
    rack = found.found[0]
    assert rack.same_nodes == ("power pdu feed0",)
    assert rack.p_value is not None
    assert rack.p_value < 1e-6
    assert rack.rate is not None
    assert (rack.rate.failures, rack.rate.exposure_days) == (3, pytest.approx(31.0))


def test_every_event_has_its_verdict(lake: Lake) -> None:
    found = domain_failures(lake)
    verdicts = [(event.verdict, event.kind, event.domain, len(event.nodes)) for event in found.events]
    assert verdicts == [
        ("domain", "rack", HOSTILE, 4),
        ("flagged, all healthy", None, None, 77),
        ("domain", "rack", HOSTILE, 4),
        ("domain", "pod", "p2", 24),
        ("domain", "rack", HOSTILE, 4),
        ("no known domain", None, None, 12),
    ]
    flags = found.events[1]
    assert flags.evidence == "77 nodes in 26 racks flagged, all healthy: no outage, no failed attempt"
    assert (flags.nodes_hurt, flags.spread_kind, flags.spread) == (0, "rack", 26)
    assert found.verdicts["single node"] == 40
    assert "not in the inventory" in found.events[-1].evidence


def test_kinds_have_rates_with_exact_intervals_and_zero_events_an_upper_bound(lake: Lake) -> None:
    kinds = {one.kind: one for one in domain_failures(lake).kinds}
    assert (kinds["rack"].events, kinds["rack"].domains, kinds["rack"].same_as) == (3, 30, ("power",))
    assert kinds["rack"].share is not None
    assert (kinds["rack"].share.k, kinds["rack"].share.n) == (3, 5)
    assert kinds["pod"].events == 1
    quiet = next(one for one in domain_failures(lake).domains if one.domain == "p4")
    assert quiet.rate is not None
    assert (quiet.events, quiet.rate.low_per_day) == (0, 0.0)
    assert quiet.rate.high_per_day == pytest.approx(2.9957 / 31, rel=1e-3)


def test_one_kind_alone_can_be_asked_for(lake: Lake) -> None:
    pods = domain_failures(lake, kind="pod")
    assert {one.kind for one in pods.domains} == {"pod"}
    assert [event.domain for event in pods.events if event.verdict == "domain"] == ["p2"]
    with pytest.raises(BadOptionError, match="one of pod, power, rack"):
        domain_failures(lake, kind="leaf")


def test_lemons_in_one_rack_are_no_domain(tmp_path: Path) -> None:
    # Two nodes of a rack fail 60 times each, and now and then within minutes of each other.
    both = [
        state
        for number in range(60)
        for state in (down([NAMES[40]], 1 + 0.45 * number) + down([NAMES[41]], 1.2 + 0.45 * number))
    ]
    together = [state for at in (3.33, 17.77) for state in down([NAMES[40], NAMES[41]], at)]
    found = domain_failures(build(tmp_path / "lake", node_states=[*both, *together]))
    assert not found.found
    assert {event.verdict for event in found.events} == {"chance"}


def test_without_an_inventory_it_says_so(tmp_path: Path) -> None:
    found = domain_failures(
        build(tmp_path / "lake", nodes=[{"node": name} for name in NAMES], node_states=down(NAMES[:4], 5.1))
    )
    assert (found.domains, found.kinds) == ((), ())
    assert [event.verdict for event in found.events] == ["no known domain"]
    assert "take in an inventory with racks" in found.warnings[0]


def test_without_racks_a_rack_is_no_pod(tmp_path: Path) -> None:
    bare = [row | {"attributes": {}} for row in inventory(racks=False)]
    found = domain_failures(build(tmp_path / "lake", nodes=bare, node_states=down(NAMES[:4], 5.1)))
    assert [event.verdict for event in found.events] == ["no known domain"]
    assert "a smaller part that they share" in found.events[0].evidence
    assert any("in which rack" in warning for warning in found.warnings)


def test_where_no_log_tells_of_outages_a_sign_is_a_failure(tmp_path: Path) -> None:
    signs = [*flagged(NAMES[:4], 5.1), *flagged(FLAGGED, 9.11)]
    lake = build_lake(
        tmp_path / "lake", observed_from=BEGIN, observed_to=day(31), covers=["events"], nodes=inventory(), events=signs
    )
    found = domain_failures(lake)
    assert [event.verdict for event in found.events] == ["domain", "no known domain"]
    assert any("false flags cannot be told" in warning for warning in found.warnings)


def test_what_cannot_be_tested_is_told_with_the_reason(tmp_path: Path) -> None:
    everybody = [{"child": name, "parent": "spine", "tier": "spine"} for name in NAMES]
    found = domain_failures(build(tmp_path / "lake", links=everybody))
    spine = next(one for one in found.domains if one.kind == "spine")
    assert "every node of the fleet" in spine.not_tested
    assert (spine.p_value, spine.rate) == (None, None)
    assert any("no two nodes" in warning for warning in found.warnings)
    assert any("no spine" in warning for warning in found.warnings)
    short = domain_failures(build(tmp_path / "other"), to_utc=day(3))
    assert any("fewer than 7" in one.not_tested for one in short.domains)


def test_a_lake_without_a_fleet_and_options_that_cannot_be_are_refused(lake: Lake, tmp_path: Path) -> None:
    empty = create_lake(tmp_path / "lake")
    with pytest.raises(NoDataError):
        domain_failures(empty)
    with pytest.raises(NoDataError):
        domain_heat_map(empty)
    with pytest.raises(BadOptionError, match="--fdr"):
        domain_failures(lake, fdr=1.5)
    with pytest.raises(BadOptionError, match="--event-gap"):
        domain_failures(lake, event_gap_seconds=0)
    with pytest.raises(BadOptionError, match="--kind"):
        domain_heat_map(lake, kind="leaf")
    with pytest.raises(BadOptionError, match="bucket_days"):
        domain_heat_map(lake, bucket_days=0)


def test_the_heat_map_tells_shared_failures_from_lone_ones_and_flags(lake: Lake) -> None:
    found = domain_heat_map(lake, bucket_days=7)
    assert (found.kind, found.kinds, len(found.domains)) == ("rack", ("rack", "power", "pod"), 30)
    cells = {(cell.domain, cell.from_utc): cell for cell in found.cells}
    first = cells[HOSTILE, day(0)]
    assert first.shared == 4
    assert first.failures > first.shared
    assert cells["r10", day(7)].flags == len({"n040", "n041", "n042", "n043"} & set(FLAGGED)) == 2
    assert sum(cell.failures for cell in found.cells) == 40 + 12 + 24 + 12
    assert len(found.stretches) == 5
    assert domain_heat_map(lake).bucket_days == 1
    assert len(domain_heat_map(lake, kind="pod").domains) == 5


def test_figures_draw_text_of_a_log_as_text(lake: Lake) -> None:
    heat, events = domain_heat_map_figure(domain_heat_map(lake)), domain_failures_figure(domain_failures(lake))
    for text in (str(heat.to_dict()), str(events.to_dict())):  # JSON would write the bracket as an escape
        assert "<img" not in text
        assert "&lt;img" in text
    assert "88 node failures" in domain_heat_map(lake).figure().layout.title.subtitle.text
    assert {trace.name for trace in domain_failures(lake).figure().data} == {
        "domain",
        "no known domain",
        "flagged, all healthy",
    }


def test_the_command_prints_tables_json_and_csv(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["topology", "domains", "--lake", str(lake.path)]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "flagged, all healthy" in printed.out
    assert "40 single node" in printed.err
    assert main([*command, "--json", "--kind", "rack", "--event-gap", "5m"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["found"] == [{"cluster": "c1", "kind": "rack", "domain": HOSTILE}]
    assert document["verdicts"]["flagged, all healthy"] == 1
    assert document["events"][0]["nodes"] == NAMES[:4]
    assert main([*command, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["domain"] == HOSTILE
    assert float(rows[0]["rate_low"]) < float(rows[0]["events_per_domain_month"]) < float(rows[0]["rate_high"])
    assert main([*command, "--kind", "leaf"]) == 2
    assert "--kind" in capsys.readouterr().err


def test_python_has_the_same_answer(lake: Lake) -> None:
    assert rel.domain_failures(lake).document() == domain_failures(lake).document()
    assert rel.domain_heat_map(lake).rows() == domain_heat_map(lake).rows()
