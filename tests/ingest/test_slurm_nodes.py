"""What Slurm says of its nodes beside accounting: the controller's log, scontrol, sinfo, topology files, REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.report import IngestReport
from ingest.slurm.controller_log import SlurmControllerLog
from ingest.slurm.host_lists import parse_hosts
from ingest.slurm.rest_nodes import SlurmNodesJson
from ingest.slurm.scontrol_node import ScontrolNode
from ingest.slurm.sinfo_reasons import SinfoReasons
from ingest.slurm.topology_files import ScontrolTopology, TopologyConf, TopologyYaml
from ingest.source import Options, Source
from reliability.errors import MissingOptionError, ReliabilityError, UnreadableInputError
from reliability.schema import TABLES

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]

SOURCES = (
    SlurmControllerLog(),
    SlurmNodesJson(),
    ScontrolNode(),
    SinfoReasons(),
    ScontrolTopology(),
    TopologyConf(),
    TopologyYaml(),
)
STARTED = "[2025-01-01T00:00:00.000] slurmctld version 24.11.5 started on cluster alpha\n"


def _states(rows: Rows) -> list[tuple[Any, ...]]:
    return [
        (row["node"], row["from_utc"][11:19], row.get("to_utc", "")[11:19], row["state"], row["continues"])
        for row in sorted(rows("node_states"), key=lambda row: (row["node"], row["from_utc"]))
    ]


def _read(path: Path, text: str, after: datetime | None = None, **options: Any) -> list[dict[str, Any]]:
    path.write_text(text)
    file = InputFile(path)
    file.continues_after = after
    chunks = list(SlurmControllerLog().read(file, Options(**options)))
    return [row for chunk in chunks for table in chunk.tables.values() for row in table.to_pylist()]


class TestControllerLog:
    def test_an_outage_renamed_while_it_lasts_is_one_outage(self, feed: Feed, rows: Rows) -> None:
        feed(
            STARTED
            + "[2025-01-01T00:00:01.000] error: Nodes n1 not responding, setting DOWN\n"
            + "[2025-01-01T00:00:02.000] update_node: node n1 reason set to: RMA\n"
            + "[2025-01-01T00:00:02.000] update_node: node n1 state set to DOWN\n"
            + "[2025-01-01T00:00:03.000] update_node: node n1 state set to IDLE\n"
            + "[2025-01-01T00:00:04.000] error: Nodes n1 not responding, setting DOWN\n"
        )
        assert _states(rows) == [
            ("n1", "00:00:01", "00:00:02", "down", False),
            ("n1", "00:00:02", "00:00:03", "down", True),
            ("n1", "00:00:04", "", "down", False),
        ]

    def test_the_same_line_twice_begins_one_outage(self, feed: Feed, rows: Rows) -> None:
        line = "[2025-01-01T00:00:0{}.000] error: Nodes n1 not responding, setting DOWN\n"
        feed(STARTED + line.format(1) + line.format(2))
        assert _states(rows) == [("n1", "00:00:01", "", "down", False)]

    def test_a_node_that_was_drained_is_still_drained_when_it_responds_again(self, feed: Feed, rows: Rows) -> None:
        feed(
            STARTED
            + "[2025-01-01T00:00:01.000] update_node: node n1 reason set to: see Bob\n"
            + "[2025-01-01T00:00:01.000] update_node: node n1 state set to DRAINED\n"
            + "[2025-01-01T00:00:02.000] error: Nodes n1 not responding, setting DOWN\n"
            + "[2025-01-01T00:00:03.000] node n1 returned to service\n"
            + "[2025-01-01T00:00:04.000] update_node: node n1 state set to IDLE\n"
        )
        assert [state[3] for state in _states(rows)] == ["drain", "down", "drain"]
        assert _states(rows)[-1][2] == "00:00:04"

    def test_an_outage_without_a_beginning_shows_as_up_from_its_end(self, feed: Feed, rows: Rows) -> None:
        line = "[2025-01-01T00:00:0{}.000] update_node: node n1 state set to IDLE\n"
        feed(STARTED + line.format(1) + line.format(2))
        assert _states(rows) == [("n1", "00:00:01", "", "up", False)]

    def test_a_part_leaves_an_outage_open_and_the_next_part_ends_it(self, tmp_path: Path) -> None:
        first = _read(
            tmp_path / "a", STARTED + "[2025-01-01T00:00:01.000] error: Nodes n1 not responding, setting DOWN\n"
        )
        second = _read(
            tmp_path / "b",
            "[2025-01-01T00:00:09.000] node n1 returned to service\n",
            after=datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC),
        )
        assert [(row["state"], row["to_utc"]) for row in first + second] == [("down", None), ("up", None)]

    def test_a_log_that_grew_says_the_same_as_the_whole(self, feed: Feed, rows: Rows, tmp_path: Path) -> None:
        down = "[2025-01-01T00:00:01.000] error: Nodes n1 not responding, setting DOWN\n"
        back = "[2025-01-01T00:00:09.000] node n1 returned to service\n"
        path = tmp_path / "slurmctld.log"
        path.write_text(STARTED + down)
        feed(path)
        path.write_text(STARTED + down + back)
        feed(path)
        assert _states(rows) == [("n1", "00:00:01", "", "down", False), ("n1", "00:00:09", "", "up", False)]

    def test_stamps_without_a_year_go_on_from_the_part_before(self, tmp_path: Path) -> None:
        (row,) = _read(
            tmp_path / "a",
            "[Jan 01 00:00:05] error: Nodes n1 not responding, setting DOWN\n",
            after=datetime(2024, 12, 31, 23, 59, tzinfo=UTC),
        )
        assert row["from_utc"] == datetime(2025, 1, 1, 0, 0, 5, tzinfo=UTC)

    def test_stamps_without_a_year_need_one(self, tmp_path: Path) -> None:
        with pytest.raises(MissingOptionError, match="--year"):
            _read(tmp_path / "a", "[Jan 01 00:00:05] error: Nodes n1 not responding, setting DOWN\n")

    @pytest.mark.parametrize(("signal", "kinds"), [(9, ["cancelled"]), (10, [])])
    def test_only_the_signal_that_kills_cancels(self, signal: int, kinds: list[str], feed: Feed, rows: Rows) -> None:
        feed(
            STARTED
            + "[2025-01-01T00:00:01.000] _slurm_rpc_kill_job: REQUEST_KILL_JOB JobId=7 uid 1001\n"
            + f"[2025-01-01T00:00:01.001] job_signal: {signal} of running JobId=7 successful 0x8004\n"
        )
        assert [row["kind"] for row in rows("job_events")] == kinds

    def test_a_requeue_after_a_failed_node_names_the_node(self, feed: Feed, rows: Rows) -> None:
        feed(
            STARTED
            + "[2025-01-01T00:00:01.000] requeue job JobId=18+1(19) due to failure of node n2\n"
            + "[2025-01-01T00:00:02.000] Requeuing JobId=18+1(19)\n"
            + "[2025-01-01T00:00:09.000] Requeuing JobId=18+1(19)\n"
        )
        events = sorted(rows("job_events"), key=lambda row: row["time_utc"])
        assert [(row["job_id_raw"], row["kind"], row.get("node")) for row in events] == [
            ("19", "node_failed", "n2"), ("19", "requeued", "n2"), ("19", "requeued", None),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "head",
        [
            b"[2025-01-01T00:00:00.000] slurmd started\n[2025-01-01T00:00:01.000] launch task StepId=1.0\n",
            b"[2025-01-01T00:00:00.000] slurmdbd version 24.11.5 started\n",
            b"[12345.678] NVRM: Xid (PCI:0000:9b:00): 79\n",
            b"",
            b"\xff\xfe[[[[\n",
        ],
    )
    def test_logs_of_other_daemons_are_not_claimed(self, head: bytes) -> None:
        assert not SlurmControllerLog().recognise(head, Options())


class TestSnapshots:
    NODE = "NodeName=n1 CPUAlloc=0 CPUTot=64 State={} CfgTRES=cpu=64 Reason={} [root@2025-07-01T00:00:00]\n"

    def test_two_snapshots_of_one_outage_are_one_interval_that_the_later_prolongs(self, feed: Feed, rows: Rows) -> None:
        for hour in (1, 2):
            feed(self.NODE.format("DOWN", "PSU") + " " * hour, taken_at=f"2025-07-01T0{hour}:00:00Z")
        keys = {(row["node"], row["from_utc"], row["state"], row["reason"]) for row in rows("node_states")}
        assert keys == {("n1", "2025-07-01T00:00:00Z", "down", "PSU")}
        assert {row["to_utc"] for row in rows("node_states")} == {"2025-07-01T01:00:00Z", "2025-07-01T02:00:00Z"}

    def test_a_reason_left_on_a_node_in_service_is_no_outage(self, feed: Feed, rows: Rows) -> None:
        feed(self.NODE.format("IDLE", "was broken once"), taken_at="2025-07-01T01:00:00Z")
        assert not rows("node_states")

    def test_a_snapshot_without_a_time_is_of_its_files_time_and_says_so(self, feed: Feed, rows: Rows) -> None:
        (report,) = feed(self.NODE.format("DOWN", "PSU")).files
        assert any("time stamp was used" in warning for warning in report.warnings)
        assert rows("node_states")[0]["to_utc"] > "2025-07-01T00:00:00Z"

    def test_a_clock_that_is_behind_ends_no_outage_before_it_began(self, feed: Feed, rows: Rows) -> None:
        feed(self.NODE.format("DOWN", "PSU"), taken_at="2025-06-01T00:00:00Z")
        (row,) = rows("node_states")
        assert row["to_utc"] == row["from_utc"]

    def test_slurm_conf_is_no_snapshot(self) -> None:
        head = b"NodeName=gpu-[001-016] CPUs=64 State=UNKNOWN\nPartitionName=gpu Nodes=ALL\n"
        assert not ScontrolNode().recognise(head, Options())


class TestHostLists:
    @pytest.mark.parametrize(
        "text",
        [
            "n[1-999999999]",
            "n[1-9999][1-9999]",
            ",".join(["n[0-99999]"] * 9),
            "n[" + "1," * 200_000 + "1]",
            "n[1-" + "9" * 25 + "]",
            "@all[1-2/2]",
            "a," * 200_000 + "n[1-",
        ],
    )
    def test_a_list_that_no_cluster_has_is_refused_at_once(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_hosts(text)

    def test_brackets_without_end_do_not_hang(self) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_hosts("[" * 1_000_000)


class TestTopology:
    def test_yaml_nested_without_end_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "topology.yaml"
        path.write_text("- topology: a\n  tree:\n    switches: " + "[" * 100_000)
        with pytest.raises(UnreadableInputError):
            list(TopologyYaml().read(InputFile(path), Options()))

    def test_a_line_of_switches_as_long_as_a_file_is_read_at_once(self, feed: Feed, rows: Rows) -> None:
        feed("".join(f"SwitchName=s{n} Switches=s{n + 1}\n" for n in range(20_000)) + "SwitchName=s20000 Nodes=n\n")
        tiers = {row["parent"]: row["tier"] for row in rows("links")}
        assert (tiers["s20000"], tiers["s19999"], tiers["s0"]) == ("leaf", "spine", "core")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("head", [b"", b"\xff\xfe\x00", b"[" * 60_000, b"{" * 60_000, b"- topology:\n", b"NodeName=\n"])
def test_other_bytes_are_not_claimed(source: Source, head: bytes) -> None:
    assert not source.recognise(head, Options())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_costs_records_never_the_program(source: Source, data: st.DataObject, tmp_path: Path) -> None:
    cases = sorted((Path(__file__).parents[1] / "cases" / source.name).glob("*.input"))
    content = bytearray(data.draw(st.sampled_from(cases)).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=12))
    path = tmp_path / "damaged"
    path.write_bytes(bytes(content) or b"x")
    file = InputFile(path)
    options = Options(node="n1", year=2024, taken_at="2026-11-22T18:20:00Z")
    source.recognise(file.head(), options)
    try:
        chunks = list(source.read(file, options))
    except ReliabilityError:
        return  # the whole file is refused, with a reason
    for chunk in chunks:
        for table, rows in chunk.tables.items():
            assert set(rows.column_names) <= set(TABLES[table].arrow.names)
    read = sum(chunk.read for chunk in chunks)
    assert read == sum(chunk.used + len(chunk.rejects) + chunk.dropped for chunk in chunks)
