"""A written preset, once for all tests of this folder, and two small clusters."""

from __future__ import annotations

import pytest

from synthetic_traces import write_preset
from tests.synthetic_traces.clusters import SEEDS, simulated, stormy, troubled


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Summary of the preset `tiny`, written to disk."""
    return write_preset("tiny", seed=7, out=tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def stormy_spec():
    """A cluster that fails forty times as often as `tiny` and is noticed late."""
    return stormy()


@pytest.fixture(scope="session")
def troubled_spec():
    """A cluster on which everything that the simulator can do happens."""
    return troubled()


@pytest.fixture(params=["stormy", "troubled"])
def spec(request):
    """Each of the two."""
    return request.getfixturevalue(f"{request.param}_spec")


@pytest.fixture(params=SEEDS, ids=lambda seed: f"seed {seed}")
def case(spec, request):
    """Their histories, for laws that hold in every one."""
    return simulated(spec, request.param)
