"""From a transform back to a distribution, by the fast Fourier transform."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray

ComplexArray = npt.NDArray[np.complex128]

#: points of the grid on which wall-clock times are resolved
_POINTS: Final = 4096
#: how far the grid reaches, in standard deviations below and above the mean
_BELOW, _ABOVE = 10.0, 20.0
#: width of the smoothing kernel in grid steps: its transform is 1e-5 at the highest frequency
_KERNEL_STEPS: Final = 1.5
#: frequencies looked at first, and below what a transform is left out
_FIRST_BLOCK: Final = 64
_GONE: Final = 1e-9


def density_of(
    transform: Callable[[ComplexArray], ComplexArray], least: float, mean: float, sd: float, total: float
) -> tuple[FloatArray, FloatArray]:
    """Return times and the running sum of a density whose Laplace transform is given.

    Parameters
    ----------
    transform : callable
        Takes complex s of shape (n,) and returns the transform there.
    least : float
        Below it there is nothing.
    mean, sd : float
        Of the whole; they set the grid.
    total : float
        The integral of the density.

    Returns
    -------
    tuple of two arrays of shape (n_grid,)
        Rising times, and the integral up to each; the last is ``total``.

    Examples
    --------
    >>> times, below = density_of(lambda s: 1 / (1 + s), 0.0, 1.0, 1.0, 1.0)
    >>> abs(float(np.interp(1.0, times, below)) - (1 - math.exp(-1))) < 1e-4
    True
    """
    if not total > 0.0 or not sd > 0.0:
        return np.array([least, np.nextafter(least, math.inf)]), np.array([0.0, max(total, 0.0)])
    high = mean + _ABOVE * sd
    low = max(least, mean - _BELOW * sd)
    step = (high - low) / (_POINTS - 32)
    low -= 16.0 * step  # room for the kernel
    frequency = 2.0 * math.pi * np.arange(_POINTS // 2 + 1) / (_POINTS * step)
    s = np.asarray(1j * frequency, dtype=np.complex128)
    smooth = np.exp(s * low - (_KERNEL_STEPS * step * frequency) ** 2 / 2.0)
    mass = np.fft.irfft(_until_gone(transform, s) * smooth, _POINTS)
    times = low + step * np.arange(_POINTS)
    below = np.maximum.accumulate(np.clip(np.cumsum(mass) - mass / 2.0, 0.0, total))
    below[-1] = total
    inside = times > least
    # Nothing lies below the least; what the kernel carried there is put back to it.
    return np.append(least, times[inside]), np.append(0.0, below[inside])


def counts_of(generating: Callable[[ComplexArray], ComplexArray], mean: float, sd: float) -> FloatArray:
    """Return the probabilities of 0, 1, 2, … from their generating function.

    Examples
    --------
    >>> counts_of(lambda z: np.exp(2.0 * (z - 1.0)), 2.0, 2.0**0.5)[:3].round(4).tolist()
    [0.1353, 0.2707, 0.2707]
    """
    points = 1 << math.ceil(math.log2(mean + _ABOVE * sd + 32.0))
    z = np.exp(-2j * math.pi * np.arange(points // 2 + 1) / points)
    return np.clip(np.fft.irfft(_until_gone(generating, z), points), 0.0, 1.0)


def _until_gone(transform: Callable[[ComplexArray], ComplexArray], at: ComplexArray) -> ComplexArray:
    """Return a transform at ever higher frequencies, in blocks, until a whole block of it is as good as zero."""
    found = np.zeros(at.size, dtype=np.complex128)
    start, stop = 0, _FIRST_BLOCK
    while start < at.size:
        block = transform(at[start:stop])
        found[start:stop] = block
        if np.abs(block).max() < _GONE:
            break
        start, stop = stop, 2 * stop
    return found
