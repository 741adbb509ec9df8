"""Write and read times from storage, in gigabits per second."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotACountError, NotFiniteError, NotPositiveError
from models.goodput.storage import (
    gbps_from_gigabytes_per_second,
    read_seconds_from_storage,
    write_seconds_from_storage,
)

sizes, bandwidths, ranks = st.floats(1e6, 1e14), st.floats(0.1, 1e5), st.integers(1, 100_000)


def test_a_gigabyte_per_second_is_eight_gigabits():
    assert gbps_from_gigabytes_per_second(200) == 1600
    assert write_seconds_from_storage(1e9, 8.0) == 1.0


def test_hpns_thirty_gigabytes_per_gpu_in_a_hundred_seconds_are_2_4_gigabits_per_rank():
    # Alibaba HPN (SIGCOMM 2024): about 30 GB per GPU in about 100 s.
    assert write_seconds_from_storage(15_360 * 30e9, 1e9, ranks=15_360, per_rank_gbps=2.4) == pytest.approx(100.0)


@given(sizes, bandwidths, ranks, bandwidths)
def test_the_slower_of_storage_and_ranks_decides(size, storage, many, per_rank):
    both = write_seconds_from_storage(size, storage, many, per_rank)
    assert both == pytest.approx(
        max(write_seconds_from_storage(size, storage), write_seconds_from_storage(size, many * per_rank))
    )


@given(sizes, bandwidths, ranks, st.integers(1, 64))
def test_every_replica_that_reads_its_own_copy_reads_as_long_again(size, storage, many, copies):
    once = write_seconds_from_storage(size, storage, many)
    assert read_seconds_from_storage(size, storage, many, copies=copies) == pytest.approx(copies * once)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0.0, 1.0), NotPositiveError, "checkpoint_bytes"),
        ((1.0, 0.0), NotPositiveError, "storage_gbps"),
        ((1.0, math.inf), NotFiniteError, "storage_gbps"),
        ((1.0, 1.0, 0), NotPositiveError, "ranks"),
        ((1.0, 1.0, 1.5), NotACountError, "ranks"),
        ((1.0, 1.0, 1, math.nan), NotFiniteError, "per_rank_gbps"),
    ],
)
def test_impossible_storage_is_refused_by_name(arguments, error, name):
    with pytest.raises(error, match=name):
        write_seconds_from_storage(*arguments)
