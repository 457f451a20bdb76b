"""What stands beside simulated arrays: a recipe that runs them, and a text that says what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .showing import Design

SIGN = "These are simulated data, written by vox2pix."
"""How the README.txt begins that stands beside simulated data."""
PIXELS = 32
COMPONENTS = 64
ALPHA = 1000
"""Best or nearly so for both feature spaces at the default size, of 1e2, 1e3, 3e3, 1e4, 3e4 and 1e5."""
WINDOW = 11
"""Pixels a side that SSIM's window takes (Wang et al., 2004); smaller pictures are not scored by it."""

RECIPE = """\
# Simulated data. Run this with: vox2pix run recipe.toml
# Subjects: {subjects}; trials: {trials}, pictures: {images}, voxels: {voxels} each; seed: {seed}.
[data]
dataset = "arrays"
source = "{source}"
archive = "archive"
subjects = [{names}]

[data.arrays]
train_voxels = "{{subject}}/train_voxels"
test_voxels = "{{subject}}/test_voxels"
train_index = "{{subject}}/train_index"
test_index = "{{subject}}/test_index"
voxel_ijk = "{{subject}}/voxel_ijk"
train_images = "pictures/train_images"
test_images = "pictures/test_images"
train_captions = "pictures/train_captions"
test_captions = "pictures/test_captions"

[features.pixels]
model = "pixels"
size = {pixels}

[features.pca]
model = "pca"
size = {size}
components = {components}

[ridge.spaces.pixels]
alpha = {alpha}

[ridge.spaces.pca]
alpha = {alpha}

[images.pixels]
generator = "pixels"

[images.pca]
generator = "pca"

[scores.pixels]
metrics = {metrics}

[scores.pca]
metrics = {metrics}
"""
README = """\
{sign} No person and no brain was recorded.

recipe.toml   runs as it is: vox2pix run recipe.toml
arrays/       what the recipe reads. pictures/: training and test pictures (image, y, x, channel) uint8
              and their captions. A folder a subject: train_voxels and test_voxels (row, voxel) float32 in
              percent signal change; train_index and test_index (row), which picture each row saw, counted
              from 0; voxel_ijk (voxel, 3).
truth.npz     the known code, which no decoder may look at: for each subject the receptive fields' centre
              (x, y) and width in picture widths, the weight (voxel, channel) of each of the maps listed in
              "channels", gain and single-trial noise in percent signal change, and the noise ceiling of a
              mean of three showings in percent.

The same numbers and the same seed ({seed}) write the same bytes.
"""


def readme(seed: int) -> str:
    """Return what README.txt says."""
    return README.format(sign=SIGN, seed=seed)


def recipe(source: str, subjects: list[str], voxels: int, design: Design, size: int, seed: int) -> str:
    """Return a recipe that runs through to the scores.

    Parameters
    ----------
    source : str
        Where the arrays are: a URL, or a path as seen from the recipe.
    subjects : list of str
        Their names.
    voxels : int
        Voxels of each.
    design : Design
        Which pictures are shown how often.
    size : int
        Height and width of the pictures in pixels.
    seed : int
        What the data were made from, for the reader.
    """
    return RECIPE.format(
        subjects=len(subjects),
        trials=design.trials,
        images=design.images,
        voxels=voxels,
        seed=seed,
        source=source,
        names=", ".join(f'"{name}"' for name in subjects),
        pixels=min(PIXELS, size),
        size=size,
        components=min(COMPONENTS, design.train - 1),
        alpha=ALPHA,
        metrics=metrics(size),
    )


def metrics(size: int) -> str:
    """Return the names of what scores pictures of a size, as TOML."""
    names = ["pixcorr", *(["ssim"] if size >= WINDOW else []), "two-way-pixels"]
    return json.dumps(names)
