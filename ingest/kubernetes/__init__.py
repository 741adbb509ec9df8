"""Kubernetes: pods, jobs, nodes and events as kubectl prints them."""

from __future__ import annotations

from typing import Final

from ingest.kubernetes.objects import Kubernetes
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (Kubernetes(),)
