"""Every source keeps its promises (:mod:`tests.fuzz.contract`) on damaged and hostile versions of its golden inputs.

``make test`` tries a few dozen inputs per source and lets the coverage-guided fuzzer have a few seconds; the long form
(``make validate``) gives it ``RELIABILITY_FUZZ_SECONDS`` (default 480) seconds, shared out among the sources.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.registry import SOURCES
from ingest.source import Options, Source
from tests.fuzz.contract import BreachError, BytesFile, HangError, check, outcome, patience, seeds_of
from tests.fuzz.mutations import JSON_VALUES, MUTATIONS, VALUES, mutated

ROOT = Path(__file__).parents[2]
EXAMPLES = 20
#: the short form of the coverage-guided fuzzer has a turn with these
FAMILIES = ("kubernetes",)

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
few = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@every_source
@few
@given(rng=st.randoms(use_true_random=False), block=st.sampled_from((7, 64, 1000)))
def test_damage_is_refused_or_accounted_for(source: Source, rng: Random, block: int) -> None:
    seeds = seeds_of(source)
    seed = rng.choice(seeds)
    check(source, mutated(rng, seed.content, rng.choice(seeds).content), seed.options, block)


@every_source
def test_the_golden_inputs_of_other_formats_are_refused_or_accounted_for(source: Source) -> None:
    rng = Random(source.name)
    for other in rng.sample(SOURCES, 4):
        seed = rng.choice(seeds_of(other))
        check(source, seed.content, Options(), 1000)


@every_source
@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 5000,
        b"[" * 5000,
        b'{"a":' * 5000,
        b'"' * 5000,
        b"\n" * 5000,
        b"\r" * 5000,
        b"<a>" * 5000,
        b"\xff" * 5000,
    ],
    ids=["zeros", "lists", "objects", "quotes", "line ends", "returns", "elements", "no text"],
)
def test_monotony_is_refused_or_accounted_for(source: Source, content: bytes) -> None:
    check(source, content, Options(), 1000)


@given(st.binary(max_size=200))
def test_no_source_stumbles_over_a_head(head: bytes) -> None:
    with patience():
        claims = [source.name for source in SOURCES if source.recognise(head, Options())]
    assert len(claims) <= 1


def test_the_golden_inputs_have_outcomes_of_their_own() -> None:
    # What follows from damage says little if the undamaged input were not read at all.
    for source in SOURCES:
        for seed in seeds_of(source):
            if seed.name != "nothing":
                assert " read" in check(source, seed.content, seed.options, 64), (source.name, seed.name)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_mutation_changes_something(mutation: object) -> None:
    content = b'{"a": [1, {"b": "x"}], "c": 2}\n{"d": 3}'
    assert any(mutation(Random(n), content, b"other\n") != content for n in range(10))  # type: ignore[operator]
    assert len(VALUES) > 50
    assert len(JSON_VALUES) > 20


class TestTheContract:
    """A check that cannot fail is none: sources that break each promise are caught."""

    @staticmethod
    def source(read: object) -> Source:
        class Fake(Source):
            name = "fake"
            title = "a fake"

            def recognise(self, head: bytes, options: Options) -> bool:
                return False

        Fake.read = read  # type: ignore[assignment,method-assign]
        Fake.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
        return Fake()

    def test_notices_a_crash(self) -> None:
        def read(self: Source, file: InputFile, options: Options) -> object:
            yield {}["x"]

        with pytest.raises(KeyError):
            check(self.source(read), b"x", Options(), 7)

    def test_notices_a_record_that_is_lost(self) -> None:
        from ingest.source import Chunk

        with pytest.raises(BreachError, match="do not add up"):
            check(self.source(lambda *_: iter([Chunk(read=2, used=1)])), b"x", Options(), 7)

    def test_notices_what_depends_on_the_blocks(self) -> None:
        from ingest.source import Chunk

        def read(self: Source, file: InputFile, options: Options) -> object:
            for _ in file.blocks():
                yield Chunk(read=1, used=1)

        with pytest.raises(BreachError, match="outcome differs"):
            check(self.source(read), b"0123456789", Options(), 7)

    def test_notices_a_row_that_the_schema_forbids(self) -> None:
        import pyarrow as pa

        from ingest.source import Chunk
        from ingest.validate import SchemaViolationError

        chunk = Chunk(tables={"events": pa.table({"node": ["n1"]})}, read=1, used=1)
        with pytest.raises(SchemaViolationError):
            check(self.source(lambda *_: iter([chunk])), b"x", Options(), 7)

    def test_notices_a_hang(self) -> None:
        def read(self: Source, file: InputFile, options: Options) -> object:
            while True:
                pass
            yield

        with pytest.raises(HangError), patience(0.05):
            outcome(self.source(read), BytesFile(b"x"), Options())


def fuzz(sources: list[str], seconds: int, artifacts: Path) -> dict[str, str]:
    """Run the coverage-guided fuzzer on each source in turn; returns the last words of those that broke."""
    broken = {}
    for name in sources:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.harness",
            name,
            "--seconds",
            str(seconds),
            "--artifacts",
            str(artifacts),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            broken[name] = done.stderr[-3000:] + done.stdout[-1000:]
    return broken


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="atheris runs on Linux alone")


@linux
@pytest.mark.parametrize("name", FAMILIES)
def test_guided_by_coverage_nothing_breaks_within_seconds(name: str, tmp_path: Path) -> None:
    assert fuzz([name], 1, tmp_path) == {}


@linux
@pytest.mark.validation
def test_guided_by_coverage_nothing_breaks_within_minutes() -> None:
    # Inputs that break something are kept: they are the only way to see the same again.
    artifacts = ROOT / "fuzz-artifacts"
    names = [source.name for source in SOURCES]
    seconds = int(os.environ.get("RELIABILITY_FUZZ_SECONDS", "480")) // len(names)
    assert fuzz(names, max(1, seconds), artifacts) == {}, f"the inputs are in {artifacts}"
