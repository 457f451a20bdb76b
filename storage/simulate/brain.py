"""The known code of a simulated brain: how its voxels answer to a picture.

Each voxel looks at a picture through a Gaussian receptive field and weighs, within it, seven maps: lightness,
two colour contrasts, and the energy of gradients in four directions. What it weighs how much is drawn from a
seed and kept, so that any decoder's result can be held against the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Singles = NDArray[np.float32]

CHANNELS = ("lightness", "red-green", "blue-yellow", "energy-0", "energy-45", "energy-90", "energy-135")
MAP = 16
"""Height and width of the channel maps."""
SHOWINGS = 3
"""A noise ceiling is that of a mean of so many showings."""
_OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [-0.25, -0.25, 0.5]], np.float32)


@dataclass(frozen=True)
class Brain:
    """What each voxel of one simulated subject answers to.

    Attributes
    ----------
    ijk : ndarray
        (voxel, axis) int32, place in the grid, 0-based.
    centre : ndarray
        (voxel, axis) float32, the receptive field's x and y in picture widths from the left and the top.
    width : ndarray
        (voxel) float32, the receptive field's standard deviation in picture widths.
    weight : ndarray
        (voxel, channel) float32, of the maps named by `CHANNELS`; each row has length 1.
    gain : ndarray
        (voxel) float32, standard deviation of the answer over pictures in percent signal change.
    noise_ceiling : ndarray
        (voxel) float32, percent of the variance of a mean of three showings that the picture explains.
    """

    ijk: NDArray[np.int32]
    centre: Singles
    width: Singles
    weight: Singles
    gain: Singles
    noise_ceiling: Singles

    @property
    def noise(self) -> Singles:
        """(voxel) float32, standard deviation of a single trial's noise in percent signal change.

        The ceiling of a mean of n showings is 100 s^2 / (s^2 + e^2 / n) with signal s and noise e.
        """
        explained = self.noise_ceiling / 100
        return np.asarray(self.gain * np.sqrt(SHOWINGS * (1 - explained) / explained), np.float32)


def grow_brain(grid: tuple[int, int, int], rng: np.random.Generator) -> Brain:
    """Draw a brain whose voxels fill an ellipsoid within a grid.

    Parameters
    ----------
    grid : tuple of int
        How many places along i, j and k, each at least 1.
    rng : numpy.random.Generator
        Where the code is drawn from.

    Returns
    -------
    Brain
        The known code.
    """
    if min(grid) < 1:
        raise ValueError(
            f"a grid of {' x '.join(map(str, grid))} holds no voxel: each count must be at least 1"
        )
    ijk = ellipsoid(grid)
    count = len(ijk)
    weight = rng.standard_normal((count, len(CHANNELS))) * (1.5, 1.0, 1.0, 0.7, 0.7, 0.7, 0.7)
    return Brain(
        ijk=ijk,
        centre=_retinotopy(ijk, grid, rng),
        width=rng.uniform(0.05, 0.15, count).astype(np.float32),
        weight=(weight / np.linalg.norm(weight, axis=1, keepdims=True)).astype(np.float32),
        gain=rng.uniform(0.5, 2.5, count).astype(np.float32),
        noise_ceiling=(1 + 84 * rng.beta(1.5, 2.0, count)).astype(np.float32),
    )


def ellipsoid(grid: tuple[int, int, int]) -> NDArray[np.int32]:
    """Return the places (voxel, axis) int32 of an ellipsoid that nearly touches the sides of a grid."""
    places = np.indices(grid).reshape(3, -1).T
    half = np.array(grid) / 2
    inside = np.square((places + 0.5 - half) / (0.88 * half)).sum(axis=1) <= 1
    # A grid of one or two places an axis has none that near its middle: all of it is brain then.
    return places[inside if inside.any() else slice(None)].astype(np.int32)


def _retinotopy(ijk: NDArray[np.int32], grid: tuple[int, int, int], rng: np.random.Generator) -> Singles:
    """Let neighbours in the brain see neighbouring places: (voxel, axis) float32 in picture widths."""
    j, k = ((ijk[:, axis] + 0.5) / grid[axis] for axis in (1, 2))
    centre = np.stack([j, k], axis=1) + rng.normal(0, 0.12, (len(ijk), 2))
    # Folding, not clipping: clipped centres would pile up at the picture's edges.
    return np.asarray(np.abs(1 - np.abs(1 - centre)), np.float32)


def channel_maps(pictures: NDArray[np.uint8]) -> Singles:
    """Turn pictures into the maps that voxels look at.

    Parameters
    ----------
    pictures : ndarray
        (image, y, x, channel) uint8, red, green, blue; square, at least 8 pixels wide.

    Returns
    -------
    ndarray
        (channel, image, y, x) float32, `MAP` x `MAP`, named by `CHANNELS`.
    """
    opponent = (pictures.reshape(-1, 3) @ _OPPONENT.T / 255).reshape(*pictures.shape[:3], 3)
    colours = np.moveaxis(opponent, -1, 0)
    down, right = np.gradient(colours[0], axis=(1, 2))
    angle, energy = np.arctan2(down, right), np.hypot(down, right)
    # cos^2 of twice-counted angles: the four maps share out the energy, and opposite gradients count alike.
    turned = [energy * np.square(np.cos(angle - turn)) for turn in np.arange(4) * np.pi / 4]
    return np.stack([_pool(each) for each in (*colours, *turned)])


def _pool(pictures: Singles) -> Singles:
    """Average (image, y, x) over MAP x MAP cells; a pixel counts in all cells that it overlaps."""
    overlap = _overlap(pictures.shape[1])
    return np.asarray(np.matmul(np.matmul(overlap, pictures), overlap.T), np.float32)


def _overlap(size: int) -> Singles:
    """Return (cell, pixel) float32: the share of each cell that each of `size` pixels covers."""
    edges = np.arange(size + 1) / size * MAP
    cell = np.arange(MAP)[:, None]
    upper = np.clip(edges[1:], cell, cell + 1)
    return np.asarray(upper - np.clip(edges[:-1], cell, cell + 1), np.float32)


def answer(brain: Brain, maps: Singles) -> Singles:
    """Return what each voxel answers to each picture, without noise.

    Parameters
    ----------
    brain : Brain
        The known code.
    maps : ndarray
        (channel, image, y, x) float32 of `channel_maps`.

    Returns
    -------
    ndarray
        (image, voxel) float32, percent signal change, mean 0 and standard deviation `gain` over pictures.
    """
    fields = receptive_fields(brain)
    scale = maps.std(axis=(1, 2, 3))
    raw = np.zeros((maps.shape[1], len(brain.ijk)), np.float32)
    for channel, spread, weight in zip(maps, scale, brain.weight.T, strict=True):
        raw += channel.reshape(len(channel), -1) @ fields.T * (weight / max(spread, 1e-6))
    raw -= raw.mean(axis=0)
    spread = raw.std(axis=0)
    return np.asarray(raw * (brain.gain / np.where(spread > 0, spread, 1)), np.float32)


def receptive_fields(brain: Brain) -> Singles:
    """Return the receptive fields (voxel, y * x) float32 on the channel maps, each with sum 1."""
    place = (np.arange(MAP) + 0.5) / MAP
    x, y = (np.exp(-np.square((place - c[:, None]) / brain.width[:, None]) / 2) for c in brain.centre.T)
    x, y = (each / each.sum(axis=1, keepdims=True) for each in (x, y))
    return np.asarray((y[:, :, None] * x[:, None, :]).reshape(len(brain.ijk), -1), np.float32)
