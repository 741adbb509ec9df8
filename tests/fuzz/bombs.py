"""Files that are small on disk and huge in content; run as a script it reads one of them and prints what that took.

``python -m tests.fuzz.bombs BOMB FORMAT MIB`` prints JSON: seconds, MiB of peak memory above that of the imports, and
what the source said.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import zstandard

from ingest.opening import InputFile
from ingest.registry import named
from ingest.taking import parse_part
from reliability.errors import ReliabilityError
from tests.fuzz.contract import Seed, seeds_of

MIB = 1 << 20
HOST_LINE = b"<4>1 2026-01-01T00:00:00Z n%08d kernel - - - NVRM: Xid (PCI:0000:9b:00): 79, gone.\n"
HOSTS_PER_MIB = MIB // len(HOST_LINE % 0)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.ZstdCompressor(level=1).compress,
}


def repeated(piece: bytes, mib: int) -> Iterator[bytes]:
    """Yield blocks of one MiB."""
    block = piece * (MIB // len(piece) + 1)
    for _ in range(mib):
        yield block


def hosts(mib: int) -> Iterator[bytes]:
    """Yield lines of a syslog, in blocks of a MiB, each an event of another host."""
    for block in range(mib):
        numbers = range(block * HOSTS_PER_MIB, (block + 1) * HOSTS_PER_MIB)
        yield b"".join(HOST_LINE % number for number in numbers)


#: what follows the seed, in blocks
BOMBS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "a line without an end": lambda mib: repeated(b"a", mib),
    "digits without an end": lambda mib: repeated(b"7", mib),
    "a text without an end": lambda mib: repeated(b"a", mib),
    "a number without an end": lambda mib: repeated(b"7", mib),
    "zeros": lambda mib: repeated(b"\0", mib),
    "blanks": lambda mib: repeated(b" ", mib),
    "blank lines": lambda mib: repeated(b"\n", mib),
    "lists in lists": lambda mib: repeated(b"[", mib),
    "objects in objects": lambda mib: repeated(b'{"a":', mib),
    "elements in elements": lambda mib: repeated(b"<a>", mib),
    "a list without an end": lambda mib: repeated(b"1,", mib),
    "a quote that is never closed": lambda mib: repeated(b'"x,\n', mib),
    "quotes": lambda mib: repeated(b'"', mib),
    "commas": lambda mib: repeated(b",", mib),
    "bars": lambda mib: repeated(b"|", mib),
    "brackets that close": lambda mib: repeated(b"]", mib),
    "carriage returns": lambda mib: repeated(b"\r", mib),
    "hosts": hosts,
}
#: what comes before it, where the seed itself would hide the bomb
OPENINGS = {
    "lists in lists": b"",
    "objects in objects": b"",
    "elements in elements": b"<a>",
    "a list without an end": b"[",
    "a text without an end": b'["',
    "a number without an end": b"[1",
    "hosts": b"",
}


def write_bomb(path: Path, bomb: str, seed: Seed, mib: int, packer: str = "zstd") -> None:
    """Write a bomb: what every format accepts as members of one archive, each packed for itself.

    A block that comes again is packed once, so that gigabytes take no time to make.
    """
    pack = PACKERS[packer]
    before = packed = b""
    with path.open("wb") as stream:
        stream.write(pack(OPENINGS.get(bomb, seed.content)))
        for block in BOMBS[bomb](mib):
            if block is not before:
                before, packed = block, pack(block)
            stream.write(packed)


def measure(path: Path, seed: Seed, name: str) -> dict[str, object]:
    """Read the file in a process of its own, as ingest does, and say what it took."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        told = "read"
        began = time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            file = InputFile(path)
            named(name).recognise(file.head(), seed.options)
            tally = parse_part(file, named(name), seed.options, "default", _discard)
            told = f"{tally.read:,} records, {tally.used:,} used, {tally.rejected:,} rejected"
        except ReliabilityError as error:
            told = str(error)[:200]
        seconds = time.process_time() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        report = {"seconds": round(seconds, 1), "mib": grown // 1024, "said": told}
        os.write(sending, json.dumps(report).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as stream:
        said = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return json.loads(said) if said else {"seconds": 0.0, "mib": 1 << 20, "said": f"ended with {code}"}


def _discard(_table: str, _rows: pa.Table) -> None:
    return None


def main() -> None:
    """Measure each bomb of the command line: BOMB FORMAT MIB PACKER, four arguments each."""
    given = sys.argv[1:]
    # Arrow and the regular expressions take memory when first used.
    warm = [measure_seed(name) for name in sorted(set(given[1::4]))]
    assert warm
    for bomb, name, mib, packer in zip(given[::4], given[1::4], given[2::4], given[3::4], strict=True):
        seed = seeds_of(named(name))[0]
        with TemporaryDirectory() as folder:
            path = Path(folder) / "bomb"
            write_bomb(path, bomb, seed, int(mib), packer)
            report = {"bomb": bomb, "format": name, "content_mib": int(mib), "packer": packer}
            print(json.dumps(report | measure(path, seed, name)), flush=True)


def measure_seed(name: str) -> dict[str, object]:
    """Read the undamaged seed once, in this process."""
    seed = seeds_of(named(name))[0]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "seed"
        path.write_bytes(seed.content)
        return {"read": parse_part(InputFile(path), named(name), seed.options, "default", _discard).read}


if __name__ == "__main__":
    main()
