"""Coverage-guided fuzzing of one source: ``python -m tests.fuzz.harness SOURCE --seconds N``.

The corpus begins with the source's golden inputs. The first byte of an input chooses whose options it is read with; the
second one how large the blocks are in which it is read again. What breaks a promise of :mod:`tests.fuzz.contract` is
written to the folder of ``--artifacts``, whose path is printed. Needs ``atheris`` (Linux).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["ingest"], enable_loader_override=False):
    from ingest.registry import named
    from ingest.source import Source
from tests.fuzz.contract import check, seeds_of
from tests.fuzz.mutations import mutated

BLOCKS = (7, 64, 1000, 65536)
LONGEST_INPUT = 1 << 16


def fuzz(source: Source, seconds: int, artifacts: Path, seed: int) -> None:
    """Fuzz for so many seconds; the process ends with 0 if nothing broke."""
    seeds = seeds_of(source)

    def try_one(data: bytes) -> None:
        chosen, block, content = data[:1] or b"\0", data[1:2] or b"\0", data[2:]
        check(source, content, seeds[chosen[0] % len(seeds)].options, BLOCKS[block[0] % len(BLOCKS)])

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        rng = Random(number)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, longest))
        return (data[:2] + mutated(rng, data[2:], rng.choice(seeds).content))[:longest]

    artifacts.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as corpus:
        for number, golden in enumerate(seeds):
            (Path(corpus) / golden.name).write_bytes(bytes([number, number % len(BLOCKS)]) + golden.content)
        flags = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-artifact_prefix={artifacts}/{source.name}-",
            f"-max_len={LONGEST_INPUT}",
            "-timeout=30",
            "-rss_limit_mb=2048",
            "-verbosity=1",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *flags, corpus], try_one, custom_mutator=mutate)
        atheris.Fuzz()


def main() -> None:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--artifacts", type=Path, default=Path("fuzz-artifacts"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    fuzz(named(given.source), given.seconds, given.artifacts, given.seed)


if __name__ == "__main__":
    main()
