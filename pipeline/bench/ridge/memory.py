"""The problem in memory, by our functions on plain arrays, and the machine's own rate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ... import ridge
from .problem import Size, exact, relative, responses, targets

if TYPE_CHECKING:
    from collections.abc import Callable

#: Targets whose error is told.
CHECKED = 64
#: Targets predicted at once; the stages take 4096.
WIDTH = 4096


def arrays(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training rows, test rows and training targets."""
    x = responses(size, 0, size.p)
    warmed(x[:600, : ridge.WIDTH])
    return x[: size.n], x[size.n :], targets(size, 0, size.n, 0, size.t)


def warmed(rows: np.ndarray) -> None:
    """Load scipy's routines and have BLAS take the 30 MB it takes once: no contender's time or memory."""
    gram, cross = ridge.gram_and_cross([(rows, rows[:100])])
    ridge.dual_smoother(ridge.factorise(gram, float(len(rows)), overwrite=True), cross)


def told(
    size: Size, predict: Callable[[], np.ndarray], data: tuple[np.ndarray, ...], flops: float
) -> Callable[[], dict[str, Any]]:
    """Return the work that predicts, with its rate and its error as figures of its own."""

    def work() -> dict[str, Any]:
        """Predict, and tell how fast."""
        began = time.process_time()
        predicted = predict()
        seconds = time.process_time() - began
        few = slice(0, min(CHECKED, predicted.shape[1]))
        x, x_test, y = data

        def error() -> float:
            """Return how far a few targets are from float64."""
            return relative(
                predicted[:, few], exact(lambda: [(x, x_test)], y[:, few].astype(np.float64), size.alpha)
            )

        return {"rate": flops / seconds, "error": error}

    return work


def chosen(alphas: np.ndarray) -> dict[str, Any]:
    """Return the alphas that targets were given, as figures: their mean on a scale of powers of ten."""
    return {"alpha": float(10 ** np.log10(alphas).mean())}


def in_memory(precision: Literal["auto", "float64"] = "auto", **given: Any) -> Callable[[], dict[str, Any]]:
    """Predict the test rows by Gram, factor, smoother and product."""
    size = Size.of(given)
    data = arrays(size)
    x, x_test, y = data

    def predict() -> np.ndarray:
        """Return (row, target) float32 of the test rows."""
        if precision == "auto":
            gram, cross = ridge.gram_and_cross_for(size.alpha, lambda: [(x, x_test)])
        else:
            gram, cross = ridge.gram_and_cross([(x, x_test)], precision)
        smoother = ridge.dual_smoother(ridge.factorise(gram, size.alpha, overwrite=True), cross)
        smoother = smoother.astype("float32", copy=False)
        del gram, cross
        predicted = np.empty((size.m, size.t), np.float32)
        for start in range(0, size.t, WIDTH):
            block = slice(start, start + WIDTH)
            predicted[:, block] = ridge.predict(smoother, y[:, block])
        return predicted

    return told(size, predict, data, size.flops)


def sgemm(order: int = 2048, times: int = 5, **_given: Any) -> Callable[[], dict[str, Any]]:
    """Multiply float32 matrices: the rate that all others are compared with."""
    random = np.random.default_rng(0)
    left, right = (random.standard_normal((order, order), np.float32) for _ in range(2))
    _ = left @ right

    def work() -> dict[str, Any]:
        """Multiply, and tell how fast."""
        began = time.process_time()
        for _ in range(times):
            _ = left @ right
        return {"rate": 2 * order**3 * times / (time.process_time() - began)}

    return work
