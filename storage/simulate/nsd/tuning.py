"""The known code: what the voxels of visual cortex answer to a picture, and how noisy they are.

Voxels of `prf-visualrois` look through a receptive field at lightness, colour and oriented energy (see
`storage.simulate.brain`). All other voxels of `nsdgeneral` answer to what is in the scene: each weighs the
words that say it, in the manner of its stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..brain import CHANNELS, SHOWINGS, Brain, answer
from ..scenes import COLOURS, GROUNDS, SHAPES, TEXTURES
from .anatomy import ATLASES, rank
from .captions import WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .anatomy import Anatomy
    from .stimuli import Content

    Singles = NDArray[np.float32]

TASTE = {
    "midventral": (1.0, 1.5, 0.7, 0.7),
    "midlateral": (1.5, 0.7, 0.5, 1.0),
    "midparietal": (0.7, 0.5, 1.0, 1.5),
    "ventral": (1.5, 1.5, 0.5, 0.5),
    "lateral": (2.0, 0.7, 0.3, 0.5),
    "parietal": (0.5, 0.3, 1.5, 1.5),
}
"""How much each stream cares for shapes, colours, grounds and textures."""
ROUND = 3.0
"""How much more face areas like circles, the nearest thing to a face in these scenes."""
SPREAD = (1.0, 1.0, 1.3, 1.3, 1.6, 1.6, 2.0)
"""Width of receptive fields in the areas of `prf-visualrois`, of those in V1."""
_CARE = (1.5, 1.0, 1.0, 0.7, 0.7, 0.7, 0.7)
"""How much early voxels care for each of `CHANNELS`."""


@dataclass(frozen=True)
class Tuning:
    """The code of one subject's visual voxels, in the order of the brain's voxels.

    Attributes
    ----------
    early : ndarray
        (voxel) bool: has a receptive field; else it answers to content.
    fields : Brain
        The code of the early voxels.
    taste : ndarray
        (voxel) float32 weights (voxel, word) of the others; each row has length 1.
    noise : ndarray
        (voxel) float32, standard deviation of a single trial's noise in percent signal change.
    noise_ceiling : ndarray
        (voxel) float32, percent of the variance of a mean of three showings that the picture explains.
    """

    early: NDArray[np.bool_]
    fields: Brain
    taste: Singles
    noise: Singles
    noise_ceiling: Singles

    @property
    def ncsnr(self) -> Singles:
        """(voxel) float32, standard deviation of the signal over that of a single trial's noise."""
        return _ncsnr(self.noise_ceiling)

    @property
    def gain(self) -> Singles:
        """(voxel) float32, standard deviation of the signal over pictures in percent signal change."""
        return np.asarray(self.ncsnr * self.noise, np.float32)

    def answer(self, content: Content) -> Singles:
        """Return the answer without noise, (image, voxel) float32 in percent signal change, mean 0."""
        signal = np.empty((len(content.row), len(self.early)), np.float32)
        signal[:, self.early] = answer(self.fields, content.maps)
        raw = (content.words - content.words.mean(axis=0)) @ self.taste.T
        spread = raw.std(axis=0)
        signal[:, ~self.early] = raw * (self.gain[~self.early] / np.where(spread > 0, spread, 1))
        return signal


def tune(anatomy: Anatomy, rng: np.random.Generator) -> Tuning:
    """Draw the code of a brain's visual voxels.

    Parameters
    ----------
    anatomy : Anatomy
        Where the voxels lie.
    rng : numpy.random.Generator
        Where the code is drawn from.

    Returns
    -------
    Tuning
        The code.
    """
    visual, left = anatomy.visual, anatomy.left
    area = anatomy.atlases["prf-visualrois"][visual]
    noise = rng.uniform(0.8, 3.0, len(area)).astype(np.float32)
    ceiling = (1 + 74 * rng.beta(1.5, 2.0, len(area))).astype(np.float32)
    early = area > 0
    ijk = anatomy.ijk[visual][early]
    centre, width = _retinotopy(ijk, area[early], left[visual][early], rng)
    weight = rng.standard_normal((len(ijk), len(CHANNELS))) * _CARE
    gain = (_ncsnr(ceiling) * noise)[early]
    fields = Brain(ijk, centre, width, _unit(weight), gain, ceiling[early])
    streams, faces = (anatomy.atlases[name][visual][~early] for name in ("streams", "floc-faces"))
    return Tuning(early, fields, _tastes(streams, faces > 0, rng), noise, ceiling)


def _ncsnr(noise_ceiling: Singles) -> Singles:
    """Solve 100 r^2 / (r^2 + 1 / n), the ceiling of a mean of n showings, for r."""
    explained = noise_ceiling / 100
    return np.asarray(np.sqrt(explained / (SHOWINGS * (1 - explained))), np.float32)


def _unit(weight: NDArray[np.float64]) -> Singles:
    """Scale each row to length 1."""
    return np.asarray(weight / np.linalg.norm(weight, axis=1, keepdims=True), np.float32)


def _retinotopy(
    ijk: NDArray[np.int32],
    area: NDArray[np.int16],
    left: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Singles, Singles]:
    """Return centre (voxel, axis) and width (voxel) of receptive fields in picture widths.

    In each area the left half sees the right of the picture, voxels further below see further up, and
    those further forward see further from the centre. Rank, not place, so that all is covered evenly.
    """
    turn, far = np.empty(len(ijk)), np.empty(len(ijk))
    names = np.minimum((area - 1) // 2, 3)  # both halves of V1, of V2, of V3 cover one field together
    for name, side in ((name, side) for name in range(4) for side in (True, False)):
        here = (names == name) & (left == side)
        turn[here] = np.pi * (rank(ijk[here, 2]) + 0.5 / max(1, here.sum()))
        far[here] = 0.6 * np.sqrt(rank(ijk[here, 1]))
    across = np.where(left, 1, -1) * np.sin(turn)
    centre = 0.5 + far[:, None] * np.stack([across, -np.cos(turn)], axis=1)
    centre += rng.normal(0, 0.08, centre.shape)
    # Folding, not clipping: clipped centres would pile up at the picture's edges.
    folded = np.abs(1 - np.abs(1 - centre)).astype(np.float32)
    return folded, ((0.05 + 0.06 * far) * np.array(SPREAD)[area - 1]).astype(np.float32)


def _tastes(streams: NDArray[np.int16], face: NDArray[np.bool_], rng: np.random.Generator) -> Singles:
    """Return the weights (voxel, word) of voxels that answer to content."""
    kinds = np.repeat(np.arange(4), [len(kind) for kind in (SHAPES, COLOURS, GROUNDS, TEXTURES)])
    care = np.array([TASTE[name] for name in ATLASES["streams"][1:]])[streams - 2][:, kinds]
    weight = care * rng.standard_normal(care.shape)
    weight[face, WORDS.index("circle")] += ROUND
    return _unit(weight)
