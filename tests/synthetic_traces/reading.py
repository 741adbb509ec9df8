"""How tests read what a trace wrote, independently of ingest."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import zstandard

from synthetic_traces.logs.files import Renderer, planned_files
from tests.synthetic_traces.clusters import simulated

SYSLOG = re.compile(r"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (node-\d{3}) (\S+) (\S+) - - (\S.*)")


def text_of(path):
    """The text of a log, packed or not."""
    if path.suffix != ".zst":
        return path.read_text()
    with path.open("rb") as raw:
        return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="utf-8").read()


def table(lines):
    """Rows of Slurm's parsable output as dictionaries."""
    header, *rows = lines
    columns = header.split("|")
    return [dict(zip(columns, line.split("|"), strict=True)) for line in rows]


def moment(text):
    """A time that Slurm prints."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unfold(node_list):
    """Host names of a folded list."""
    prefix, _, inside = node_list.partition("[")
    if not inside:
        return [node_list]
    names = []
    for part in inside.rstrip("]").split(","):
        first, _, last = part.partition("-")
        names += [f"{prefix}{number:0{len(first)}d}" for number in range(int(first), int(last or first) + 1)]
    return names


def rendered(spec, seed, source):
    """Lines of each file of one kind, by path, without writing them."""
    case = simulated(spec, seed)
    renderer = Renderer(spec, case.plant, case.history, None, seed)
    files = [file for file in planned_files(spec, case.history, None) if file.source == source]
    return {file.path.as_posix(): list(renderer.lines(file)) for file in files}
