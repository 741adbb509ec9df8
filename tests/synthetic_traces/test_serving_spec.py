"""What a serving spec refuses."""

from __future__ import annotations

import msgspec
import pytest

from synthetic_traces.spec.serving import ServingSpec


@pytest.mark.parametrize(
    "change",
    [
        *({name: 0} for name in ("prefill_instances", "decode_batch_slots", "requests_per_second", "days")),
        *({name: -1.0} for name in ("input_tokens_sigma", "from_day", "day_rhythm")),
        {"day_rhythm": 1.5},
        {"decode_slowdown_at_full_batch": 0.5},
        {"requests_per_second": float("nan")},
        {"reload_seconds": float("inf")},
        {"router": "random"},
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must"):
        ServingSpec(**{"prefill_instances": 1, "decode_instances": 1, "requests_per_second": 1.0} | change)


def test_a_misspelt_field_of_a_file_is_named():
    text = "prefill_instances = 1\ndecode_instances = 1\nrequests_per_second = 1\nreload_minutes = 3"
    with pytest.raises(ValueError, match="reload_minutes"):
        msgspec.toml.decode(text, type=ServingSpec)
