"""What a numbered error says, in the words of the ``events`` table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Symptom, domain and severity as in :mod:`reliability.schema`."""

    symptom: str
    domain: str
    severity: str
