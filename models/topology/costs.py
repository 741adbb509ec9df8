"""What the network costs by the rule of the rail-only paper: so much for a transceiver, so much for a switch port."""

from __future__ import annotations

from dataclasses import dataclass

from models.guards import checked_non_negative
from models.topology.builders.cabling import check_sizes, checked_radix
from models.topology.errors import ShapeMismatchError


@dataclass(frozen=True, slots=True)
class PortPrices:
    """Prices in dollars.

    Parameters
    ----------
    transceiver_dollars : float
        Of one transceiver of 400 Gb/s; the published 199.
    switch_port_dollars : float
        Of one port of a packet switch; the published 694.
    ocs_port_dollars : float
        Of one port of an optical circuit switch. None is published with the others: it is taken for as dear as one of
        a packet switch [D].

    Notes
    -----
    Wang et al. (arXiv 2307.12169, HOTI 2024).
    """

    transceiver_dollars: float = 199.0
    switch_port_dollars: float = 694.0
    ocs_port_dollars: float = 694.0

    def __post_init__(self) -> None:
        """Refuse prices that cannot be."""
        checked_non_negative("transceiver_dollars", self.transceiver_dollars)
        checked_non_negative("switch_port_dollars", self.switch_port_dollars)
        checked_non_negative("ocs_port_dollars", self.ocs_port_dollars)

    def cost_dollars(self, transceivers: float, switch_ports: float, ocs_ports: float = 0.0) -> float:
        """Return the price of a network.

        Parameters
        ----------
        transceivers, switch_ports, ocs_ports : float
            How many of 400 Gb/s; one of 200 Gb/s is half of one.

        Returns
        -------
        float
            Dollars.
        """
        return (
            transceivers * self.transceiver_dollars
            + switch_ports * self.switch_port_dollars
            + ocs_ports * self.ocs_port_dollars
        )


#: the published prices
PUBLISHED_PRICES = PortPrices()


@dataclass(frozen=True, slots=True)
class NetworkBill:
    """What a network by the published rule consists of.

    Parameters
    ----------
    tiers : int
        Of switches, 1 to 3.
    switches, transceivers : int
        How many.
    switch_ports : int
        Of all switches together.
    prices : PortPrices
        What each costs.
    """

    tiers: int
    switches: int
    transceivers: int
    switch_ports: int
    prices: PortPrices

    @property
    def cost_dollars(self) -> float:
        """Price of all of it."""
        return self.prices.cost_dollars(self.transceivers, self.switch_ports)


def clos_bill(gpus: int, switch_ports: int, prices: PortPrices = PUBLISHED_PRICES) -> NetworkBill:
    """Return what a Clos network of full bisection consists of, by the published rule.

    Parameters
    ----------
    gpus : int
        GPUs, each with one adapter.
    switch_ports : int
        Ports of a switch.
    prices : PortPrices
        Dollars.

    Returns
    -------
    NetworkBill
        Switches, transceivers and cost.

    Raises
    ------
    RadixTooSmallError
        Three tiers of such switches cannot join so many GPUs.
    NotACountError, NotPositiveError
        A size cannot be.

    Notes
    -----
    The rule that reproduces both published savings of Wang et al. (arXiv 2307.12169), 38.3% and about 76.6%: with n
    GPUs and r ports, one tier if n <= r, two if n <= r²/2, else three; (2 tiers - 1) n / r switches, 2 tiers n
    transceivers.

    Examples
    --------
    >>> base = clos_bill(32_768, 64)
    >>> base.switches, base.transceivers, base.cost_dollars
    (2560, 196608, 152829952.0)
    """
    check_sizes(gpus=gpus, switch_ports=switch_ports)
    checked_radix(switch_ports, lambda ports: 4 * gpus <= ports**3)
    tiers = 1 if gpus <= switch_ports else 2 if 2 * gpus <= switch_ports**2 else 3
    return _bill(tiers, gpus, switch_ports, prices)


def rail_only_bill(
    gpus: int, gpus_per_domain: int, switch_ports: int, prices: PortPrices = PUBLISHED_PRICES
) -> NetworkBill:
    """Return what a rail-only network consists of, by the published rule.

    Parameters
    ----------
    gpus : int
        All GPUs.
    gpus_per_domain : int
        GPUs of a high-bandwidth domain, each on a rail of its own.
    switch_ports : int
        Ports of a switch.
    prices : PortPrices
        Dollars.

    Returns
    -------
    NetworkBill
        Switches, transceivers and cost of all rails.

    Raises
    ------
    ShapeMismatchError
        The domains are not whole.
    RadixTooSmallError
        Three tiers of such switches cannot join the GPUs of a rail.
    NotACountError, NotPositiveError
        A size cannot be.

    Notes
    -----
    As `clos_bill`, once per rail; rails that need less than a whole switch share it, as the rule counts in fractions.
    256 GPUs per domain reproduce the published savings; the number itself is inferred.

    Examples
    --------
    >>> rails = rail_only_bill(32_768, 256, 64)
    >>> rails.switches, rails.transceivers, rails.cost_dollars
    (1536, 131072, 94306304.0)
    >>> round(saving_share(clos_bill(32_768, 64), rails), 3)
    0.383
    """
    check_sizes(gpus=gpus, gpus_per_domain=gpus_per_domain)
    if gpus % gpus_per_domain:
        raise ShapeMismatchError("gpus", gpus, "domains", gpus_per_domain)
    tiers = clos_bill(gpus // gpus_per_domain, switch_ports).tiers
    return _bill(tiers, gpus, switch_ports, prices)


def _bill(tiers: int, gpus: int, switch_ports: int, prices: PortPrices) -> NetworkBill:
    switches = -(-(2 * tiers - 1) * gpus // switch_ports)
    return NetworkBill(tiers, switches, 2 * tiers * gpus, switches * switch_ports, prices)


def saving_share(base: NetworkBill, other: NetworkBill) -> float:
    """Return by which share of its cost another network is cheaper than the base; negative if it is dearer."""
    return 1.0 - other.cost_dollars / base.cost_dollars
