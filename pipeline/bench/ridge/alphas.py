"""An alpha for each target by generalised cross-validation, by our functions on plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ridge
from .memory import WIDTH, arrays, chosen
from .problem import Size

if TYPE_CHECKING:
    from collections.abc import Callable

RANGE = (0.1, 1000.0)
"""Ends of the candidates, beside the problem's alpha; at the lower one ||K|| / alpha is a thousand."""


def candidates(size: Size, count: int) -> tuple[float, ...]:
    """Return penalties around the problem's own, or that alone."""
    low, high = (share * size.alpha for share in RANGE)
    return ridge.grid(low, high, count) if count > 1 else (size.alpha,)


def per_target(alphas: int, **given: Any) -> Callable[[], dict[str, Any]]:
    """Choose and predict, from the responses on: Gram, eigenvectors, all blocks of targets."""
    size = Size.of(given)
    tried = candidates(size, alphas)
    x, x_test, y = arrays(size)

    def work() -> dict[str, Any]:
        """Do all of it."""
        return chosen(Blocks.of(x, x_test, tried).predicted(y, tried)[1])

    return work


def blocks_alone(alphas: int, **given: Any) -> Callable[[], dict[str, Any]]:
    """Choose and predict with Gram and eigenvectors at hand, which are products that all targets share."""
    size = Size.of(given)
    tried = candidates(size, alphas)
    x, x_test, y = arrays(size)
    made = Blocks.of(x, x_test, tried)
    return lambda: chosen(made.predicted(y, tried)[1])


class Blocks:
    """Blocks of targets, given what they share."""

    def __init__(self, spectrum: ridge.Spectrum, projected: np.ndarray) -> None:
        self.spectrum = spectrum
        self.projected = projected

    @classmethod
    def of(cls, x: np.ndarray, x_test: np.ndarray, alphas: tuple[float, ...]) -> Blocks:
        """Return them for some responses, as exact as the least penalty asks for."""
        gram, cross = ridge.gram_and_cross_for(min(alphas), lambda: [(x, x_test)])
        spectrum = ridge.dual_spectrum(gram, overwrite=True)
        return cls(spectrum, cross @ spectrum.vectors)

    def predicted(self, y: np.ndarray, alphas: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions of the test rows and the alpha of each target."""
        predicted = np.empty((len(self.projected), y.shape[1]), np.float32)
        found = np.empty(y.shape[1])
        for start in range(0, y.shape[1], WIDTH):
            block = slice(start, start + WIDTH)
            predicted[:, block], found[block] = self._block(y[:, block], np.array(alphas))
        return predicted, found

    def _block(self, y: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moments = ridge.moments(y)
        tried = ridge.by_spectrum(
            self.spectrum, ridge.centred_targets(y, moments, self.spectrum.precision), tuple(alphas)
        )
        best = alphas[ridge.gcv_errors(tried).best()]
        found = ridge.predict_by_alphas(self.projected, self.spectrum, tried[0].projected, best)
        return found + moments.mean.astype("float32"), best
