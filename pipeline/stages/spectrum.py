"""Spectrum: the Gram's eigenvectors, from which every alpha is scored and used at the price of one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from storage.schema import Schema, Variable

from .. import ridge
from ..stage import Cost, lazily, stage
from .matrix import Matrix
from .owned import owned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import xarray as xr

Precision = Literal["auto", "float32", "float64"]

#: Rows of a chunk of eigenvectors: read and written without a second copy of the whole.
ROWS = 128

SPECTRUM = Schema(
    {
        "eigenvector": Variable(
            ("row", "component"),
            "float32|float64",
            "1",
            "eigenvector of the centred training rows' Gram",
            "Without the constant one. Attribute `complete`: 1 where they span all directions but that.",
            chunks={"row": ROWS},
        ),
        "eigenvalue": Variable(("component",), "float64", "1", "its eigenvalue", "Ascending, none below 0."),
    }
)

PROJECTION = Schema(
    {
        "projected": Variable(
            ("row", "component"),
            "float32|float64",
            "1",
            "test row times training rows times eigenvector",
            "Divided by eigenvalue + alpha and times the eigenvectors' targets it gives predictions.",
        )
    }
)


def kept_dtype(precision: Precision) -> str:
    """Return the dtype of what multiplies targets; only "float64" asks for more than float32."""
    return "float64" if precision == "float64" else "float32"


def _spectrum_cost(output: xr.Dataset, gram: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    # the Gram, which becomes the eigenvectors, and LAPACK's two workspaces; then the vectors again, in rows
    memory = max(3 * gram.gram.nbytes, gram.gram.nbytes + _rows_memory(output, gram))
    return Cost(memory=memory, flops=ridge.spectrum_flops(gram.sizes["column"]))


def _rows_memory(output: xr.Dataset, gram: xr.Dataset) -> int:
    """Return the bytes of the eigenvectors in rows, as found and as kept, and of voxels in passing."""
    found = int(output.eigenvector.size) * int(gram.gram.dtype.itemsize)
    if "row" in gram.dims:
        return max(found, int(output.eigenvector.nbytes))
    passing = int(output.sizes["row"]) * ridge.WIDTH * 3 * 4
    return 2 * found + passing


@stage("gram", version=2, schema=SPECTRUM, cost=_spectrum_cost, gpu=True)
def dual_spectrum(responses: xr.Dataset, gram: xr.Dataset, *, precision: Precision = "auto") -> xr.Dataset:
    """Return eigenvectors and eigenvalues of the Gram of training rows, the constant vector left out.

    They are found in the Gram's dtype and kept in float32, unless float64 is asked for.
    """
    matrix = Matrix.of(responses, None, "all")
    return _spectrum_like(matrix, matrix.training - 1, partial(_dual, gram), precision, complete=True)


def _dual(gram: xr.Dataset) -> ridge.Spectrum:
    return ridge.dual_spectrum(ridge.put(owned(gram.gram)), overwrite=True)


@stage("gram", version=2, schema=SPECTRUM, cost=_spectrum_cost, gpu=True)
def primal_spectrum(
    responses: xr.Dataset,
    gram: xr.Dataset,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
    precision: Precision = "auto",
) -> xr.Dataset:
    """Return the same by way of the Gram of voxels, of which there are fewer: as many components."""
    matrix = Matrix.of(responses, voxels, rois)
    return _spectrum_like(matrix, matrix.voxels, partial(_primal, matrix, gram), precision, complete=False)


def _primal(matrix: Matrix, gram: xr.Dataset) -> ridge.Spectrum:
    parts = map(ridge.put, matrix.training_parts())
    return ridge.primal_spectrum(ridge.put(owned(gram.gram)), parts, overwrite=True)


def _spectrum_like(
    matrix: Matrix,
    components: int,
    found: Callable[[], ridge.Spectrum],
    precision: Precision,
    *,
    complete: bool,
) -> xr.Dataset:
    count = matrix.training
    return lazily(
        SPECTRUM,
        {"row": count, "component": components},
        partial(_kept, found, kept_dtype(precision)),
        coords={name: ("row", matrix.responses[name].values[:count]) for name in ("image_id", "fold")},
        dtypes={"eigenvector": kept_dtype(precision)},
        attrs={"eigenvector": {"complete": int(complete)}},
    )


def _kept(
    found: Callable[[], ridge.Spectrum], dtype: str, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    spectrum = found()
    vectors = ridge.host(spectrum.vectors).astype(dtype, copy=False)
    return {"eigenvector": vectors, "eigenvalue": ridge.host(spectrum.values)}


def read_spectrum(spectrum: xr.Dataset) -> ridge.Spectrum:
    """Return the stored spectrum as the arithmetic takes it, on the device in use."""
    vectors, values = (ridge.put(each.values) for each in (spectrum.eigenvector, spectrum.eigenvalue))
    return ridge.Spectrum(vectors, values, complete=bool(spectrum.eigenvector.attrs["complete"]))


def _projection_cost(
    output: xr.Dataset,
    responses: xr.Dataset,
    spectrum: xr.Dataset,
    cross: xr.Dataset | None = None,
    **_inputs: xr.Dataset,
) -> Cost:
    n, r, m = spectrum.sizes["row"], spectrum.sizes["component"], output.sizes["row"]
    flops = ridge.predict_flops(n, m, r)
    if cross is not None:
        return Cost(memory=spectrum.nbytes + 2 * cross.nbytes + output.nbytes, flops=flops)
    itemsize = spectrum.eigenvector.dtype.itemsize
    passing = ridge.WIDTH * (responses.sizes["row"] * (2 * 4 + itemsize) + r * itemsize)
    return Cost(memory=spectrum.nbytes + 2 * output.nbytes + passing, flops=flops)


@stage("gram", version=1, schema=PROJECTION, cost=_projection_cost, gpu=True)
def projection(
    responses: xr.Dataset,
    spectrum: xr.Dataset,
    cross: xr.Dataset | None = None,
    voxels: xr.Dataset | None = None,
    *,
    rois: str = "all",
) -> xr.Dataset:
    """Return the test rows against the components: what per-feature alphas share.

    Parameters
    ----------
    responses, spectrum
        Products of the same rows.
    cross
        Test rows against training rows, in the dual; without it voxels stream past once more.
    voxels, rois
        The region, where `cross` is not given.
    """
    matrix = Matrix.of(responses, voxels, rois)
    dtype = str(spectrum.eigenvector.dtype)
    return lazily(
        PROJECTION,
        {"row": matrix.test, "component": spectrum.sizes["component"]},
        partial(_projected, matrix, spectrum, cross),
        dtypes={"projected": dtype},
    )


def _projected(
    matrix: Matrix, spectrum: xr.Dataset, cross: xr.Dataset | None, _start: int, _stop: int
) -> Mapping[str, Any]:
    found = read_spectrum(spectrum)
    if cross is not None:
        rows = cross.cross.values.astype(spectrum.eigenvector.dtype, copy=False)
        return {"projected": ridge.host(ridge.put(rows) @ found.vectors)}
    parts = map(ridge.put, matrix.parts())
    pairs = ((part[: matrix.training, :], part[matrix.training :, :]) for part in parts)
    return {"projected": ridge.host(ridge.project_rows(pairs, found))}
