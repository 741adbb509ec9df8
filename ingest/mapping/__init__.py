"""Any table into the lake: a TOML file says which column is what.

The language is described in ``docs/mappings.md``.
"""

from __future__ import annotations

from ingest.mapping.errors import MappingError
from ingest.mapping.source import MappedSource, load_mapping
from ingest.mapping.suggest import suggest_mapping

__all__ = ["MappedSource", "MappingError", "load_mapping", "suggest_mapping"]
