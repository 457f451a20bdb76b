"""What people predict many targets with today, each as its documentation shows it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.bench.ridge.alphas import candidates
from pipeline.bench.ridge.memory import arrays, chosen, told
from pipeline.bench.ridge.problem import Size

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[], dict[str, Any]]


def sklearn_ridge(**given: Any) -> Work:
    """Fit and predict with scikit-learn's Ridge in float32."""
    from sklearn.linear_model import Ridge

    size = Size.of(given)
    x, x_test, y = data = arrays(size)
    return told(size, lambda: Ridge(alpha=size.alpha).fit(x, y).predict(x_test), data, size.as_scripted)


def himalaya_kernel_ridge(**given: Any) -> Work:
    """Fit and predict with himalaya's KernelRidge on its torch backend."""
    import torch
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidge

    set_backend("torch")
    size = Size.of(given)
    x, x_test, y = data = arrays(size)

    def predict() -> np.ndarray:
        model = KernelRidge(alpha=size.alpha, fit_intercept=True).fit(
            torch.from_numpy(x), torch.from_numpy(y)
        )
        return np.asarray(model.predict(torch.from_numpy(x_test)))

    return told(size, predict, data, size.as_scripted)


def sklearn_ridge_cv(alphas: int, **given: Any) -> Work:
    """Choose an alpha for each target by scikit-learn's RidgeCV, which leaves each row out in turn."""
    from sklearn.linear_model import RidgeCV

    size = Size.of(given)
    x, x_test, y = arrays(size)

    def work() -> dict[str, Any]:
        model = RidgeCV(alphas=candidates(size, alphas), alpha_per_target=True).fit(x, y)
        _ = model.predict(x_test)
        return chosen(model.alpha_)

    return work


def himalaya_kernel_ridge_cv(alphas: int, **given: Any) -> Work:
    """Choose an alpha for each target by himalaya's KernelRidgeCV, its five folds, its torch backend."""
    import torch
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import KernelRidgeCV

    set_backend("torch")
    size = Size.of(given)
    x, x_test, y = (torch.from_numpy(each) for each in arrays(size))

    def work() -> dict[str, Any]:
        model = KernelRidgeCV(alphas=candidates(size, alphas), cv=5, fit_intercept=True).fit(x, y)
        _ = model.predict(x_test)
        return chosen(model.best_alphas_.numpy())

    return work


def per_token(tokens: int, fitted: int, **given: Any) -> Work:
    """Fit a Ridge a token, as the published scripts do: each forms and factors the same Gram again.

    Some tokens are fitted; `cpu_all` is the time that all would take.
    """
    from sklearn.linear_model import Ridge

    width = given["t"] // tokens
    size = Size.of({**given, "t": fitted * width})
    x, x_test, y = data = arrays(size)

    def predict() -> np.ndarray:
        cuts = (slice(start, start + width) for start in range(0, size.t, width))
        return np.concatenate(
            [Ridge(alpha=size.alpha).fit(x, y[:, cut]).predict(x_test) for cut in cuts], axis=1
        )

    one = Size.of({**given, "t": width})
    work = told(size, predict, data, fitted * one.as_scripted)

    def scaled() -> dict[str, Any]:
        began = time.process_time()
        found = work()
        return {**found, "cpu_all": (time.process_time() - began) * tokens / fitted}

    return scaled


def dask_ml_one_target(**given: Any) -> Work:
    """Fit one target with dask-ml, which knows no more than one; how its penalty maps is not told."""
    import dask
    import dask.array as da
    from dask_ml.linear_model import LinearRegression

    size = Size.of(given)
    x, x_test, y = arrays(size)

    def work() -> dict[str, Any]:
        began = time.process_time()
        with dask.config.set(scheduler="synchronous"):
            chunks = (len(x) // 2, x.shape[1])
            model = LinearRegression(penalty="l2", C=1 / size.alpha, solver="lbfgs")
            model.fit(da.from_array(x, chunks=chunks), da.from_array(y[:, 0], chunks=chunks[0]))
            _ = model.predict(da.from_array(x_test, chunks=x_test.shape)).compute()
        return {"cpu": time.process_time() - began}

    return work


def natural_dask(folder: str, memory: str = "2GB", **given: Any) -> Work:
    """Write the equations in dask.array, Zarr in and out, and let dask do the rest."""
    import dask.array as da
    import xarray as xr

    from pipeline.bench.ridge.products import paths
    from pipeline.bench.ridge.workers import Workers

    size, stack = Size.of(given), ExitStack()
    workers = stack.enter_context(Workers.started(memory))
    inputs, out = paths(folder, size)

    def work() -> dict[str, Any]:
        workers.reset()
        x = xr.open_zarr(inputs["responses"], chunks={}).response.data
        y = xr.open_zarr(inputs["features"], chunks={}).value.data[: size.n]
        train, test = x[: size.n], x[size.n :]
        mean = train.mean(axis=0)
        xc, yc = train - mean, y - y.mean(axis=0)
        gram = da.dot(xc, xc.T).rechunk((size.n, size.n))
        penalised = gram + size.alpha * da.eye(size.n, chunks=size.n, dtype="f4")
        dual = da.linalg.solve(penalised, yc.rechunk({0: size.n}), assume_a="pos")
        predicted = da.dot(test - mean, da.dot(xc.T, dual)) + y.mean(axis=0)
        stored = predicted.rechunk((size.m, 4096)).to_zarr(
            str(out / "natural"), compute=False, overwrite=True
        )
        workers.client.compute(stored, sync=True)
        return workers.figures(size.as_scripted, stack)

    return work
