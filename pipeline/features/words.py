"""The feature space ``words``: how often each word stands in a picture's captions."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

#: A word, after lowering: letters a to z, with an apostrophe inside ("don't").
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def vocabulary(captions: Sequence[Sequence[str]], least: int) -> tuple[str, ...]:
    """Return the words that stand in the captions of at least `least` pictures.

    Parameters
    ----------
    captions
        (image, slot) str, of the training pictures alone; empty where a picture has fewer.
    least
        Pictures a word must stand with; rarer ones cannot be learnt.

    Returns
    -------
    (word,) str, lower-cased, in alphabetical order.

    >>> vocabulary([["A red disc."], ["A disc, a BIG one", "red"]], least=2)
    ('a', 'disc', 'red')
    """
    pictures = Counter(chain.from_iterable(set(_words(picture)) for picture in captions))
    return tuple(sorted(word for word, count in pictures.items() if count >= least))


def encode(captions: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> NDArray[np.float32]:
    """Return how often each word stands in a caption, averaged over the captions of a picture.

    Parameters
    ----------
    captions
        (image, slot) str; empty (or blank) where a picture has fewer.
    vocabulary
        (word,) str, as `vocabulary` found them; other words count for nothing.

    Returns
    -------
    (image, word) float32, 0 or more; a picture without captions has zeros.

    >>> encode([["a disc on a disc", "a dot"], ["", ""]], ["a", "disc"])
    array([[1.5, 1. ],
           [0. , 0. ]], dtype=float32)
    """
    column = {word: at for at, word in enumerate(vocabulary)}
    counts = np.zeros((len(captions), len(column)), np.float32)
    for row, picture in zip(counts, captions, strict=True):
        spoken = max(1, sum(bool(caption.strip()) for caption in picture))
        for word, count in Counter(_words(picture)).items():
            if word in column:
                row[column[word]] = count / spoken
    return counts


def _words(captions: Sequence[str]) -> Iterator[str]:
    for caption in captions:
        yield from WORD.findall(caption.lower())
