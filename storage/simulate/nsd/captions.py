"""What people might say of a scene: the same things in other words, up to five times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..scenes import COLOURS, GROUNDS, SHAPES, TEXTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SLOTS = 5
"""Captions a picture; an empty one means that there are fewer."""
WIDTH = 250
"""Characters that a caption can have."""
FILLED = 0.95
"""Share of slots that hold a caption."""
WORDS = (*SHAPES, *COLOURS, *GROUNDS, *TEXTURES)
"""The words that say what is in a scene."""
PHRASES = (
    "{things} on {ground}",
    "there is {things} on {ground}",
    "{things} in front of {ground}",
    "{ground} with {things}",
    "a picture of {things} on {ground}",
)


def paraphrases(caption: str, rng: np.random.Generator) -> list[str]:
    """Return five captions, of which some may be empty, but not all.

    Parameters
    ----------
    caption : str
        What `storage.simulate.scenes` calls the scene.
    rng : numpy.random.Generator
        Where chance comes from.
    """
    named, _, ground = caption.rpartition(" on ")
    things = re.split(r", | and ", named)
    said = [
        phrase.format(things=" and ".join(rng.permutation(things)), ground=ground)
        for phrase in rng.permutation(PHRASES)
    ]
    kept = rng.random(SLOTS) < FILLED
    kept[rng.integers(SLOTS)] = True
    return [text if keep else "" for text, keep in zip(said, kept, strict=True)]


def word_counts(captions: Sequence[str]) -> NDArray[np.float32]:
    """Count `WORDS` in captions: (caption, word) float32."""
    spoken = [caption.replace(",", "").split() for caption in captions]
    return np.array([[words.count(word) for word in WORDS] for words in spoken], np.float32)
