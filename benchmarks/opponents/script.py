"""Ready-made voxels to predicted pictures: a plain script, and vox2pix with all it does besides."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Work = Callable[[], Mapping[str, Any]]


def plain(*, folder: str) -> Work:
    """Predict the test pictures' pixels with everything in memory."""
    from sklearn.linear_model import Ridge

    arrays = Path(folder, "arrays")

    def work() -> Mapping[str, Any]:
        train, test, index = (
            np.load(arrays / f"subj01/{name}.npy") for name in ("train_voxels", "test_voxels", "train_index")
        )
        pictures = np.load(arrays / "pictures/train_images.npy")
        mean, std = train.mean(axis=0), train.std(axis=0, ddof=1)
        y = pictures.reshape(len(pictures), -1)[index] / np.float32(255)
        Ridge(alpha=1000).fit((train - mean) / std, y).predict((test - mean) / std)
        return {}

    return work


def whole(*, folder: str) -> Work:
    """Run the recipe of the same data, all stages."""
    from cluster import Threads
    from pipeline import load_recipe, run

    scratch = tempfile.TemporaryDirectory(prefix="vox2pix-bench-")
    recipe = load_recipe(Path(folder, "recipe.toml"), [f'data.archive="{scratch.name}/archive"'])

    def work() -> Mapping[str, Any]:
        run(recipe, cluster=Threads(workers=1))
        return {"products": lambda: _counted(scratch)}

    return work


def _counted(scratch: tempfile.TemporaryDirectory[str]) -> int:
    with scratch as folder:
        return len(list(Path(folder).rglob("product.json")))
