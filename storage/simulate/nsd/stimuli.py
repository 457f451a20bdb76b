"""The pictures of a release and their captions: nsd_stimuli.hdf5 and COCO_73k_annots_curated.npy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..brain import CHANNELS, MAP, channel_maps
from ..scenes import draw_scene
from .captions import SLOTS, WIDTH, WORDS, paraphrases, word_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .shelf import Shelf

STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
CAPTIONS = "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy"
BLOCK = 64
"""Pictures that are held in memory at once."""


@dataclass(frozen=True)
class Content:
    """What of the pictures a brain answers to.

    Attributes
    ----------
    row : ndarray
        (image) int64, sorted numbers of the pictures somebody saw, counted from 0.
    maps : ndarray
        (channel, image, y, x) float32, as `storage.simulate.brain.channel_maps` returns them.
    words : ndarray
        (image, word) float32, how often each of `captions.WORDS` is needed to say what is there.
    """

    row: NDArray[np.int64]
    maps: NDArray[np.float32]
    words: NDArray[np.float32]

    def of(self, rows: NDArray[np.int64]) -> Content:
        """Return the content of some of the pictures, given by their numbers."""
        place = np.searchsorted(self.row, rows)
        return Content(rows, self.maps[:, place], self.words[place])


def write_stimuli(
    shelf: Shelf, seed: int, rows: int, size: int, seen: NDArray[np.int64], *, simple: bool
) -> Content:
    """Draw all pictures, write them and their captions, and keep the content of those that are seen.

    Parameters
    ----------
    shelf : Shelf
        Where the two files go.
    seed : int
        Picture n is scene n of this seed.
    rows : int
        How many pictures.
    size : int
        Height and width in pixels.
    seen : ndarray
        (image) int64, sorted numbers of pictures, counted from 0.
    simple : bool
        Whether scenes are simple ones.

    Returns
    -------
    Content
        Of the pictures in `seen`.
    """
    import h5py

    maps = np.empty((len(CHANNELS), len(seen), MAP, MAP), np.float32)
    words = np.empty((len(seen), len(WORDS)), np.float32)
    with shelf.file(STIMULI) as brick, shelf.file(CAPTIONS) as said, h5py.File(brick, "w") as file:
        # No chunks and no filter: the pictures lie in the file one after the other, as NSD's do.
        pictures = file.create_dataset("imgBrick", (rows, size, size, 3), np.uint8, track_times=False)
        captions = np.lib.format.open_memmap(said, "w+", f"<U{WIDTH}", (rows, SLOTS))
        for start in range(0, rows, BLOCK):
            stop = min(start + BLOCK, rows)
            block, named = _draw(seed, range(start, stop), size, simple=simple)
            pictures[start:stop] = block
            captions[start:stop] = _captions(seed, start, named)
            here = slice(*np.searchsorted(seen, (start, stop)))
            maps[:, here] = channel_maps(block[seen[here] - start])
            words[here] = word_counts([named[row] for row in seen[here] - start]).reshape(-1, len(WORDS))
        captions.flush()
        del captions
    return Content(seen, maps, words)


def _draw(seed: int, numbers: range, size: int, *, simple: bool) -> tuple[NDArray[np.uint8], list[str]]:
    scenes = [draw_scene(seed, number, size, simple=simple) for number in numbers]
    return np.stack([scene.picture for scene in scenes]), [scene.caption for scene in scenes]


def _captions(seed: int, start: int, named: list[str]) -> list[list[str]]:
    rngs = (np.random.default_rng([seed, start + number, 0, 1]) for number in range(len(named)))
    return [paraphrases(caption, rng) for caption, rng in zip(named, rngs, strict=True)]
