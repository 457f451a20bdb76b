"""Score: made pictures against the ones that were seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..metrics import METRICS, interval
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

_INTERVAL = "95 % percentile bootstrap over pictures, 2000 draws."

SCORES = Schema(
    {
        "score": Variable(("metric", "row", "sample"), "float64", "1", "score of one picture"),
        "mean": Variable(("metric",), "float64", "1", "mean over pictures and samples"),
        "low": Variable(("metric",), "float64", "1", "lower end of the interval of the mean", _INTERVAL),
        "high": Variable(("metric",), "float64", "1", "upper end of the interval of the mean", _INTERVAL),
        "chance": Variable(
            ("metric",),
            "float64",
            "1",
            "score of unrelated pictures",
            "One half, or the mean over mismatched pairs.",
        ),
    }
)


def _cost(_output: xr.Dataset, stimuli: xr.Dataset, images: xr.Dataset) -> Cost:
    one = int(np.prod([stimuli.sizes[dim] for dim in ("y", "x", "channel")]))
    return Cost(memory=images.sizes["row"] * one * (2 + 4 * images.sizes["sample"] + 8))


@stage("score", version=2, schema=SCORES, cost=_cost)
def scores(stimuli: xr.Dataset, images: xr.Dataset, *, metrics: Sequence[str], seed: int = 0) -> xr.Dataset:
    """Return how alike made and seen pictures are, by several metrics.

    Parameters
    ----------
    stimuli
        The pictures that were seen.
    images
        The pictures that were made, joined to the seen ones by `image_id`.
    metrics
        Names of `pipeline.metrics.METRICS`.
    seed
        Of the intervals' resampling and of mismatched pairs.

    Raises
    ------
    ShapeError
        If there are fewer than two pictures to compare, if seen pictures are too small for a metric (made
        ones are brought to their size), or a made picture was never seen.
    """
    if images.sizes["row"] < 2:
        raise ShapeError(
            "1 test picture found; scores need at least 2 to tell pictures apart: leave [scores] out"
        )
    for metric in metrics:
        METRICS[metric].check((stimuli.sizes["y"], stimuli.sizes["x"]))
    place = {name: at for at, name in enumerate(stimuli.image_id.values)}
    unknown = [name for name in images.image_id.values if name not in place]
    if unknown:
        raise ShapeError(
            f"picture {unknown[0]} was made but is not among the stimuli; both must be of the same data"
        )
    seen = np.array([place[name] for name in images.image_id.values])
    return lazily(
        SCORES,
        {"metric": len(metrics), "row": images.sizes["row"], "sample": images.sizes["sample"]},
        partial(_score, stimuli, images, seen, tuple(metrics), seed),
        coords={
            "metric": np.array(list(metrics), dtype=object),
            **picture_coords("row", images),
            "repeat": ("row", images["repeat"].values),
        },
    )


def _score(
    stimuli: xr.Dataset,
    images: xr.Dataset,
    positions: np.ndarray,
    names: Sequence[str],
    seed: int,
    _start: int,
    _stop: int,
) -> Mapping[str, np.ndarray]:
    seen = stimuli.picture[np.unique(positions)].values[np.unique(positions, return_inverse=True)[1]]
    made = images.picture.values
    samples = range(made.shape[1])
    metrics = [METRICS[name] for name in names]
    score = np.array(
        [
            np.stack([metric.function(seen, made[:, sample]) for sample in samples], axis=1)
            for metric in metrics
        ]
    )
    chance = [
        np.mean([metric.chance(seen, made[:, sample], seed) for sample in samples]) for metric in metrics
    ]
    ends = np.array([interval(rows.mean(axis=1), seed=seed) for rows in score])
    return {
        "score": score,
        "mean": score.mean(axis=(1, 2)),
        "low": ends[:, 0],
        "high": ends[:, 1],
        "chance": np.array(chance, np.float64),
    }
