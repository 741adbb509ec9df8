"""A number, or a curve, that travels with its interval."""

from dataclasses import dataclass

from models.guards import FloatArray


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its two-sided interval; infinite where the distribution, or the data, set no limit."""

    value: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A curve over age with its pointwise band."""

    age_hours: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float
