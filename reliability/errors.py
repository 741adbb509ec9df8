"""The mistakes a user can make, one class each.

Every class builds its own message, says where, and what to do next. The command line prints the message as one line
and exits with status 2; no user error ever shows a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class ReliabilityError(Exception):
    """Base of every error that a user can cause and mend."""


class LakeNotFoundError(ReliabilityError):
    """The folder given as the lake holds none."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no lake at {path}: run 'reliability ingest --lake {path} PATH...' first, or give --lake DIR")


class NotALakeError(ReliabilityError):
    """The folder given as the lake holds something else."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a lake: {reason}")


class LakeVersionError(ReliabilityError):
    """The lake was written by a release with another schema."""

    def __init__(self, path: Path, found: int, expected: int) -> None:
        super().__init__(
            f"the lake at {path} has schema version {found}, this release reads version {expected}: "
            "ingest the logs again into a new folder"
        )


class LakeWriteError(ReliabilityError):
    """The storage refused a write (full disk, permissions); nothing of the ingest is visible."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write the lake at {path}: {reason}; nothing of this file was added, run it again")


class InputNotFoundError(ReliabilityError):
    """A path given to ingest does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no such file or folder: {path}")


class UnknownFormatError(ReliabilityError):
    """No source recognises the file. ``brief`` is for one of many files, where the formats would be named each time."""

    def __init__(self, path: Path, known: Iterable[str]) -> None:
        self.brief = f"{path}: not recognised as any known format"
        super().__init__(
            f"{path}: not recognised as any known format ({', '.join(known)}); name one with --format if it is one"
        )


class AmbiguousFormatError(ReliabilityError):
    """More than one source recognises the file."""

    def __init__(self, path: Path, candidates: Iterable[str]) -> None:
        super().__init__(f"{path}: could be any of {', '.join(candidates)}; choose one with --format")


class NoSuchFormatError(ReliabilityError):
    """The name given with --format is not a source."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no format named {name!r}; known: {', '.join(known)}")


class UnreadableInputError(ReliabilityError):
    """The file cannot be read as what it claims to be (truncated archive, no header, not JSON)."""

    def __init__(self, path: Path, reason: str) -> None:
        # A reason may quote the file, which may hold anything: one line, of a length that a person reads.
        super().__init__(f"{path}: {' '.join(reason.split())[:500]}")


class MissingOptionError(ReliabilityError):
    """The source needs a fact that its file does not hold."""

    def __init__(self, path: Path, option: str, why: str) -> None:
        super().__init__(f"{path}: needs {option}: {why}")


class BadOptionError(ReliabilityError):
    """An option's value cannot be used."""

    def __init__(self, option: str, value: object, expected: str) -> None:
        super().__init__(f"{option} {value}: expected {expected}")


class NoDataError(ReliabilityError):
    """The lake holds nothing that could answer the question."""

    def __init__(self, question: str, needs: str) -> None:
        super().__init__(f"nothing in this lake answers '{question}': it needs {needs}")


class SeveralClustersError(ReliabilityError):
    """The lake has the fabrics of several clusters, and none is chosen."""

    def __init__(self, clusters: Iterable[str]) -> None:
        super().__init__(
            f"the lake has the cables of several clusters ({', '.join(clusters)}): choose one with --set cluster=NAME"
        )


class EndUnknownError(ReliabilityError):
    """A run that fails so often, at a rate that cannot be ruled out, that nothing can be said of its end."""

    def __init__(self, days: float, per_1000_node_days: float, ettr: float, *, is_drawn: bool) -> None:
        doubt = ", which the counts do not rule out," if is_drawn else ""
        super().__init__(
            f"when {days:.4g} days of work are done cannot be said: at {per_1000_node_days:.3g} failures per 1000 "
            f"node-days{doubt} the ETTR is {ettr:.2g}"
        )


class QueryError(ReliabilityError):
    """A SQL statement was refused or failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"sql: {reason}")


class OutputError(ReliabilityError):
    """A file or port the user named cannot be used."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target}: {reason}")


class ShadowedPackageError(ReliabilityError, ImportError):
    """A user's own file bears the name of one of our packages and hides it."""

    def __init__(self, name: str, found: Path | None) -> None:
        place = f"{found} hides" if found else "something hides"
        super().__init__(
            f"{place} the package '{name}' of cluster-reliability: rename it or run from another folder "
            "(install cluster-reliability into an environment of its own)"
        )
