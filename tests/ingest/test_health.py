"""Rules of the sources of BMCs, GPUs and disks that the golden pairs do not show well."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.health import SOURCES
from ingest.health.sel_meaning import meaning
from ingest.opening import InputFile
from ingest.report import IngestReport
from ingest.source import Options
from ingest.traces.backblaze import Backblaze
from ingest.validate import conform
from reliability.errors import MissingOptionError, UnreadableInputError

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]


@given(st.binary(max_size=2000))
def test_no_bytes_make_recognition_fail(head: bytes) -> None:
    assert [source.name for source in SOURCES if source.recognise(head, Options()) not in {True, False}] == []


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n1,2,3\n",
        '{"jobs": []}\n',
        "<html></html>\n",
        "1 | 2 | 3\n4 | 5 | 6\n",
        "# HELP up x\nup 1\n",
        "\n\n",
        "",
    ],
)
def test_foreign_files_are_nobody_s(text: str) -> None:
    assert not any(source.recognise(text.encode(), Options()) for source in SOURCES)


CASES = sorted(
    path
    for source in (*SOURCES, Backblaze())
    for path in (Path(__file__).parents[1] / "cases" / source.name).glob("*.input")
)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_damage_is_accounted_for(case: Path, tmp_path: Path) -> None:
    """Bytes lost, changed, doubled: a reader refuses what it cannot read, or the file, and its counts add up."""
    source = next(source for source in (*SOURCES, Backblaze()) if source.name == case.parent.name)
    content = case.read_bytes()
    chance = random.Random(case.name)
    for number in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(damaged))
            length = chance.choice((1, 1, 2, 8, 60))
            damaged[at : at + length] = chance.choice(
                (
                    b"",
                    bytes([chance.randrange(256)]),
                    damaged[at : at + length] * 2,
                    b"\x00",
                    b'"',
                    b"9" * 30,
                    b"\n",
                    b"-1",
                )
            )
        path = tmp_path / f"damaged-{number}"
        path.write_bytes(damaged)
        assert source.recognise(bytes(damaged[:65_536]), Options()) in {True, False}
        read = used = rejected = dropped = 0
        with contextlib.suppress(UnreadableInputError):
            for chunk in source.read(InputFile(path), Options(node="n1")):
                read, used, dropped = read + chunk.read, used + chunk.used, dropped + chunk.dropped
                rejected += len(chunk.rejects)
                for table, found in chunk.tables.items():
                    conform(table, found, None, "c")
        assert read == used + rejected + dropped


@pytest.mark.real_data
def test_the_public_traces_are_of_none_of_these_formats(real_data: Path) -> None:
    files = [path for path in real_data.rglob("*") if path.is_file() and path.suffix != ".md"]
    claims = [
        (path.name, source.name)
        for path in files
        for source in (*SOURCES, Backblaze())
        if source.recognise(InputFile(path).head(), Options())
    ]
    assert len(files) > 10
    assert claims == []


# -- event logs of BMCs ------------------------------------------------------------------------------------------------


def test_an_event_log_without_a_host_asks_for_one(feed: Feed) -> None:
    with pytest.raises(MissingOptionError, match="--node"):
        feed("   1 | 09/08/2021 | 06:34:15 | Power Supply #0x3b | Failure detected | Asserted\n")


@pytest.mark.parametrize(
    "text", ["SEL has no entries\n", "ID  | Date        | Time     | Name             | Type      | Event\n"]
)
def test_an_empty_event_log_needs_no_host(feed: Feed, text: str) -> None:
    (report,) = feed(text).files
    assert (report.format, report.rows_read, report.rows_dropped) == ("ipmi-sel", 1, 1)


def test_the_same_event_log_fetched_again_later_doubles_nothing(feed: Feed, rows: Rows) -> None:
    first = "   1 | 09/08/2021 | 06:34:15 | Power Supply #0x3b | Failure detected | Asserted\n"
    feed(first, node="n1")
    feed(first + first.replace("15", "16"), node="n1")
    keys = [
        (row["time_utc"], row["node"], row["code"], row["message"], row["repeat_ordinal"]) for row in rows("events")
    ]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("event", "asserted", "code"),
    [
        ("AC out-of-range, but present", True, "ipmi:power_supply_input_lost"),
        ("Redundancy Lost", True, "ipmi:power_supply_redundancy_lost"),
        ("Fully Redundant", True, None),
        ("Fully Redundant", False, "ipmi:power_supply_redundancy_lost"),
        ("Presence detected", True, None),
        ("Presence detected", False, "ipmi:power_supply_absent"),
        ("Failure detected", False, None),
        ("Lower Critical going high", True, None),
        ("State Asserted", True, None),
    ],
)
def test_the_end_of_a_good_state_is_an_event_and_of_a_bad_one_is_not(
    event: str, asserted: bool, code: str | None
) -> None:
    found = meaning("Power Supply", "PS1", event, asserted=asserted)
    assert (found and found.code) == code


def test_month_first_stays_month_first_when_both_readings_occur(feed: Feed, rows: Rows) -> None:
    line = "   1 | {} | 06:34:15 | Power Supply #0x3b | Failure detected | Asserted\n"
    (report,) = feed(line.format("09/28/2021") + line.format("28/09/2021"), node="n1").files
    assert [row["time_utc"] for row in rows("events")] == ["2021-09-28T06:34:15Z"]
    assert report.rows_rejected == 1


def test_a_hostile_event_log_takes_no_more_than_linear_time(feed: Feed) -> None:
    good = "   1 | 09/08/2021 | 06:34:15 | Power Supply #0x3b | Failure detected | Asserted\n"
    long = "   2 | 09/08/2021 | 06:34:15 | Memory #0x3b | " + "correctable " * 1300 + " | Asserted\n"
    wide = "   3 | 09/08/2021" + " " * 3_000_000 + "\n"
    started = time.process_time()
    (report,) = feed(good + long * 50 + wide * 3, node="n1").files
    assert time.process_time() - started < 20
    assert report.rows_read == report.rows_used + report.rows_rejected + report.rows_dropped == 54


def test_a_damaged_event_log_keeps_its_count(feed: Feed) -> None:
    line = "{:4x} | 09/08/2021 | 06:34:{:02d} | Memory DIMM_A{} | Uncorrectable ECC | Asserted\n"
    text = "".join(line.format(i, i % 60, i % 8) for i in range(200))
    chance = random.Random(7)
    dirty = "".join(chance.choice("|,:\x00é ") if chance.random() < 0.02 else character for character in text)
    (report,) = feed(text[: len(text) // 2] + dirty, node="n1", format="ipmi-sel").files
    assert report.rows_read == report.rows_used + report.rows_rejected + report.rows_dropped
    assert report.rows_used >= 100


# -- nvidia-smi --------------------------------------------------------------------------------------------------------

SMI_TEXT = """==============NVSMI LOG==============

Timestamp                                 : {time}
Driver Version                            : 550.54.14

Attached GPUs                             : 1
GPU 00000000:{bus}:00.0
    Product Name                          : NVIDIA H100 80GB HBM3
    Serial Number                         : 1654922012345
    GPU UUID                              : GPU-1
    Remapped Rows
        Pending                           : {pending}
"""
SMI_XML = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
	<timestamp>{time}</timestamp>
	<driver_version>550.54.14</driver_version>
	<gpu id="00000000:{bus}:00.0">
		<product_name>NVIDIA H100 80GB HBM3</product_name>
		<serial>1654922012345</serial>
		<uuid>GPU-1</uuid>
		<remapped_rows><remapped_row_pending>{pending}</remapped_row_pending></remapped_rows>
	</gpu>
</nvidia_smi_log>
"""
FIRST, SECOND = "Thu Mar 14 10:11:12 2024", "Fri Mar 15 10:11:12 2024"


def _without_source(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "source"} for event in events]


def test_text_and_xml_of_nvidia_smi_say_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    from ingest.pipeline import ingest_paths
    from reliability.lake import create_lake
    from tests.ingest.conftest import NOW, lake_rows

    found = []
    for text in (SMI_TEXT, SMI_XML):
        folder = tmp_path_factory.mktemp("smi")
        path = folder / "snapshot"
        path.write_text(text.format(time=FIRST, bus="3B", pending="Yes"))
        lake = create_lake(folder / "lake")
        ingest_paths(lake, [path], Options(node="n1"), lambda: NOW)
        found.append((lake_rows(lake, "components"), _without_source(lake_rows(lake, "events"))))
    assert found[0] == found[1]
    assert [len(rows) for rows in found[0]] == [1, 1]


@pytest.mark.parametrize("snapshot", [SMI_TEXT, SMI_XML], ids=["text", "xml"])
def test_a_state_that_lasts_is_told_once_and_the_gpu_is_listed_once(feed: Feed, rows: Rows, snapshot: str) -> None:
    both = snapshot.format(time=FIRST, bus="3B", pending="Yes") + snapshot.format(time=SECOND, bus="3B", pending="Yes")
    (report,) = feed(both, node="n1").files
    assert (report.rows_read, report.rows_used) == (2, 2)
    assert [event["time_utc"] for event in rows("events")] == ["2024-03-14T10:11:12Z"]
    assert [gpu["removed_utc"] for gpu in rows("components")] == ["2024-03-15T10:11:12Z"]


@pytest.mark.parametrize("snapshot", [SMI_TEXT, SMI_XML], ids=["text", "xml"])
def test_a_state_that_comes_back_is_told_again(feed: Feed, rows: Rows, snapshot: str) -> None:
    times = (FIRST, "Thu Mar 14 11:11:12 2024", SECOND)
    states = zip(times, ("Yes", "No", "Yes"), strict=True)
    feed("".join(snapshot.format(time=time, bus="3B", pending=pending) for time, pending in states), node="n1")
    assert len(rows("events")) == 2


def test_the_slot_is_spelled_as_in_the_kernel_s_xid_lines(feed: Feed, rows: Rows) -> None:
    from ingest.taxonomy.kernel_lines import find

    feed(SMI_TEXT.format(time=FIRST, bus="3B", pending="No"), node="n1")
    kernel = find("NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', GPU has fallen off the bus.")
    assert kernel is not None
    assert rows("components")[0]["slot"] == kernel.slot == "0000:3b:00"


def test_nvidia_smi_needs_its_host(feed: Feed) -> None:
    for snapshot in (SMI_TEXT, SMI_XML):
        with pytest.raises(MissingOptionError, match="--node"):
            feed(snapshot.format(time=FIRST, bus="3B", pending="No"))


@pytest.mark.parametrize(
    "attack",
    [
        '<!DOCTYPE nvidia_smi_log [<!ENTITY a "b">]><nvidia_smi_log>&a;</nvidia_smi_log>',
        '<!DOCTYPE nvidia_smi_log [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><nvidia_smi_log></nvidia_smi_log>',
        "<nvidia_smi_log>" + "<a>" * 100_000,
        '<nvidia_smi_log><gpu id="' + "x" * 9_000_000,
        "<nvidia_smi_log></nvidia_smi_log><again/>",
        "<nvidia_smi_log><gpu></nvidia_smi_log>",
        "<other></other><!-- <nvidia_smi_log> -->",
    ],
    ids=["entity", "parameter-entity", "depth", "attribute", "two-roots", "mismatch", "other-root"],
)
def test_an_attack_in_xml_costs_its_document_only(feed: Feed, rows: Rows, attack: str) -> None:
    good = SMI_XML.format(time=FIRST, bus="3B", pending="Yes")
    (report,) = feed('<?xml version="1.0"?>' + attack + good, node="n1", format="nvidia-smi-xml").files
    assert (report.rows_read, report.rows_used, report.rows_rejected) == (2, 1, 1)
    assert len(rows("events")) == 1


def test_a_document_type_is_named_but_never_fetched(feed: Feed, rows: Rows) -> None:
    text = SMI_XML.replace('SYSTEM "nvsmi_device_v12.dtd"', 'SYSTEM "http://192.0.2.1/evil.dtd"')
    started = time.monotonic()
    feed(text.format(time=FIRST, bus="3B", pending="Yes"), node="n1")
    assert time.monotonic() - started < 5
    assert len(rows("events")) == 1


def test_an_xml_declaration_may_fall_between_two_blocks(
    feed: Feed, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.health.nvidia_smi_xml import _gpus

    text = (SMI_XML.format(time=FIRST, bus="3B", pending="Yes") * 3).encode()
    for size in (1, 3, 7, 64):
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        monkeypatch.setattr(InputFile, "blocks", lambda _, cut=cut: iter(cut))
        records = list(_gpus(InputFile(Path("unused"))))
        assert [getattr(record, "facts", None) is not None for _, record in records] == [True] * 3, size


# -- DCGM and Prometheus -----------------------------------------------------------------------------------------------

XID = "DCGM_FI_DEV_XID_ERRORS"


def _scrapes(metric: str, *values: float) -> str:
    line = '{}{{gpu="0",UUID="GPU-0",Hostname="n1"}} {} {}\n'
    return "".join(line.format(metric, value, 1710410400000 + 15_000 * i) for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("metric", "values", "seconds"),
    [
        (XID, (0, 79, 79, 0, 79), [15, 60]),
        (XID, (79, 79), []),
        (XID, (31, 79), [15]),
        ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", (5, 5, 6, 8, 0, 2), [30, 45, 75]),
        ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", (5, 3), [15]),
        ("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", (5, 6, 7, 7, 8), [15, 60]),
        ("DCGM_FI_DEV_ROW_REMAP_FAILURE", (0, 0, 1, 1), [30]),
        ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", (0, 9223372036854775794, 0), []),
        ("DCGM_FI_DEV_GPU_TEMP", (30, 90), []),
    ],
)
def test_events_are_changes_between_samples(
    feed: Feed, rows: Rows, metric: str, values: tuple[float, ...], seconds: list[int]
) -> None:
    feed(_scrapes(metric, *values), format="dcgm-exporter")
    found = sorted(event["time_utc"][14:19] for event in rows("events"))
    assert found == [f"{second // 60:02d}:{second % 60:02d}" for second in seconds]


def test_the_volatile_and_the_aggregate_counter_are_not_both_counted(feed: Feed, rows: Rows) -> None:
    names = ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL")
    pairs = zip(*(_scrapes(name, 0, 1).splitlines() for name in names), strict=True)
    lines = [line for pair in pairs for line in pair]
    feed("\n".join(lines) + "\n")
    assert len(rows("events")) == 1


def test_instances_of_a_gpu_show_its_xid_once(feed: Feed, rows: Rows) -> None:
    instances = (_scrapes(XID, 0, 79).replace("Hostname", f'GPU_I_ID="{i}",Hostname').splitlines() for i in (1, 2))
    feed("\n".join(line for pair in zip(*instances, strict=True) for line in pair) + "\n")
    assert len(rows("events")) == 1


def test_prometheus_and_the_exporter_tell_the_same_events(feed: Feed, rows: Rows) -> None:
    values = (0, 31, 31, 79, 0, 0, 79)
    feed(_scrapes(XID, *values))
    scraped = _without_source(rows("events"))
    points = [[1710410400 + 15 * i, str(value)] for i, value in enumerate(values)]
    labels = {"__name__": XID, "gpu": "0", "UUID": "GPU-0", "Hostname": "n1"}
    result = [
        {"metric": {**labels, "pod": pod}, "values": part} for pod, part in (("b", points[3:]), ("a", points[:3]))
    ]
    feed(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}))
    queried = [event for event in rows("events") if event["source"] == "prometheus-json"]
    assert scraped == _without_source(queried)
    assert len(scraped) == 3


def test_every_critical_gpu_event_names_its_slot() -> None:
    """One that does not would take the lives by slot from the whole cluster."""
    from ingest.health.gpu_metrics import series_of

    for labels in ({"gpu": "0"}, {"pci_bus_id": "00000000:3B:00.0"}, {"gpu": "0", "UUID": "GPU-0"}):
        assert series_of(XID, labels, "n1").slot is not None
    with pytest.raises(ValueError, match="which GPU"):
        series_of(XID, {"Hostname": "n1"}, None)


@given(st.text(alphabet='{}="\\,ab 01\n#', max_size=60))
def test_no_line_of_an_exposition_breaks_the_reader(text: str) -> None:
    from datetime import UTC, datetime

    from ingest.health.dcgm_exporter import _Parser
    from ingest.health.gpu_metrics import GpuMetrics
    from ingest.records import Findings

    findings = Findings()
    parser = _Parser(Options(), datetime(2024, 1, 1, tzinfo=UTC), findings, GpuMetrics("dcgm-exporter", findings))
    with contextlib.suppress(ValueError):  # refuses the line
        assert all(row.table == "events" for row in parser.parse(XID + text) if row.table)
