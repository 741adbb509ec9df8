"""Names replaced by keyed hashes on their way into the lake, so that a lake can be shared.

Equal names stay equal, within a lake and between lakes of one key; without the key nobody can test a guess.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reliability.errors import BadOptionError

_SHORTEST_KEY_BYTES: Final = 16
_DIGEST_BYTES: Final = 8
#: table → column → beginning of what takes a name's place
_NAMES: Final = {
    "jobs": {"user": "user-", "account": "account-", "job_name": "job-"},
    "job_events": {"set_by": "user-"},
    "node_states": {"set_by": "user-"},
}
#: free text that quotes names, and would give them away
_WITHHELD: Final = {"rejects": "line", "job_events": "message"}
#: daemons, not people
_DAEMONS: Final = frozenset({"root", "slurm"})


class Anonymizer:
    """Replaces users, accounts and job names.

    Parameters
    ----------
    key
        Secret bytes.

    Examples
    --------
    >>> hidden = Anonymizer(b"0123456789abcdef").apply("jobs", pa.table({"user": ["ada", "bob", "ada", None]}))
    >>> hidden["user"].to_pylist()[1:] == hidden["user"].to_pylist()[:1], len(set(hidden["user"].to_pylist()))
    (False, 3)
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32).digest()

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without giving them away."""
        return hashlib.blake2b(b"fingerprint", key=self._key, digest_size=_DIGEST_BYTES).hexdigest()

    def apply(self, table: str, rows: pa.Table) -> pa.Table:
        """Return the rows with every name replaced and with the text withheld that quotes names."""
        for column, prefix in _NAMES.get(table, {}).items():
            if column in rows.column_names:
                rows = _with(rows, column, self._hashed(rows[column], prefix))
        if table == "jobs" and "state_raw" in rows.column_names:
            # 'CANCELLED by 1001' names the user who cancelled
            rows = _with(rows, "state_raw", pc.replace_substring_regex(rows["state_raw"], r" by .*$", ""))
        withheld = _WITHHELD.get(table)
        if withheld is not None and withheld in rows.column_names:
            rows = _with(rows, withheld, pa.nulls(rows.num_rows, pa.string()))
        return rows

    def _hashed(self, names: pa.ChunkedArray, prefix: str) -> pa.ChunkedArray:
        encoded = names.combine_chunks().dictionary_encode()
        hashed = [self._hash(name, prefix) for name in encoded.dictionary.to_pylist()]
        return pa.chunked_array([pa.array(hashed, pa.string()).take(encoded.indices)], pa.string())

    def _hash(self, name: str | None, prefix: str) -> str | None:
        if name is None or name in _DAEMONS:
            return name
        kind = prefix.encode().ljust(hashlib.blake2b.PERSON_SIZE, b"\0")
        return (
            prefix + hashlib.blake2b(name.encode(), key=self._key, digest_size=_DIGEST_BYTES, person=kind).hexdigest()
        )


def read_key(path: Path) -> Anonymizer:
    """Make an anonymizer with the key in a file.

    Raises
    ------
    BadOptionError
        If the file cannot be read or is too short to be a secret.
    """
    advice = f"a file of at least {_SHORTEST_KEY_BYTES} secret bytes (make one: head -c 32 /dev/urandom > {path})"
    try:
        key = path.read_bytes()
    except OSError as error:
        raise BadOptionError("--anonymize", path, advice) from error
    if len(key) < _SHORTEST_KEY_BYTES:
        raise BadOptionError("--anonymize", path, advice)
    return Anonymizer(key)


def _with(rows: pa.Table, column: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), rows.schema.field(column), values)
