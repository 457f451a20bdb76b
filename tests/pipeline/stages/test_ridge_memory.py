"""What a stage of the ridge says it holds at once is what a worker's memory grows by.

Run as a script, in a process of its own, this measures every case.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from pipeline.bench.memory import Peak
from pipeline.stages import choose, gram, invert, network, smooth, spectrum, subset, tune, weigh

if TYPE_CHECKING:
    from pipeline.stage import Stage

#: What the interpreter and the threads that read take beside arrays.
SLACK = 5_000_000
N, TEST, VOXELS, FEW, FEATURES = 1800, 200, 2500, 1500, 4096
GRID = (1e1, 1e6, 5)
#: As products have them: zarr's threads hold some chunks beside the array they fill, how many is up to luck.
CHUNKS = {"row": 128, "voxel": 1024}


def _responses(voxels: int) -> xr.Dataset:
    """Return responses of single showings in five folds."""
    random = np.random.default_rng(0)
    split = np.array(["train"] * N + ["test"] * TEST, dtype=object)
    fold = np.where(np.arange(N + TEST) < N, np.arange(N + TEST) % 5, -1).astype(np.int16)
    values = random.standard_normal((N + TEST, voxels), np.float32)
    rows = {
        "image_id": ("row", np.arange(N + TEST).astype(str).astype(object)),
        "split": ("row", split),
        "fold": ("row", fold),
        "repeat": ("row", np.full(N + TEST, -1, np.int16)),
        "session": ("row", np.full(N + TEST, -1, np.int16)),
    }
    return xr.Dataset({"response": (("row", "voxel"), values)}, coords=rows)


def _features() -> xr.Dataset:
    """Return a block of features of all pictures."""
    values = np.random.default_rng(1).standard_normal((N + TEST, FEATURES), np.float32)
    coords = {
        "image_id": ("image", np.arange(N + TEST).astype(str).astype(object)),
        "split": ("image", np.array(["train"] * N + ["test"] * TEST, dtype=object)),
    }
    return xr.Dataset({"value": (("image", "feature"), values)}, coords=coords)


class _Shelf:
    """Products on disk, opened as a worker opens them: lazily, without dask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, dataset: xr.Dataset) -> xr.Dataset:
        for variable in dataset.variables.values():
            chunks = [min(size, CHUNKS.get(str(dim), 512)) for dim, size in variable.sizes.items()]
            variable.encoding = {"chunks": tuple(chunks), "compressors": None} if chunks else {}
        dataset.to_zarr(str(self.folder / name), zarr_format=3, consolidated=False)
        return self.take(name)

    def take(self, name: str) -> xr.Dataset:
        return xr.open_zarr(str(self.folder / name), chunks=None, consolidated=False)


def _grown(stage, inputs: dict[str, xr.Dataset], **settings) -> tuple[int, int]:
    """Return the bytes that memory grows by while a product is made, and those told beforehand."""
    made = stage(**inputs, **settings)
    told = stage.cost(made, **inputs).memory
    gc.collect()
    peak = Peak()
    made.compute(scheduler="synchronous")
    return peak.growth(), told


def _catalogue() -> dict[str, tuple[Stage, dict[str, str], dict[str, Any]]]:
    """Return each case's stage, its inputs by product and its settings."""
    found: dict[str, tuple[Stage, dict[str, str], dict[str, Any]]] = {}
    dual, rows = spectrum.dual_spectrum, {"responses": "responses"}
    found["spectrum-float32"] = dual, {**rows, "gram": "gram"}, {"precision": "float32"}
    found["spectrum-float64"] = dual, {**rows, "gram": "gram64"}, {"precision": "float64"}
    found["spectrum-primal"] = spectrum.primal_spectrum, {"responses": "few", "gram": "primal"}, {}
    found["projection"] = spectrum.projection, {**rows, "spectrum": "spectrum", "cross": "cross"}, {}
    found["projection-voxels"] = spectrum.projection, {**rows, "spectrum": "spectrum"}, {}
    spectral = {**rows, "spectrum": "spectrum", "features": "features"}
    for by in ("gcv", "loo", "kfold", "retrieval"):
        found[f"choose-{by}"] = choose.alpha, spectral, {"candidates": GRID, "by": by}
        how = {"candidates": GRID, "by": by, "correction": "stored"}
        found[f"tune-{by}"] = tune.tuned_predictions, {**spectral, "projection": "projection"}, how
        factors = {**rows, "gram": "gram", "features": "features"}
        found[f"factors-{by}"] = choose.alpha, factors, {"candidates": (1e1, 1e6, 2), "by": by}
    del found["tune-retrieval"]
    for width, suffix in (("float32", ""), ("float64", "64")):
        given = {**rows, "gram": f"gram{suffix}", "cross": f"cross{suffix}"}
        how = {"alpha": 1e4, "precision": width}
        found[f"smoother-{width}"] = smooth.dual_smoother, given, how
        found[f"smoother-held-out-{width}"] = smooth.dual_smoother, given, {**how, "held_out": True}
    drop = {"drop": 1000, "seed": 42, "tries": 2, "alpha": 1e4}
    found["subset"] = subset.subset, {**rows, "features": "features"}, drop
    found["network"] = network.network, {**rows, "features": "features"}, {"seed": 0}
    found["inverse"] = invert.inverse, {**rows, "gram": "gram"}, {"alpha": 1e4}
    found["left"] = invert.dual_left, {**rows, "gram": "gram"}, {"alpha": 1e4}
    for through in ("inverse", "left", "spectrum"):
        more = {"predictions": "predictions"} if through == "spectrum" else {}
        found[f"weights-{through}"] = (
            weigh.weights,
            {**rows, through: through, "features": "features", **more},
            {},
        )
    return found


def _main(folder: Path) -> None:
    """Make what the cases need, then measure each."""
    shelf = _Shelf(folder)
    shelf.put("responses", _responses(VOXELS))
    shelf.put("few", _responses(FEW))
    shelf.put("features", _features())
    for name, stage, given, how in (
        ("gram", gram.dual_gram, "responses", {"precision": "float32"}),
        ("gram64", gram.dual_gram, "responses", {"precision": "float64"}),
        ("primal", gram.primal_gram, "few", {"precision": "float32"}),
        ("cross", gram.cross, "responses", {"precision": "float32"}),
        ("cross64", gram.cross, "responses", {"precision": "float64"}),
    ):
        shelf.put(name, stage(shelf.take(given), **how).compute())
    one, two, rest = shelf.take("responses"), shelf.take("gram"), shelf.take("features")
    found = shelf.put("spectrum", spectrum.dual_spectrum(one, two, precision="float32").compute())
    projected = shelf.put("projection", spectrum.projection(one, found, shelf.take("cross")).compute())
    tuned = tune.tuned_predictions(one, found, projected, rest, candidates=GRID, by="gcv").compute()
    shelf.put("predictions", tuned)
    shelf.put("inverse", invert.inverse(one, two, alpha=1e4).compute())
    shelf.put("left", invert.dual_left(one, two, alpha=1e4).compute())
    for name, (stage, inputs, settings) in _catalogue().items():
        given = {role: shelf.take(each) for role, each in inputs.items()}
        sys.stdout.write(" ".join(map(str, (name, *_grown(stage, given, **settings)))) + "\n")


CATALOGUE = _catalogue()


@pytest.mark.slow
@pytest.mark.parametrize("case", CATALOGUE)
def test_memory_is_what_was_told(grown: dict[str, tuple[int, int]], case: str) -> None:
    found, told = grown[case]
    assert told / 2 < found < told + SLACK


def _products(n: int, m: int, pictures: int) -> dict[str, xr.Dataset]:
    """Return products of NSD's size that nobody computes."""

    def zeros(*sizes: int, dtype: str = "float32") -> da.Array:
        return da.zeros(sizes, dtype=dtype, chunks=-1)

    names = np.arange(pictures).astype(str).astype(object)
    rows = {
        "image_id": ("row", names[: n + m]),
        "split": ("row", np.array(["train"] * n + ["test"] * m, dtype=object)),
        "fold": ("row", np.where(np.arange(n + m) < n, np.arange(n + m) % 5, -1).astype(np.int16)),
        "repeat": ("row", np.full(n + m, -1, np.int16)),
        "session": ("row", np.full(n + m, -1, np.int16)),
    }
    eigenvector = xr.Variable(("row", "component"), zeros(n, n - 1), {"complete": 1})
    return {
        "responses": xr.Dataset({"response": (("row", "voxel"), zeros(n + m, 15_724))}, coords=rows),
        "features": xr.Dataset(
            {"value": (("image", "feature"), zeros(pictures, 8192))},
            coords={"image_id": ("image", names), "split": ("image", np.full(pictures, "train", object))},
        ),
        "gram": xr.Dataset({"gram": (("row", "column"), zeros(n, n))}),
        "gram64": xr.Dataset({"gram": (("row", "column"), zeros(n, n, dtype="float64"))}),
        "cross64": xr.Dataset({"cross": (("row", "column"), zeros(m, n, dtype="float64"))}),
        "spectrum": xr.Dataset({"eigenvector": eigenvector, "eigenvalue": ("component", zeros(n - 1))}),
        "cross": xr.Dataset({"cross": (("row", "column"), zeros(m, n))}),
        "projection": xr.Dataset({"projected": (("row", "component"), zeros(m, n - 1))}),
        "inverse": xr.Dataset({"inverse": (("row", "column"), zeros(n, n))}),
        "left": xr.Dataset({"left": (("voxel", "column"), zeros(15_724, n)), "alpha": 1.0}),
        "predictions": xr.Dataset({"alpha": ("feature", zeros(8192))}),
    }


@pytest.mark.parametrize("case", sorted(set(CATALOGUE) - {"spectrum-float64", "spectrum-primal"}))
def test_a_worker_stays_within_a_gigabyte_at_the_size_of_nsd(case: str) -> None:
    made = _products(8859, 982, 10_000)
    stage, names, settings = CATALOGUE[case]
    given = {role: made[name] for role, name in names.items()}
    memory = stage.cost(stage(**given, **settings), **given).memory
    more = case in ("factors-kfold", "factors-retrieval", "smoother-held-out-float64", "subset", "network")
    assert 4 * 8859**2 < memory < (1.2e9 if more else 2**30)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
