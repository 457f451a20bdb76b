"""What a stage gives for a fixed input changes only together with its version.

A fingerprint holds the stage's version: other numbers under the same version would mix in an archive. After a
change of numbers that is meant, raise the stage's version and record anew:
``VOX2PIX_RECORD=1 pytest tests/pipeline/test_stage_versions.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from cluster import Threads
from pipeline import run

RECORD = Path(__file__).with_name("stage_versions.json")

RECIPES = {
    "dual": ({"responses": {"standardize": "session"}}, {"voxels": 60, "train": 24, "test": 8}),
    "primal": (
        {"responses": {"standardize": "scalar"}},
        {"voxels": 11, "train": 24, "test": 12, "repeats": 2},
    ),
    "chosen": (
        {
            "ridge": {
                "spaces": {
                    "pixels": {"alpha": {"from": 1, "to": 1e4, "count": 3, "by": "kfold"}, "weights": True},
                    "pca": {"alpha": {"from": 1, "to": 1e4, "per": "feature"}, "correction": "stored"},
                }
            }
        },
        {"voxels": 60, "train": 24, "test": 8},
    ),
    "learned": (
        {
            "train": {
                "net": {
                    "model": "conditional-ddpm",
                    "features": ["pca"],
                    "size": 8,
                    "steps": 2,
                    "batch": 2,
                }
            },
            "images": {"net": {"generator": "conditional-ddpm", "steps": 2, "batch": 4}},
        },
        {"voxels": 60, "train": 12, "test": 4},
    ),
    "encoded": (
        {
            "weights": "random",
            "train": {"ae": {"model": "basic-ae", "size": 16, "steps": 2, "batch": 2}},
            "images": {
                "ae": {"generator": "basic-ae", "batch": 4},
                "ceiling": {"generator": "basic-ae", "truth": True, "batch": 4},
            },
        },
        {"voxels": 60, "train": 12, "test": 4},
    ),
    "bars": (
        {
            "images": {
                "pca": {"truth": True},
                "mean": {"generator": "mean"},
                "near": {"generator": "nearest", "features": "pca", "size": 8},
            },
        },
        {"voxels": 60, "train": 24, "test": 8},
    ),
    "calibrated": (
        {
            "ridge": {"spaces": {"pca": {"correction": "none"}}},
            "images": {
                "pixels": {"calibrate": "norm"},
                "pca": {"calibrate": "std"},
            },
        },
        {"voxels": 60, "train": 24, "test": 8},
    ),
    "conditioned": (
        {
            "weights": "random",
            "responses": {"standardize": "rows"},
            "features": {"pixels": None, "pca": None, "latents": {"model": "vdvae", "layers": 4}},
            "ridge": {"spaces": {"pixels": None, "pca": None, "latents": {"alpha": 30}}},
            "images": {
                "pixels": None,
                "pca": None,
                "low": {"generator": "vdvae", "features": "latents", "calibrate": "norm", "batch": 2},
            },
            "scores": None,
        },
        {"voxels": 20, "train": 5, "test": 2},
    ),
    "workarounds": (
        {"data": {"drop": {"count": 30}}, "images": None, "scores": None},
        {"voxels": 60, "train": 24, "test": 8},
    ),
    "network": (
        {
            "features": {"pca": None},
            "ridge": {"spaces": {"pca": None, "pixels": {"alpha": None, "estimator": "mlp"}}},
            "images": None,
            "scores": None,
        },
        {"voxels": 60, "train": 24, "test": 8},
    ),
    "featurized": (
        {
            "weights": "random",
            "data": {"arrays": {"train_captions": "train_captions", "test_captions": "test_captions"}},
            "features": {
                "pixels": None,
                "pca": None,
                "latents": {"model": "vdvae", "layers": 4},
                "clip-vision": {"model": "clip-vision"},
                "clip-text": {"model": "clip-text"},
                "clip-image": {"model": "clip-image"},
            },
            "ridge": None,
            "images": None,
            "scores": None,
        },
        {"voxels": 20, "train": 5, "test": 2},
    ),
    "smoother": ({"features": {"pca": {"components": 3}}}, {"voxels": 22, "train": 24, "test": 4}),
}


def _summary(values: np.ndarray) -> list[float] | str:
    """Return a few numbers that change when any value does, and that rounding does not move."""
    if values.dtype.kind in "OUT":
        return "|".join(map(str, values.ravel()[:40]))
    flat = np.nan_to_num(values.astype(float).ravel(), nan=-1.0)
    weights = np.cos(np.arange(flat.size))
    return [float(flat.size), float(np.abs(flat).sum()), float(np.abs(flat) @ (2 + weights))]


def _found(make_recipe, changes, how) -> dict[str, dict[str, object]]:
    planned = run(make_recipe(changes, **how), cluster=Threads(workers=2)).plan
    found = {}
    for step in planned:
        opened = step.in_archive(planned.archive).open(raw=True)
        name = f"{step.product} by {step.maker.title} {step.maker.version}"
        found[name] = {str(key): _summary(array.values) for key, array in sorted(opened.variables.items())}
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_change_only_with_the_version(make_recipe, name):
    found = _found(make_recipe, *RECIPES[name])
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("VOX2PIX_RECORD"):
        RECORD.write_text(json.dumps({**recorded, name: found}, indent=1, sort_keys=True) + "\n")
        return
    assert set(found) == set(recorded[name]), "a stage or a version is new: record it (see above)"
    for product, variables in found.items():
        assert set(variables) == set(recorded[name][product]), product
        for variable, summary in variables.items():
            expected = recorded[name][product][variable]
            if isinstance(summary, str):
                assert summary == expected, (product, variable)
            else:
                np.testing.assert_allclose(
                    summary,
                    expected,
                    rtol=1e-4,
                    atol=1e-6,
                    err_msg=f"{product} {variable}: raise the stage's version",
                )
