"""The network's formats: what their goldens do not show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.fabric import SOURCES
from ingest.opening import InputFile
from ingest.report import IngestReport
from ingest.source import Options, Source
from reliability.errors import ReliabilityError
from reliability.schema import TABLES

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]


class TestPortCounters:
    ERRORS = 'Errors for "n1 mlx5_0"\n   GUID 0xb31 port 1: [LinkDownedCounter == {}]\n'

    def _scrapes(self, *values: int) -> str:
        return "".join(f"2025-08-06T0{hour}:00:00Z\n{self.ERRORS.format(value)}" for hour, value in enumerate(values))

    def test_the_first_reading_is_no_event(self, feed: Feed, rows: Rows) -> None:
        (report,) = feed(self._scrapes(7)).files
        assert not rows("events")
        assert any("first time" in warning for warning in report.warnings)

    def test_a_rise_is_an_event_when_it_was_seen(self, feed: Feed, rows: Rows) -> None:
        feed(self._scrapes(7, 7, 9))
        (event,) = rows("events")
        assert (event["time_utc"], event["node"], event["component_id"]) == (
            "2025-08-06T02:00:00Z", "n1", "0000000000000b31",
        )  # fmt: skip
        assert "+2 (7 → 9)" in event["message"]

    def test_after_a_reset_what_it_shows_is_new(self, feed: Feed, rows: Rows) -> None:
        feed(self._scrapes(7, 3, 0, 0))
        (event,) = rows("events")
        assert "+3 (7 → 3)" in event["message"]

    @pytest.mark.parametrize(("rise", "severity"), [(10, "info"), (11, "warning")])
    def test_symbol_errors_within_the_standard_are_harmless(
        self, rise: int, severity: str, feed: Feed, rows: Rows
    ) -> None:
        text = self._scrapes(100, 100 + rise).replace("LinkDowned", "SymbolError")
        feed(text)
        assert [event["severity"] for event in rows("events")] == [severity]

    def test_readings_without_a_date_are_refused(self, feed: Feed) -> None:
        (report,) = feed(self.ERRORS.format(7) + self.ERRORS.format(9)).files
        assert report.rows_rejected == 2

    def test_no_event_is_of_a_switch_taken_for_a_node(self, feed: Feed, rows: Rows) -> None:
        feed(self._scrapes(1, 2).replace('"n1 mlx5_0"', '0xb31 "MF0;leaf1:SX6036/U1"'))
        (event,) = rows("events")
        assert "node" not in event
        assert event["component"] == "switch"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize(
    "head",
    [b"", b"\xff\xfe\x00", b"[" * 60_000, b"{" * 60_000, b"# Port \n", b'Switch 1 "S-', b"Errors for \n", b'""' * 9],
)
def test_other_bytes_are_not_claimed(source: Any, head: bytes) -> None:
    assert not source.recognise(head, Options())


class TestUfm:
    LINE = "2024-06-20 07:46:24 [1] [{}] WARNING [Fabric_Topology] Site [default]: {}\n"

    def test_every_event_has_one_number_whether_from_the_log_or_the_csv(self, feed: Feed, rows: Rows) -> None:
        """The CSV has no numbers: a text must lead back to the number that the log prints."""
        texts = {
            110: "Symbol-Error counter rate threshold exceeded",
            329: "Link went down: (Switch:a:1/1/1)0:1 - (Switch:b:1/1/1)1:1",
            332: "Site configuration changes: n1 node is Up",
            907: "Site configuration changes: S1 Switch is Down",
            909: "Site configuration changes: S1 Director Switch is Down",
            382: "Module PS 1 on S1(10.0.0.1) status is NOT PRESENT",
            394: "Module FAN 1 on S1(10.0.0.1) status is FAULT",
        }
        feed("".join(self.LINE.format(code, text) for code, text in texts.items()))
        header = "timestamp,severity,event_type,object_type,object_id,event,event_details\n"
        records = "".join(f'2024-06-20 07:46:24,WARNING,Hardware,Site,default,"{text}",\n' for text in texts.values())
        feed(header + records)
        coded = {(event["source"], event["code"], event["symptom"]) for event in rows("events")}
        logged = {(code, symptom) for source, code, symptom in coded if source == "ufm-event-log"}
        assert logged == {(code, symptom) for source, code, symptom in coded if source == "ufm-events"}
        assert {code for code, _ in logged} == {f"ufm:{code}" for code in texts}

    def test_what_is_about_ufm_itself_is_dropped(self, feed: Feed, rows: Rows) -> None:
        (report,) = feed(self.LINE.format(329, "Link went down: x") + self.LINE.format(527, "CPU usage")).files
        assert (report.rows_used, report.rows_dropped) == (1, 1)


class TestLldp:
    def test_it_must_be_said_whose_neighbours_they_are(self, feed: Feed) -> None:
        from reliability.errors import MissingOptionError

        with pytest.raises(MissingOptionError, match="--node"):
            feed('{"lldp":{"interface":{"eth0":{"chassis":{"s":{"id":{}}},"port":{"descr":"p"}}}}}')


class TestIbnetdiscover:
    LEAF = 'Switch 36 "S-00000000000000{n}" # "MF0;{name}:M/U1" enhanced port 0 lid 1 lmc 0\n'
    HCA = '[{port}] "H-0000000000000{port}{n}"[1](00) # "{text}" lid 1 4xHDR\n'

    def _leaf(self, *texts: str) -> str:
        ports = [self.HCA.format(port=port, n="00", text=text) for port, text in enumerate(texts, start=1)]
        return self.LEAF.format(n="b1", name="leaf") + "".join(ports)

    def test_a_leaf_with_mixed_devices_has_no_rail(self, feed: Feed, rows: Rows) -> None:
        feed(self._leaf("n1 mlx5_0", "n2 mlx5_1", "n3 mlx5_0", "n4 mlx5_1"))
        assert not any("rail" in link for link in rows("links"))

    def test_one_device_alone_makes_no_rail(self, feed: Feed, rows: Rows) -> None:
        feed(self._leaf("n1 mlx5_0", "MT4129 ConnectX7   Mellanox Technologies"))
        assert not any("rail" in link for link in rows("links"))

    def test_both_ways_of_counting_devices_agree(self, feed: Feed, rows: Rows) -> None:
        feed(self._leaf("n1 mlx5_3", "n2 HCA-4", "n3 HCA-4", "n4 mlx5_3"))
        assert {link["rail"] for link in rows("links")} == {3}

    def test_two_switches_of_one_name_stay_two(self, feed: Feed, rows: Rows) -> None:
        feed(self._leaf("n1 mlx5_0") + self._leaf("n2 mlx5_0").replace("00b1", "00b2"))
        assert len({link["parent"] for link in rows("links")}) == 2


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
