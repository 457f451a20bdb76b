"""Which pictures a report shows: best, median and worst by score, so that nobody picks them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .contenders import label_of, rises
from .numbers import decimal, several
from .pictures import LONGEST, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .contenders import Contender
    from .pictures import Shown

#: All test pictures are shown up to this many, else `EACH` of the best, the middle and the worst.
ALL = 24
EACH = 6


@dataclass(frozen=True)
class Tile:
    """One seen picture and what was made of it."""

    image_id: str
    tag: str
    """Best, median, worst, or nothing."""
    rank: int | None
    """1 is the best; None where there are no scores."""
    seen: Shown
    made: tuple[Shown, ...]
    """One a contender."""


@dataclass(frozen=True)
class Group:
    """Tiles under a heading."""

    title: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Gallery:
    """A figure: seen pictures next to made ones."""

    contenders: tuple[Contender, ...]
    groups: tuple[Group, ...]
    caption: str
    metric: str
    """Label of the score under each picture; empty where there are none."""


def best_first(scores: NDArray[np.float64], *, higher_is_better: bool) -> NDArray[np.int64]:
    """Return the rows from best to worst; ties keep their order, rows without a score come last.

    Parameters
    ----------
    scores : (row,) float64
        One score a row, NaN where there is none.
    higher_is_better : bool
        Whether more is better.
    """
    found: NDArray[np.int64] = np.argsort(-scores if higher_is_better else scores, kind="stable")
    return found


def parts(n: int) -> list[tuple[str, range]]:
    """Return the headings and the places in a ranking of `n` that are shown.

    >>> parts(30)
    [('Best', range(0, 6)), ('Median', range(12, 18)), ('Worst', range(24, 30))]
    """
    if n <= ALL:
        return [("", range(n))]
    middle = (n - EACH) // 2
    return [
        ("Best", range(EACH)),
        ("Median", range(middle, middle + EACH)),
        ("Worst", range(n - EACH, n)),
    ]


def galleries(contenders: Sequence[Contender]) -> list[Gallery]:
    """Return one figure of all contenders' pictures, or one of each where they share no pictures."""
    ready = [contender for contender in contenders if contender.images is not None]
    if len(ready) < 2:
        return [_gallery(ready)] if ready else []
    chosen = _ranking(ready)[0]
    keys = [key for _, part in chosen for key in part]
    if not keys or not _same_pictures(ready, [image for image, _ in keys]):
        return [_gallery([one]) for one in ready]
    return [_gallery(ready)]


def _same_pictures(contenders: Sequence[Contender], image_ids: Sequence[str]) -> bool:
    """Tell whether equal ids are equal pictures, which two data sets need not promise."""
    first, *others = [contender.seen(image_ids) for contender in contenders]
    return all(np.array_equal(first, other) for other in others)


_Key = tuple[str, int]


def _ranking(contenders: Sequence[Contender]) -> tuple[list[tuple[str, list[_Key]]], dict[_Key, int]]:
    """Return the chosen (image_id, repeat) under their headings, and the rank of each."""
    first = contenders[0]
    shared = set.intersection(*(set(contender.rows()) for contender in contenders))
    rows = {key: row for key, row in first.rows().items() if key in shared}
    keys = list(rows)
    scores = first.scores(first.metric) if first.metric else None
    if scores is None:
        return [("", keys[:ALL])], {}
    assert first.metric is not None, "scores without a metric"
    order = best_first(scores[list(rows.values())], higher_is_better=rises(first.metric))
    ranked = [keys[at] for at in order]
    chosen = [(title, [ranked[at] for at in places]) for title, places in parts(len(ranked))]
    return chosen, {key: rank for rank, key in enumerate(ranked, start=1)}


def _gallery(contenders: Sequence[Contender]) -> Gallery:
    chosen, ranks = _ranking(contenders)
    first = contenders[0]
    groups = tuple(
        Group(_heading(title, keys, ranks), _tiles(contenders, keys, ranks, tagged=not title))
        for title, keys in chosen
    )
    metric = label_of(first.metric) if first.metric else ""
    shown_count = sum(len(group.tiles) for group in groups)
    return Gallery(tuple(contenders), groups, _caption(contenders, shown_count, len(ranks)), metric)


def _heading(title: str, keys: Sequence[_Key], ranks: dict[_Key, int]) -> str:
    if not title:
        return ""
    return f"{title} {len(keys)}: ranks {ranks[keys[0]]} to {ranks[keys[-1]]} of {len(ranks)}"


def _tiles(
    contenders: Sequence[Contender], keys: Sequence[_Key], ranks: dict[_Key, int], *, tagged: bool
) -> tuple[Tile, ...]:
    if not keys:
        return ()
    seen = contenders[0].seen([image for image, _ in keys])
    columns = [_made(contender, contenders[0].metric, keys) for contender in contenders]
    tags = {(len(ranks) + 1) // 2: "median", 1: "best", len(ranks): "worst"} if tagged and ranks else {}
    return tuple(
        Tile(
            image_id=_name(key),
            tag=tags.get(ranks.get(key, 0), ""),
            rank=ranks.get(key),
            seen=shown(seen[at], f"Picture {_name(key)} as it was seen"),
            made=tuple(column[at] for column in columns),
        )
        for at, key in enumerate(keys)
    )


def _name(key: _Key) -> str:
    image, repeat = key
    return image if repeat < 0 else f"{image}, showing {repeat + 1}"


def _made(contender: Contender, metric: str | None, keys: Sequence[_Key]) -> list[Shown]:
    rows = [contender.rows()[key] for key in keys]
    scores = contender.scores(metric) if metric else None
    told = ["" if scores is None else decimal(float(scores[row])) for row in rows]
    by = label_of(metric) if metric else ""
    return [
        shown(picture, _alt(_name(key), contender.label, by, score), score)
        for key, picture, score in zip(keys, contender.made(rows), told, strict=True)
    ]


def _alt(image: str, label: str, metric: str, score: str) -> str:
    said = f"Picture {image} as it was reconstructed ({label})"
    return f"{said}, {metric} {score}" if score else said


def _caption(contenders: Sequence[Contender], tiles: int, ranked: int) -> str:
    first = contenders[0]
    if not ranked or first.metric is None:
        said = (
            f"{several(tiles, 'test picture')} in the order of the test set; there are no scores to rank by."
        )
    elif tiles == ranked:
        said = f"All {several(ranked, 'test picture')} from best to worst by {label_of(first.metric)}"
    else:
        said = f"The best, the middle and the worst of {ranked} test pictures by {label_of(first.metric)}"
    if ranked:
        said += f" of {first.label}." if len(contenders) > 1 else "."
    return " ".join([said, *_remarks(contenders)])


def _remarks(contenders: Sequence[Contender]) -> list[str]:
    """Return what else one must know of the pictures."""
    ready = [contender.images for contender in contenders if contender.images is not None]
    samples = max(images.sizes["sample"] for images in ready)
    longest = max(max(images.sizes["y"], images.sizes["x"]) for images in ready)
    several_samples = f"Of {samples} samples a picture, the first is shown and ranked."
    shrunk = f"Shrunk to {LONGEST} pixels for this page."
    return [text for text, holds in ((several_samples, samples > 1), (shrunk, longest > LONGEST)) if holds]
