"""The table of scores of many pictures, few of which are in memory at a time.

Seen pictures are read once, in runs. Beside each run pass the made ones that belong to it, and all of them
where a metric compares all with all. How pictures are cut into runs changes no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.features.resize import resize

from .chance import HALF, shifts_of
from .correlation import WIDTH
from .identification import shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .pictures import Pictures, Scores
    from .registry import Metric

Rows = np.ndarray[Any, np.dtype[np.intp]]

HELD = 200_000_000
"""Bytes of seen pictures held while made ones pass, and of made ones kept where all of them take no more."""
PASSING = 64_000_000
"""Bytes of made pictures read at a time."""
CHUNK = 32
"""Pictures of a stored chunk; where there is room, whole chunks are read, so that few are read twice."""
PLANES = 24
"""Arrays of a picture's size, float64 and without colour, that a metric makes of one pair."""


class Stack(Protocol):
    """Pictures that are read as they are asked for; an array is one too."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(row, y, x, channel)."""
        ...

    def __getitem__(self, rows: Rows, /) -> Pictures:
        """Return some rows, (row, y, x, channel) uint8."""
        ...


@dataclass(frozen=True)
class Table:
    """What metrics say of made pictures."""

    score: Scores
    """(metric, row, sample) float64."""
    chance: Scores
    """(metric,) float64: what they say of pictures that have nothing to do with each other."""


def table(metrics: Sequence[Metric], seen: Stack, made: Sequence[Stack], seed: int = 0) -> Table:
    """Return the scores of made pictures by several metrics.

    Parameters
    ----------
    metrics
        Some of `METRICS`.
    seen
        (row, y, x, channel) uint8.
    made
        As many rows of each sample; size and channels may differ from the seen ones'.
    seed
        Of the pairs that do not belong together.

    Returns
    -------
    Table
        Chance is one half for a metric that compares all with all. For others it is the mean score where
        every seen picture is paired with the made one k rows on, cyclically, for each k of `shifts_of`; NaN
        for a single picture.

    Raises
    ------
    ShapeError
        If these are no pictures, or a metric can't compare them.
    """
    count, every = seen.shape[0], np.arange(seen.shape[0])
    if _kept(made[0].shape, len(made)):
        made = [stack[every] for stack in made]
    own = {metric.name: metric.function for metric in metrics if metric.likeness is None}
    likeness = {metric.name: metric.likeness for metric in metrics if metric.likeness is not None}
    shifts = [0, *shifts_of(count, seed)] if own else []
    scores = {name: np.empty((len(shifts), len(made), count)) for name in own}
    alike = {name: np.empty((len(made), count, count)) for name in likeness}
    held_at_once, passing_at_once = _lengths(seen.shape, made[0].shape)
    for run in _cut(count, held_at_once):
        held = seen[every[run]]
        for sample, stack in enumerate(made):
            passing = partial(_passing, stack, held.shape, passing_at_once)
            for at, shift in enumerate(shifts):
                for part, pictures in passing((every[run] + shift) % count):
                    for name, function in own.items():
                        scores[name][at, sample, run][part] = function(held[part], pictures)
            for part, pictures in passing(every) if likeness else ():
                for name, compare in likeness.items():
                    alike[name][sample, run, part] = compare(held, pictures)
        del held  # or the next run would stand beside it
    return _table(metrics, scores, alike)


def memory(metrics: Sequence[Metric], seen: Sequence[int], made: Sequence[int], samples: int) -> int:
    """Return the bytes that `table` holds at once, by the shapes (row, y, x, channel) of the pictures."""
    count, pixels, one, other = seen[0], prod(seen[1:3]), _size(seen, made), prod(made[1:])
    held, passing = (min(count, length) for length in _lengths(seen, made))
    resized = passing * other * (tuple(seen[1:3]) != tuple(made[1:3]))
    pictures = held * one + 2 * passing * one + resized + samples * count * other * _kept(made, samples)
    read = 2 * CHUNK * max(one, other)  # a chunk as it is stored, and as it is asked for
    crossed = sum(metric.likeness is not None for metric in metrics)
    alike = crossed * samples * count**2 * 8
    at_work = max(8 * PLANES * pixels, (held + passing) * 8 * WIDTH + 40 * held * passing + 2 * count**2)
    return pictures + read + alike + at_work


def _size(seen: Sequence[int], made: Sequence[int]) -> int:
    """Return the bytes of a picture as it is compared."""
    return prod(seen[1:3]) * max(seen[3], made[3])


def _lengths(seen: Sequence[int], made: Sequence[int]) -> tuple[int, int]:
    """Return how many seen pictures are held, and how many made ones pass, at a time."""
    one = _size(seen, made)
    held, passing = HELD // one, PASSING // max(one, prod(made[1:]))
    return _whole(held), _whole(passing)


def _whole(length: int) -> int:
    """Return whole chunks, or what of one there is room for."""
    return max(1, length - length % CHUNK if length > CHUNK else length)


def _kept(made: Sequence[int], samples: int) -> bool:
    """Tell whether all made pictures are kept, rather than read again."""
    return samples * prod(made) <= HELD


def _cut(count: int, length: int) -> Iterator[slice]:
    for start in range(0, count, length):
        yield slice(start, min(start + length, count))


def _passing(stack: Stack, seen: Sequence[int], length: int, rows: Rows) -> Iterator[tuple[slice, Pictures]]:
    """Yield some rows of made pictures at the seen ones' size, with their places among these rows."""
    for part in _cut(len(rows), length):
        yield part, resize(stack[rows[part]], (seen[1], seen[2]))


def _table(metrics: Sequence[Metric], scores: dict[str, Scores], alike: dict[str, Scores]) -> Table:
    """Return what is said of all pictures, once all have passed."""
    by_sample = [
        scores[metric.name][0] if metric.likeness is None else [shares(one) for one in alike[metric.name]]
        for metric in metrics
    ]
    chance = [HALF if metric.likeness else _mismatched(scores[metric.name][1:]) for metric in metrics]
    return Table(np.ascontiguousarray(np.swapaxes(by_sample, 1, 2)), np.array(chance, np.float64))


def _mismatched(scores: Scores) -> float:
    """Return the mean of (shift, sample, row); NaN where nothing could be shifted."""
    if not len(scores):
        return float("nan")
    return float(np.mean([np.mean([rows.mean() for rows in shifts]) for shifts in scores.swapaxes(0, 1)]))
