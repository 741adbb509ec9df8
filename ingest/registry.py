"""The log formats there are, and which one a file has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ingest import fabric, health, host, kubernetes, schedulers, serving, slurm, traces, training
from ingest.source import Options, Source
from reliability.errors import AmbiguousFormatError, NoSuchFormatError, UnknownFormatError

#: a new format is one module and one entry in the list of its package
SOURCES: Final[tuple[Source, ...]] = (
    *slurm.SOURCES,
    *schedulers.SOURCES,
    *kubernetes.SOURCES,
    *host.SOURCES,
    *health.SOURCES,
    *fabric.SOURCES,
    *training.SOURCES,
    *serving.SOURCES,
    *traces.SOURCES,
)


def format_names() -> tuple[str, ...]:
    """Return the names ``--format`` takes."""
    return tuple(source.name for source in SOURCES)


def identify(head: bytes, path: Path, options: Options) -> Source:
    """Find the one source for a file.

    Parameters
    ----------
    head
        First bytes of its content, decompressed.
    path
        The file, for messages only: names decide nothing.
    options
        ``options.mapping`` and ``options.format`` name the source and skip recognition.

    Returns
    -------
    Source
        The source to read it with.

    Raises
    ------
    NoSuchFormatError
        If ``options.format`` is no source.
    UnknownFormatError
        If no source recognises the file.
    AmbiguousFormatError
        If two do.
    """
    if options.mapping is not None:
        return options.mapping
    if options.format is not None:
        return named(options.format)
    claims = [source for source in SOURCES if source.recognise(head, options)]
    if not claims:
        raise UnknownFormatError(path, format_names())
    if len(claims) > 1:
        raise AmbiguousFormatError(path, [source.name for source in claims])
    return claims[0]


def named(name: str) -> Source:
    """Return the source of that name.

    Raises
    ------
    NoSuchFormatError
        If there is none.
    """
    for source in SOURCES:
        if source.name == name:
            return source
    raise NoSuchFormatError(name, format_names())
