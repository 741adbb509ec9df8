"""What can be wrong with a question about lemon nodes: one class per mistake."""

from models.errors import ModelError


class OneNodeError(ModelError):
    """A single node, which has no fleet to be compared with."""

    def __init__(self, nodes: int) -> None:
        super().__init__(
            f"a lemon fails more than the fleet, and a fleet of {nodes} is none: at least two nodes with time at risk "
            "are needed"
        )


class ShareOutOfRangeError(ModelError):
    """A share, quantile or false discovery rate outside (0, 1)."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value:g}; it must lie between 0 and 1")


class ShapeMismatchError(ModelError):
    """Tables of nodes by days that do not fit each other."""

    def __init__(self, name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        super().__init__(f"{name} has the shape {shape}, the other tables have {expected}")


class LemonFactorError(ModelError):
    """A lemon that need not fail more than the fleet."""

    def __init__(self, factor: float, highest: float) -> None:
        super().__init__(f"a lemon factor of {factor:g} is out of range: above 1 and below {highest:g} times the fleet")


class NoFeatureError(ModelError):
    """A rule without a feature that counts."""

    def __init__(self) -> None:
        super().__init__("the rule has no feature with a weight above zero, so it could name nobody")


class TooFewAttemptsError(ModelError):
    """More failures than attempts."""

    def __init__(self, position: int, failures: float, attempts: float) -> None:
        super().__init__(f"row {position}: {failures:g} failures of {attempts:g} attempts; the part exceeds the whole")
