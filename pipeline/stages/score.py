"""Score: made pictures against the ones that were seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..metrics import METRICS, interval, memory, table
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords
from .stack import Stack

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


def _cost(output: xr.Dataset, stimuli: xr.Dataset, images: xr.Dataset) -> Cost:
    rows, samples = output.sizes["row"], output.sizes["sample"]
    seen, made = ((rows, *(each.sizes[dim] for dim in ("y", "x", "channel"))) for each in (stimuli, images))
    return Cost(memory=memory([METRICS[name] for name in output.metric.values], seen, made, samples))


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
    seen = Stack(stimuli.picture, np.array([place[name] for name in images.image_id.values]))
    return lazily(
        SCORES,
        {"metric": len(metrics), "row": images.sizes["row"], "sample": images.sizes["sample"]},
        partial(_score, seen, images, tuple(metrics), seed),
        coords={
            "metric": np.array(list(metrics), dtype=object),
            **picture_coords("row", images),
            "repeat": ("row", images["repeat"].values),
        },
    )


def _score(
    seen: Stack, images: xr.Dataset, names: Sequence[str], seed: int, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    every = np.arange(images.sizes["row"])
    made = [Stack(images.picture[:, sample], every) for sample in range(images.sizes["sample"])]
    found = table([METRICS[name] for name in names], seen, made, seed)
    ends = np.array([interval(rows.mean(axis=1), seed=seed) for rows in found.score])
    return {
        "score": found.score,
        "mean": found.score.mean(axis=(1, 2)),
        "low": ends[:, 0],
        "high": ends[:, 1],
        "chance": found.chance,
    }
