"""Where the voxels of a simulated brain lie, and which regions they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..brain import ellipsoid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Labels = NDArray[np.int16]
    Numbers = NDArray[np.int64]

ATLASES = {
    "nsdgeneral": ("nsdgeneral",),
    "prf-visualrois": ("V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4"),
    "streams": ("early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"),
    "floc-faces": ("OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces"),
}
"""Names of the labels 1, 2, 3 ... of each atlas; NSD's, of which the last face area has no voxel here."""
RIBBON, VISUAL = 0.7, 0.6
"""Share of the brain that is cortex (the outside), and of the cortex that is visual (the back)."""
EARLY, MIDDLE = 0.45, 0.65
"""Where, going forward through visual cortex, early areas end, and intermediate ones."""
MOST = 32767
"""The largest number of places along an axis that a NIfTI header can state."""


@dataclass(frozen=True)
class Anatomy:
    """A brain in a grid.

    Attributes
    ----------
    grid : tuple of int
        How many places along x (left to right), y (back to front) and z (bottom to top).
    ijk : ndarray
        (voxel, axis) int32, place of each voxel of the brain, 0-based.
    atlases : mapping of str to ndarray
        (voxel) int16: -1 outside the atlas's cortex, 0 in no region, else the label's number.
    """

    grid: tuple[int, int, int]
    ijk: NDArray[np.int32]
    atlases: Mapping[str, Labels]

    @property
    def left(self) -> NDArray[np.bool_]:
        """(voxel) bool, in the left half."""
        return np.asarray(2 * self.ijk[:, 0] + 1 < self.grid[0])

    @property
    def visual(self) -> NDArray[np.bool_]:
        """(voxel) bool, in nsdgeneral: the voxels that answer to pictures."""
        return np.asarray(self.atlases["nsdgeneral"] > 0)

    @property
    def place(self) -> Numbers:
        """(voxel) int64, number of its place with x running fastest, as both NIfTI and HDF5 store it."""
        x, y, _ = self.grid
        return np.asarray(self.ijk.astype(np.int64) @ (1, x, x * y))

    def volume(self, values: NDArray[Any], outside: float) -> NDArray[Any]:
        """Return values of the voxels as a volume (x, y, z) with one value outside the brain."""
        volume = np.full(self.grid, outside, values.dtype)
        volume[tuple(self.ijk.T)] = values
        return volume


def grow_anatomy(grid: tuple[int, int, int]) -> Anatomy:
    """Divide a grid's brain into regions by their place; every region of a small one may be empty but V1.

    Parameters
    ----------
    grid : tuple of int
        How many places along x, y and z.

    Returns
    -------
    Anatomy
        The brain; without chance, so that all subjects are alike.

    Raises
    ------
    ValueError
        If the grid holds no voxel, or more than a NIfTI file can.
    """
    if min(grid) < 1 or max(grid) > MOST:
        text = f"a grid of {' x '.join(map(str, grid))} cannot be written: "
        raise ValueError(text + f"each count must be 1 to {MOST}; a grid with a 0 holds no voxel")
    ijk = ellipsoid(grid)
    scaled = (ijk + 0.5) / grid - 0.5
    cortex = _foremost(-np.square(scaled).sum(axis=1), RIBBON)
    backward = np.full(len(ijk), np.inf)  # what is not cortex is behind everything visual in the queue
    backward[cortex] = ijk[cortex, 1]
    visual = np.zeros(len(ijk), bool)
    visual[np.argsort(backward, kind="stable")[: _share(VISUAL, int(cortex.sum()))]] = True
    labels = _label(ijk[visual])
    whole = {"nsdgeneral": np.ones(int(visual.sum()), np.int16), **labels}
    atlases = {}
    for name in ATLASES:
        atlases[name] = np.where(cortex, 0, -1).astype(np.int16)
        atlases[name][visual] = whole[name]
    return Anatomy(grid, ijk, atlases)


def _share(share: float, count: int) -> int:
    return int(np.ceil(share * count))


def _foremost(key: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Return True for the share of voxels with the lowest keys, at least one."""
    chosen = np.zeros(len(key), bool)
    chosen[np.argsort(key, kind="stable")[: _share(share, len(key))]] = True
    return chosen


def rank(key: NDArray[Any]) -> NDArray[np.float64]:
    """Return each voxel's rank by a key, from 0 to just below 1."""
    rank = np.empty(len(key))
    rank[np.argsort(key, kind="stable")] = np.arange(len(key)) / max(1, len(key))
    return rank


def _label(ijk: NDArray[np.int32]) -> dict[str, Labels]:
    """Return the labels of visual voxels by how far forward and how high they lie."""
    forward = rank(ijk[:, 1])
    level = np.searchsorted((EARLY, MIDDLE), forward, side="right")
    streams = np.ones(len(ijk), np.int16)
    for number in (1, 2):
        height = rank(ijk[level == number, 2])
        streams[level == number] = 3 * number - 1 + np.floor(3 * height)
    return {
        "streams": streams,
        "prf-visualrois": _visual_areas(ijk, streams, forward),
        "floc-faces": _face_areas(streams, forward),
    }


def _visual_areas(ijk: NDArray[np.int32], streams: Labels, forward: NDArray[np.float64]) -> Labels:
    """V1, V2 and V3 follow each other forward, each with a lower and an upper half; then hV4."""
    areas = np.zeros(len(ijk), np.int16)
    early = streams == 1
    area = np.searchsorted((0.2, 0.33), forward[early], side="right")
    upper = rank(ijk[early, 2]) >= 0.5
    areas[early] = 1 + 2 * area + upper
    midventral = np.flatnonzero(streams == 2)
    areas[midventral[rank(forward[midventral]) < 0.5]] = 7
    return areas


def _face_areas(streams: Labels, forward: NDArray[np.float64]) -> Labels:
    """OFA before hV4; FFA-1, FFA-2 and, further forward, a middle temporal one in the ventral stream."""
    areas = np.zeros(len(streams), np.int16)
    midventral, ventral = (np.flatnonzero(streams == stream) for stream in (2, 5))
    areas[midventral[rank(forward[midventral]) >= 0.5]] = 1
    along = rank(forward[ventral])
    areas[ventral] = np.select([along < 0.2, along < 0.4, along >= 0.9], [2, 3, 4], 0)
    return areas
