"""Sessions beside the core ones, each a test set of its own: what was seen or imagined, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..brain import channel_maps
from ..scenes import draw_scene
from .captions import WORDS, word_counts
from .stimuli import Content

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .tuning import Tuning

EXTRAS = ("imagery", "synthetic", "coco", "anatomical")
"""What a release may hold besides: two sessions, COCO's own captions, an atlas in anatomical space."""


@dataclass(frozen=True)
class Extra:
    """A session that is none of the core ones.

    Attributes
    ----------
    name : str
        NSD's: nsdimagery, nsdsynthetic.
    image : ndarray
        (trial) int64, which of the pictures; -1 for none.
    strength : ndarray
        (trial) float32, how strong the answer is; 1 for a picture that is seen.
    pictures : ndarray
        (image, y, x, channel) uint8, squares as large as NSD's own pictures.
    words : ndarray
        (image, word) float32, what is there to be said of them.
    """

    name: str
    image: NDArray[np.int64]
    strength: NDArray[np.float32]
    pictures: NDArray[np.uint8]
    words: NDArray[np.float32]

    def answer(self, tuning: Tuning, content: Content) -> NDArray[np.float32]:
        """Return the answer (trial, voxel) without noise, on the scale of that to the core pictures.

        Parameters
        ----------
        tuning : Tuning
            The code.
        content : Content
            Of the core pictures.
        """
        row = np.concatenate([content.row, np.arange(len(self.pictures)) + content.row[-1] + 1])
        maps = np.concatenate([content.maps, channel_maps(self.pictures)], axis=1)
        both = Content(row, maps, np.concatenate([content.words, self.words]))
        answer = tuning.answer(both)[len(content.row) :]
        strength = np.where(self.image >= 0, self.strength, 0).astype(np.float32)
        return np.asarray(answer[self.image] * strength[:, None], np.float32)


def scenes(seed: int, first: int, count: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return scenes that are none of the release's pictures, and the counts of their words."""
    drawn = [draw_scene(seed, first + number, size) for number in range(count)]
    none = np.empty((0, size, size, 3), np.uint8), np.empty((0, len(WORDS)), np.float32)
    if not drawn:
        return none
    return np.stack([scene.picture for scene in drawn]), word_counts([scene.caption for scene in drawn])
