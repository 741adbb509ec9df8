"""Simulated clusters that write native logs plus the truth."""

from synthetic_traces.errors import OutputNotEmptyError, UnknownPresetError
from synthetic_traces.spec import ClusterSpec, preset_names, preset_spec
from synthetic_traces.writing import SynthSummary, write_preset

__all__ = [
    "ClusterSpec",
    "OutputNotEmptyError",
    "SynthSummary",
    "UnknownPresetError",
    "preset_names",
    "preset_spec",
    "write_preset",
]
