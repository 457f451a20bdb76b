"""What stands beside a simulated release: a recipe that runs it, and a text that says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..recipe import COMPONENTS, PIXELS, SIGN, metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..showing import Design

SPACES = ("pixels", "pca", "words")
ALPHA = 100
"""Of 30, 100, 300, 1e3, 3e3 and 1e4 the one that is best or nearly so for all spaces at the default size
(pixels: pixel correlation 0.56, two-way identification 0.99), and for a third of the pictures too."""
RECIPE = """\
# Simulated data. Run this with: vox2pix run recipe.toml
# Subjects: {subjects}; trials: {trials}, pictures: {images}, voxels: {voxels} each; seed: {seed}.
[data]
dataset = "nsd"
source = "{source}"
archive = "archive"
subjects = [{names}]
voxels = "nsdgeneral"

[responses]
standardize = "session"

[features.pixels]
model = "pixels"
size = {pixels}

[features.pca]
model = "pca"
size = {size}
components = {components}

[features.words]
model = "words"

{ridges}
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
They have the file layout of the Natural Scenes Dataset (NSD), and nothing else of it.

recipe.toml        runs as it is: vox2pix run recipe.toml
nsddata/           the design, the table of pictures, behaviour, masks, regions and their labels.
nsddata_betas/     responses to single trials, int16 in 1/300 percent signal change, each session twice:
                   .hdf5, to h5py (trial, z, y, x), and .nii.gz (x, y, z, trial); ncsnr and mean responses.
nsddata_stimuli/   the pictures, and their captions as (picture, slot) text, where "" is none.
truth.npz          the known code, which no decoder may look at. For each subject, of the voxels of nsdgeneral
                   in the order of ijk (voxel, axis): early (voxel), whether it has a receptive field. Those
                   that do: centre (x, y) and width in picture widths, channel_weight of the maps listed in
                   "channels". Those that do not: word_weight of the words listed in "words". Of all: gain,
                   noise (of single trials) and mean in percent signal change, ncsnr, noise_ceiling of a mean
                   of three showings in percent, which voxels are dead (session, voxel) or saturated. Further
                   session_gain, nsd_id of the pictures that were shown, counted from 0, and
                   response (picture, voxel) without noise and mean in percent signal change.

The same numbers and the same seed ({seed}) write the same bytes.
"""


def readme(seed: int) -> str:
    """Return what README.txt says."""
    return README.format(sign=SIGN, seed=seed)


def recipe(source: str, subjects: Sequence[str], voxels: int, design: Design, size: int, seed: int) -> str:
    """Return a recipe that runs through to the scores.

    Parameters
    ----------
    source : str
        Where the release is: a URL, or a path as seen from the recipe.
    subjects : sequence of str
        Their names.
    voxels : int
        Voxels of nsdgeneral.
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
        ridges="\n".join(f"[ridge.spaces.{space}]\nalpha = {ALPHA}\n" for space in SPACES),
        metrics=metrics(size),
    )
