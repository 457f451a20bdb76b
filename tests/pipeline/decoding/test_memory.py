"""Training rows and features stream past: what is held is of the new rows, whatever a run learned from."""

from __future__ import annotations

import tracemalloc

import pytest

from pipeline.decoding import Decoder


@pytest.mark.slow
@pytest.mark.parametrize("weights", [False, True])
def test_training_rows_are_never_held(finished, weights):
    size = {"features": {"pixels": {"size": 32}}, "ridge": {"spaces": {"pixels": {"weights": weights}}}}
    run = finished({**size, "images": {"pca": None}, "scores": None}, voxels=20_000, train=700, test=4)
    rows, trained = run.percent, run.open("responses").response.nbytes
    tracemalloc.start()
    Decoder.of(run.recipe, rows).predictions("pixels")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trained > 50e6
    assert peak < 0.6 * trained
