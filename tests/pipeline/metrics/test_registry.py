from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from pipeline.errors import ShapeError
from pipeline.metrics import METRICS, interval, table

COLUMNS = ("ssim-columns", (30, 10))
"""Columns are of one dimension: narrow pictures have some too."""


def test_names_are_those_of_recipes():
    assert list(METRICS) == ["pixcorr", "ssim", "ssim-columns", "two-way-pixels"]
    assert all(name == metric.name and metric.doc and metric.paper for name, metric in METRICS.items())


@pytest.mark.parametrize("name", METRICS)
def test_one_score_a_row_and_above_chance(name, random_pictures):
    metric = METRICS[name]
    seen, made = random_pictures(24, 28, 12, 3)
    values = metric.function(seen, made)
    assert values.shape == (24,)
    assert values.dtype == np.float64
    assert interval(values)[0] > table([metric], seen, [made]).chance[0]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == COLUMNS[0])) for name in METRICS]
)
def test_shuffled_pairs_score_at_chance(name, random_pictures):
    """Of twenty 95 % intervals one may miss chance; that five do has a nominal probability of 0.003."""
    metric = METRICS[name]
    seen, made = random_pictures(60, 28, 12, 1)
    chance = table([metric], seen, [made]).chance[0]
    hits = 0
    for seed in range(20):
        low, high = interval(metric.function(seen, mismatch(made, seed)), seed=seed)
        hits += low <= chance <= high
    assert hits > 15


def mismatch(made, seed):
    """Shuffle by one random cycle: a plain permutation would leave about one picture with its own."""
    order, shuffled = np.random.default_rng(seed).permutation(len(made)), np.empty_like(made)
    shuffled[order] = made[np.roll(order, 1)]
    return shuffled


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("size", [(11, 11), (10, 30), (30, 10), (4, 4)])
def test_the_check_of_a_size_is_what_computing_would_say(name, size, random_pictures):
    metric = METRICS[name]
    seen, made = random_pictures(3, *size, 1)
    said = []
    for attempt in (partial(metric.check, size), partial(metric.function, seen, made)):
        try:
            attempt()
        except ShapeError as error:
            said.append(str(error))
        else:
            said.append("fine")
    assert said[0] == said[1]
    assert (said[0] == "fine") == (min(size) >= 11 or "ssim" not in name or (name, size) == COLUMNS)


def test_importing_loads_nothing_heavy():
    heavy = ("scipy", "skimage", "PIL")
    code = f"import sys, pipeline.metrics, pipeline.ridge; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
