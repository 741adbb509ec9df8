"""``dcgmi diag -j``: which tests of DCGM's diagnostic a GPU failed.

The layouts are those of DCGM 3 (``nvvs/include/NvvsCommon.h``: ``DCGM GPU Diagnostic``, results by ``gpu_ids``) and of
DCGM 4 (``DCGM Diagnostic``, results by ``entity_group`` and ``entity_id``), as DCGM's source and its tests show them.
Written from those; no real file was at hand.

The output has no time and no host: it is taken to be of ``--taken-at``, else of the file's time stamp. What failed is
the diagnostic, which a site runs after a failure or on purpose: the test decides the symptom. A failed test of the
software's installation (libraries, persistence mode, permissions) is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

_ROOTS: Final = ("DCGM GPU Diagnostic", "DCGM Diagnostic")
_GOOD: Final = frozenset({"pass", "skip", "skipped", "not run", "not applicable"})
_BAD: Final = {"fail": "critical", "warn": "warning"}
_COMPONENTS: Final = {"GPU": "gpu", "NvSwitch": "nvswitch", "Switch": "nvswitch", "CPU": "cpu"}
#: names of tests → symptom and domain; the first that matches
_TESTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), symptom, domain)
    for pattern, symptom, domain in (
        (r"memory|memtest|row remap|page retirement", "gpu_memory", "hardware"),
        (r"pcie|nvbandwidth", "pcie", "hardware"),
        (r"nvlink|nccl", "nvlink", "hardware"),
        (r"power|pulse", "power", "hardware"),
        (r"inforom", "other", "hardware"),
        (
            r"software|library|libraries|permission|persistence|environment|denylist|blacklist|graphics processes",
            "gpu_driver",
            "system_software",
        ),
    )
)
_GUESSED_TIME: Final = "{count} reports have no time: taken to be of the file's time stamp; give --taken-at"


class DcgmDiag(Source):
    """Source of ``events``."""

    name = "dcgm-diag"
    title = "dcgmi diag -j"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document is a diagnostic of DCGM."""
        paths = head_paths(head)
        return any(f"{root}.test_categories.item.category" in paths for root in _ROOTS)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events.

        Raises
        ------
        MissingOptionError
            If the options do not name the host.
        """
        if options.node is None:
            raise MissingOptionError(file.path, "--node HOST", "DCGM's diagnostic does not name its host")
        findings = Findings()
        parser = _Parser(options.node, options.taken_utc, file.modified_utc(), findings)
        yield from chunks(json_items(file, ""), parser.parse, lambda report: str(report)[:500], findings)


@dataclass(slots=True)
class _Parser:
    node: str
    taken_utc: datetime | None
    modified_utc: datetime
    findings: Findings

    def parse(self, report: object) -> Sequence[Row]:
        """Return the tests that failed."""
        root = next((report[name] for name in _ROOTS if name in report), None) if isinstance(report, dict) else None
        if not isinstance(root, dict):
            raise ValueError("not a diagnostic of DCGM")  # noqa: TRY004 - refuses the record
        rows = [
            row
            for category in _objects(root, "test_categories")
            for test in _objects(category, "tests")
            for result in _objects(test, "results")
            for row in self._failed(str(test.get("name")), result)
        ]
        if rows and self.taken_utc is None:
            self.findings.note(_GUESSED_TIME)
        return rows or NOTHING

    def _failed(self, test: str, result: dict[str, object]) -> Iterator[Row]:
        status = str(result.get("status")).lower()
        if status in _GOOD:
            return
        if status not in _BAD:
            raise ValueError(f"{test}: status {status[:40]!r} is not known")
        symptom, domain = next(
            ((symptom, domain) for pattern, symptom, domain in _TESTS if pattern.search(test)),
            ("gpu_unavailable", "hardware"),
        )
        slug = re.sub(r"[^a-z0-9]+", "_", test.lower()).strip("_")
        for component, slot in _entities(result):
            values = {
                "time_utc": self.taken_utc or self.modified_utc,
                "node": self.node,
                "component": component,
                "slot": slot,
                "symptom": symptom,
                "domain": domain,
                "code": f"dcgm:diag_{slug[:40]}",
                "severity": "warning" if domain == "system_software" else _BAD[status],
                "source": DcgmDiag.name,
                "message": f"{test}: {_warnings(result)}",
            }
            yield Row("events", values)


def _objects(value: dict[str, object], key: str) -> list[dict[str, object]]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key} is no list")  # noqa: TRY004 - refuses the record
    return [entry for entry in found if isinstance(entry, dict)]  # DCGM 3 prints a null between two tests


def _entities(result: dict[str, object]) -> list[tuple[str, str]]:
    if "entity_id" in result:
        group = str(result.get("entity_group", "GPU"))
        return [(_COMPONENTS.get(group, "other"), f"{group.lower()}{result['entity_id']}")]
    numbers = str(result.get("gpu_ids", result.get("gpu_id", ""))).split(",")
    found = [("gpu", f"gpu{number.strip()}") for number in numbers if number.strip()]
    if not found:
        raise ValueError("a result that names no GPU")
    return found


def _warnings(result: dict[str, object]) -> str:
    warnings = result.get("warnings") or []
    listed = warnings if isinstance(warnings, list) else [warnings]
    texts = [str(entry.get("warning", "")) if isinstance(entry, dict) else str(entry) for entry in listed]
    return " ".join(" ".join(text.split()) for text in texts) or str(result.get("status"))
