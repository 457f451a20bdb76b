"""What scores and features of many pictures take is what `plan` says, less than the pictures.

Run as a script, with a folder, this measures each case on pictures that it stores there.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from pipeline.bench.memory import Peak
from pipeline.metrics import METRICS
from pipeline.stage import Stage, block_of
from pipeline.stages.featurize import features
from pipeline.stages.score import scores

#: What the interpreter and the threads that read take beside arrays.
SLACK = 15_000_000
SIDE = 425
"""Pixels of NSD's pictures."""
CASES = {
    "pixcorr": (600, SIDE, scores, {"metrics": ["pixcorr"]}),
    "two-way": (600, SIDE, scores, {"metrics": ["two-way-pixels"]}),
    "resized": (600, 512, scores, {"metrics": ["pixcorr"]}),
    "pixels": (256, SIDE, features, {"model": "pixels", "size": 128}),
    "pixels-float16": (256, SIDE, features, {"model": "pixels", "size": 128, "dtype": "float16"}),
}
"""Test rows of twice as many pictures, pixels of made ones, a stage, its settings."""


def _named(names: np.ndarray, dim: str) -> dict[str, object]:
    return {"image_id": (dim, names.astype(str).astype(object))}


def _products(rows: int, stimuli: int, sides: tuple[int, int], samples: int = 1) -> dict[str, xr.Dataset]:
    """Return pictures that nobody computes, those seen in tests among them all."""
    seen, made = sides
    return {
        "stimuli": xr.Dataset(
            {
                "picture": (
                    ("image", "y", "x", "channel"),
                    da.zeros((stimuli, seen, seen, 3), dtype=np.uint8, chunks=(32, seen, seen, 3)),
                )
            },
            coords={
                **_named(np.arange(stimuli), "image"),
                "split": ("image", np.full(stimuli, "train", object)),
            },
        ),
        "images": xr.Dataset(
            {
                "picture": (
                    ("row", "sample", "y", "x", "channel"),
                    da.zeros((rows, samples, made, made, 3), dtype=np.uint8, chunks=(32, 1, made, made, 3)),
                )
            },
            coords={
                **_named(np.arange(rows) * (stimuli // rows), "row"),
                "repeat": ("row", np.full(rows, -1, np.int16)),
            },
        ),
    }


@pytest.mark.parametrize("sides", [(425, 425), (425, 512), (512, 512), (425, 64)])
@pytest.mark.parametrize("samples", [1, 5])
def test_a_worker_stays_well_within_a_gigabyte_at_the_size_of_nsd(
    sides: tuple[int, int], samples: int
) -> None:
    given = _products(1000, 10_000, sides, samples)
    for metrics in ([name] for name in METRICS):
        assert 200e6 < scores.cost(scores(**given, metrics=metrics), **given).memory < 550e6
    assert scores.cost(scores(**given, metrics=list(METRICS)), **given).memory < 600e6


def test_features_of_pictures_stay_within_a_gigabyte_at_the_size_of_nsd() -> None:
    stimuli = _products(1000, 10_000, (425, 64))["stimuli"]
    lazy = features(stimuli=stimuli, model="pixels", size=256)
    assert 2 * 512 * 256**2 * 3 * 4 > features.cost(lazy, stimuli=stimuli).memory > 512 * 256**2 * 3 * 4


def _stored(folder: Path, rows: int, made: int) -> dict[str, xr.Dataset]:
    """Return pictures on disk, opened as a worker opens them: lazily, without dask."""
    import zarr

    random = np.random.default_rng(0)
    opened = {}
    for name, lazy in _products(rows, 2 * rows, (SIDE, made)).items():
        place = str(folder / name)
        encoding = {"picture": {"chunks": lazy.picture.data.chunksize, "compressors": None}}
        lazy.to_zarr(place, zarr_format=3, consolidated=False, compute=False, encoding=encoding)
        array = zarr.open_group(place, mode="r+")["picture"]
        some = random.integers(0, 256, array.chunks, np.uint8)
        for start in range(0, array.shape[0], 32):
            array[start : start + 32] = np.roll(some, start, axis=2)[: array.shape[0] - start]
        opened[name] = xr.open_zarr(place, chunks=None, consolidated=False)
    return opened


def _inputs(stage: Stage, given: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    return given if stage is scores else {"stimuli": given["stimuli"]}


def _main(folder: Path) -> None:
    few = _stored(folder / "few", 4, 16)
    for case, (rows, made, stage, settings) in CASES.items():
        stage(**_inputs(stage, few), **settings).compute(scheduler="synchronous")  # loads libraries
        given = _inputs(stage, _stored(folder / case, rows, made))
        lazy = stage(**given, **settings)
        told = stage.cost(lazy, **given).memory
        block = block_of(lazy)
        gc.collect()
        peak = Peak()
        kept = block(0, 2 * rows)
        sys.stdout.write(f"{case} {peak.growth()} {told}\n")
        del kept


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_memory_is_what_was_told(grown: dict[str, tuple[int, int]], case: str) -> None:
    found, told = grown[case]
    assert told / 3 < found < told + SLACK  # of the chunks that zarr may hold at once, it holds some


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
