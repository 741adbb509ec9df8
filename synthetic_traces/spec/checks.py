"""What a number in a specification may be; each refusal names the field."""

from __future__ import annotations

import math


def check_positive(where: str, **values: float) -> None:
    """Refuse numbers that are not above zero.

    Parameters
    ----------
    where
        Part of the specification.
    **values
        By field.

    Raises
    ------
    ValueError
        Naming the first that is wrong.

    Examples
    --------
    >>> check_positive("repair", median_hours=0.0)
    Traceback (most recent call last):
    ValueError: repair.median_hours must be above 0, not 0.0
    """
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{where}.{name} must be above 0, not {value}")


def check_not_negative(where: str, **values: float) -> None:
    """Refuse numbers below zero.

    Parameters
    ----------
    where
        Part of the specification.
    **values
        By field.

    Raises
    ------
    ValueError
        Naming the first that is wrong.

    Examples
    --------
    >>> check_not_negative("repair", sigma=-1.0)
    Traceback (most recent call last):
    ValueError: repair.sigma must not be negative, but is -1.0
    """
    for name, value in values.items():
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{where}.{name} must not be negative, but is {value}")


def check_shares(where: str, **values: float) -> None:
    """Refuse shares and probabilities outside 0 … 1.

    Parameters
    ----------
    where
        Part of the specification.
    **values
        By field.

    Raises
    ------
    ValueError
        Naming the first that is wrong.

    Examples
    --------
    >>> check_shares("repair", useless_share=1.5)
    Traceback (most recent call last):
    ValueError: repair.useless_share must lie in 0 … 1, not 1.5
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{where}.{name} must lie in 0 … 1, not {value}")
