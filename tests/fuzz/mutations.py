"""Damage as logs meet it (cut, spliced, overwritten) and as an attacker would do it (values of the wrong kind or size).

Every mutation gets a generator of random numbers, the content and another content, and returns a new content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes, bytes], bytes]

#: what a field may turn into
VALUES: tuple[bytes, ...] = (
    *(b"", b" ", b"-", b"-1", b"0", b"-0", b"NaN", b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"0x7f", b"1_000"),
    *(b"9" * 20, b"9" * 400, b"-" + b"9" * 5000, b"2147483648", b"9223372036854775808", b"18446744073709551615"),
    *(b"null", b"None", b"N/A", b"Unknown", b"INVALID", b"true", b"[]", b"{}", b'""', b"[[[[[[[[", b'"', b"'", b"\\"),
    *(b"0001-01-01T00:00:00", b"9999-12-31T23:59:59", b"9999-12-31T23:59:59-14:00", b"1969-12-31 23:59:59"),
    *(
        b"2024-02-30T25:61:61Z",
        b"2024-02-29T23:59:60Z",
        b"2024-10-27T02:30:00",
        b"1e18",
        b"253402300800",
        b"-62135596801",
    ),
    *(
        b"n[1-99999999999]",
        b"n[1-100000]",
        b"n[9-1]",
        b"n[1,[2]]",
        b"n[",
        b"n]",
        b"[]",
        b"n[01-03,,]",
        b"a,,b",
        b"n[1-4/0]",
    ),
    *(
        "½٣".encode(),
        "\u202e\u0000".encode(),
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x85",
        b"\xe2\x80\xa8",
        b"\x1b[31m",
    ),
    *(
        b"a" * 3000,
        b" " * 3000,
        b"(" * 3000,
        b"%s%n{0}{count}",
        b"../../../../tmp/x",
        b"<script>",
        b"'; DROP TABLE jobs;--",
    ),
    *(b"\r", b"\n", b"\r\n", b"\t", b"\0", b"|", b",", b";", b"\x1f", b":", b"="),
)
#: what a value of a JSON document may turn into
JSON_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        -(10**18),
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "-1",
        "\ud800",
        "a" * 3000,
    ),
    *([], {}, [[]], [None], [{}], [1], ["x"], {"": None}, {"x": {}}, {"number": -1}, {"set": True, "infinite": True}),
    *({"number": 10**30, "set": True, "infinite": False}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
)
_FIELD = re.compile(rb"[^\s|,;:=\"'\[\]{}()<>/]+")


def mutated(rng: Random, content: bytes, other: bytes) -> bytes:
    """Return the content after one to four mutations."""
    for _ in range(rng.randint(1, 4)):
        content = rng.choice(MUTATIONS)(rng, content, other)
    return content


def flip_a_byte(rng: Random, content: bytes, _other: bytes) -> bytes:
    place = _place(rng, content)
    return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]


def cut_off(rng: Random, content: bytes, _other: bytes) -> bytes:
    return content[: _place(rng, content)]


def behead(rng: Random, content: bytes, _other: bytes) -> bytes:
    return content[_place(rng, content) :]


def remove_a_piece(rng: Random, content: bytes, _other: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + content[end:]


def repeat_a_piece(rng: Random, content: bytes, _other: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 50)) + content[end:]


def splice(rng: Random, content: bytes, other: bytes) -> bytes:
    start, end = _span(rng, other)
    place = _place(rng, content)
    return content[:place] + other[start:end] + content[place:]


def insert_a_value(rng: Random, content: bytes, _other: bytes) -> bytes:
    place = _place(rng, content)
    return content[:place] + rng.choice(VALUES) + content[place:]


def replace_a_field(rng: Random, content: bytes, _other: bytes) -> bytes:
    start = _place(rng, content)
    found = _FIELD.search(content, start) or _FIELD.search(content)
    return content if found is None else content[: found.start()] + rng.choice(VALUES) + content[found.end() :]


def replace_a_field_everywhere(rng: Random, content: bytes, _other: bytes) -> bytes:
    found = _FIELD.search(content, _place(rng, content))
    return content if found is None else content.replace(found[0], rng.choice(VALUES))[: 1 << 20]


def swap_lines(rng: Random, content: bytes, _other: bytes) -> bytes:
    lines = content.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def drop_a_line(rng: Random, content: bytes, _other: bytes) -> bytes:
    lines = content.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def swap_kinds_in_json(rng: Random, content: bytes, _other: bytes) -> bytes:
    """Replace one or two values of a JSON document, or of one line of JSON, by values of any kind."""
    documents = _documents(content)
    if not documents:
        return replace_a_field(rng, content, b"")
    number = rng.randrange(len(documents))
    holder = [documents[number]]
    for _ in range(rng.randint(1, 2)):
        parent, key = rng.choice(list(_places(holder)))
        if rng.random() < 0.15 and parent is not holder:
            del parent[key]
        else:
            parent[key] = deepcopy(rng.choice(JSON_VALUES))
        if not holder:
            break
    documents[number] = holder[0] if holder else None
    return b"\n".join(json.dumps(document).encode() for document in documents)


MUTATIONS: Sequence[Mutation] = (
    *(flip_a_byte, cut_off, behead, remove_a_piece, repeat_a_piece, splice, insert_a_value, swap_lines, drop_a_line),
    *(replace_a_field, replace_a_field, replace_a_field, replace_a_field_everywhere),
    *(swap_kinds_in_json, swap_kinds_in_json, swap_kinds_in_json),
)


def _documents(content: bytes) -> list[Any]:
    text = content.decode("utf-8", "replace")
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return []


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        parent = waiting.pop()
        keys = list(parent) if isinstance(parent, dict) else range(len(parent))
        for key in keys:
            found.append((parent, key))
            if isinstance(parent[key], dict | list):
                waiting.append(parent[key])
    return found


def _place(rng: Random, content: bytes) -> int:
    return rng.randint(0, len(content))


def _span(rng: Random, content: bytes) -> tuple[int, int]:
    start = _place(rng, content)
    return start, min(len(content), start + rng.choice((1, 3, 20, 200, 2000)))
