"""Several commands on one lake at once: every file is in whole or not at all, and at the end each is in once."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import ReliabilityError
from reliability.lake import create_lake, open_lake
from tests.faults.lakes import content, ingest_here, kernel_lines, sacct, start_ingest


class Reader(threading.Thread):
    """Asks the lake again and again until told to stop."""

    def __init__(self, lake: Path, whole: dict[str, int]) -> None:
        super().__init__()
        self._lake = lake
        self._whole = whole
        self.stop = threading.Event()
        self.asked = 0
        self.faults: list[str] = []

    def run(self) -> None:
        before = {"jobs": 0, "events": 0}
        while not self.stop.wait(0.6):
            try:
                self._ask(before)
            except ReliabilityError as error:
                self.faults.append(repr(error))
                return
            self.asked += 1

    def _ask(self, before: dict[str, int]) -> None:
        engine = DuckDBEngine(open_lake(self._lake))
        counts: dict[str, Any] = {name: engine.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in before}
        parts = engine.rows("SELECT partition AS p, count(*) AS n FROM jobs GROUP BY ALL")
        engine.close()
        for name, count in counts.items():
            if count < before[name]:
                self.faults.append(f"{name}: {count} after {before[name]}")
        self.faults += [f"half a file: {part}" for part in parts if part["n"] != self._whole[part["p"]]]
        before.update(counts)


def jobs_of(name: str, count: int, first: int) -> str:
    header, _, lines = sacct(count, first).partition("\n")
    return f"{header}|Partition\n" + "".join(f"{line}|{name}\n" for line in lines.splitlines())


def events_in(lake: Path) -> int:
    engine = DuckDBEngine(open_lake(lake))
    count = engine.rows("SELECT count(*) AS n FROM events")[0]["n"]
    engine.close()
    return int(count)


def race(tmp_path: Path, writers: int, files: int, rounds: int) -> int:
    folder = tmp_path / "logs"
    folder.mkdir()
    whole = {}
    for number in range(files):
        whole[f"p{number}"] = count = 500 + 37 * number
        (folder / f"sacct-{number}").write_text(jobs_of(f"p{number}", count, 10_000 * number))
    paths = sorted(folder.iterdir())
    lake = tmp_path / "lake"
    create_lake(lake)
    reader = Reader(lake, whole)
    reader.start()

    log, rotated = tmp_path / "kernel.log", tmp_path / "kernel.log.1"
    log.write_text(kernel_lines(20))
    follower = start_ingest(lake, "--follow", "--every", "1s", log, rotated)
    overlap = [paths[number % files :] + paths[: number % files] for number in range(writers)]
    commands = [start_ingest(lake, *mine[: max(2, files - 1)]) for mine in overlap]
    written = 20
    for number in range(rounds):
        time.sleep(0.5)
        if number == rounds // 2:
            log.rename(rotated)
        with log.open("a") as stream:
            stream.write(kernel_lines(20, written))
        written += 20
    assert [command.wait(timeout=300) for command in commands] == [0] * writers

    deadline = time.monotonic() + 120
    while follower.poll() is None and time.monotonic() < deadline and events_in(lake) < written:
        time.sleep(0.3)
    follower.send_signal(signal.SIGTERM)
    assert follower.wait(timeout=60) == 0
    assert ingest_here(lake, *paths, log, rotated) == 0
    reader.stop.set()
    reader.join()
    assert reader.faults == []

    assert ingest_here(tmp_path / "clean", *paths, log, rotated) == 0
    assert content(lake) == content(tmp_path / "clean")
    assert content(lake)["events"][0]["n"] == written
    return reader.asked


def test_two_writers_a_follower_and_a_reader(tmp_path: Path) -> None:
    assert race(tmp_path, writers=2, files=3, rounds=4) >= 2


@pytest.mark.validation
@pytest.mark.parametrize("writers", [2, 4])
def test_many_writers_a_follower_and_a_reader(writers: int, tmp_path: Path) -> None:
    assert race(tmp_path, writers=writers, files=12, rounds=40) >= 20
