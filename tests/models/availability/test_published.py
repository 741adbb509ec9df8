"""Published rates: the figures of the papers come out, and every class says where its rate is from."""

from __future__ import annotations

import numpy as np
import pytest

from models.availability.component_rates import ComponentRate, ComponentRates
from models.availability.errors import UnknownComponentClassError
from models.availability.published import (
    HOURS_PER_MONTH,
    LLAMA_3_DAYS,
    LLAMA_3_GPU_FAULTS,
    LLAMA_3_GPUS,
    LLAMA_3_HOST_FAULTS,
    LLAMA_3_NIC_FAULTS,
    published_rates,
)
from models.availability.system import fabric_system
from models.errors import NegativeValueError
from models.topology.builders.hpn import hpn
from models.topology.designs import DESIGNS
from models.topology.errors import UnknownFabricKindError


def test_a_single_tor_job_on_3000_links_loses_one_to_two_a_month() -> None:
    found = published_rates("hpn-single-tor").expected_failures({"nic-link": 3000}, HOURS_PER_MONTH)
    assert found["nic-link"] == pytest.approx(1.71, abs=0.005)


def test_a_pod_loses_seventeen_links_and_a_tenth_of_a_tor_a_month() -> None:
    pod = fabric_system(hpn(hosts=1920, gpus_per_host=8))
    found = published_rates("hpn").expected_failures(pod.counts, HOURS_PER_MONTH)
    assert found["nic-link"] == pytest.approx(17.5, abs=0.05)
    assert found["tor"] == pytest.approx(0.12, abs=0.005)


def test_llama_3_counts_give_back_its_interruptions() -> None:
    rates = published_rates("clos")
    days = 24.0 * LLAMA_3_DAYS
    expected = rates.expected_failures({"gpu": LLAMA_3_GPUS, "nic": LLAMA_3_GPUS, "host": 2048}, days)
    assert expected == pytest.approx({"gpu": 268, "nic": 7, "host": 46})
    assert sum(LLAMA_3_GPU_FAULTS.values()) == 268
    assert sum(LLAMA_3_HOST_FAULTS.values()) + LLAMA_3_NIC_FAULTS == 53


def test_counted_classes_have_an_interval_and_others_none() -> None:
    rates = published_rates("hpn")
    estimate = rates["gpu"].estimate()
    assert estimate is not None
    assert estimate.low_per_day < 24 * rates["gpu"].failures_per_hour < estimate.high_per_day
    assert rates["nic-link"].estimate() is None
    assert rates["nic-link"].trust == "primary"
    assert rates["agg"].trust == "assumption"


@pytest.mark.parametrize("kind", [*DESIGNS, "from-lake"])
def test_every_kind_has_rates_with_a_source(kind: str) -> None:
    rates = published_rates(kind)
    assert all(rate.source and rate.failures_per_hour > 0 and rate.repair_hours > 0 for rate in rates.values())
    assert {"gpu", "host"} <= set(rates)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownFabricKindError, match="'ring'"):
        published_rates("ring")


def test_other_repair_times_keep_the_rates() -> None:
    rates = published_rates("hpn").with_repair_hours({"tor": 1.0})
    assert rates["tor"].repair_hours == 1.0
    assert rates["tor"].failures_per_hour == published_rates("hpn")["tor"].failures_per_hour
    assert "as given" in rates["tor"].source
    with pytest.raises(UnknownComponentClassError, match="'leef'"):
        rates.with_repair_hours({"leef": 1.0})


def test_other_rates_take_the_place_of_published_ones() -> None:
    mine = ComponentRate("gpu", 1e-4, 2.0, "this log", "measured", 10, 1e5)
    rates = published_rates("hpn").with_rates({"gpu": mine})
    assert rates["gpu"] is mine
    assert len(rates) == len(published_rates("hpn"))


def test_drawn_rates_spread_as_their_counts_leave_open() -> None:
    counted = ComponentRate("gpu", 1e-3, 1.0, "an example", "measured", 10, 1e4)
    given = ComponentRate("tor", 1e-6, 1.0, "an example", "assumption")
    drawn = ComponentRates((counted, given)).drawn(4000, np.random.default_rng(1))
    assert drawn["gpu"].mean() == pytest.approx(10.5 / 1e4, rel=0.01)
    assert drawn["gpu"].var() == pytest.approx(10.5 / 1e8, rel=0.05)
    assert (drawn["tor"] == 1e-6).all()


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(NegativeValueError, match="tor"):
        ComponentRate("tor", -1.0, 1.0, "an example", "assumption")
