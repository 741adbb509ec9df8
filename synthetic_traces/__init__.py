"""Simulated clusters that write native logs plus the truth."""

from synthetic_traces.errors import BadSpecError, OutputNotEmptyError, UnknownPresetError
from synthetic_traces.spec.cluster import ClusterSpec, plain, without_lemons
from synthetic_traces.spec.loading import load_spec, preset_names, preset_spec
from synthetic_traces.writing import SynthSummary, write_preset, write_trace

__all__ = [
    "BadSpecError",
    "ClusterSpec",
    "OutputNotEmptyError",
    "SynthSummary",
    "UnknownPresetError",
    "load_spec",
    "plain",
    "preset_names",
    "preset_spec",
    "without_lemons",
    "write_preset",
    "write_trace",
]
