from __future__ import annotations

import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from pipeline.errors import ShapeError
from pipeline.metrics import METRICS, interval, pixcorr
from pipeline.metrics.chance import _shifts, mismatched

COLUMNS = ("ssim-columns", (30, 10))
"""Columns are of one dimension: narrow pictures have some too."""


def test_names_are_those_of_recipes():
    assert list(METRICS) == ["pixcorr", "ssim", "ssim-columns", "two-way-pixels"]
    assert all(name == metric.name and metric.doc and metric.paper for name, metric in METRICS.items())


@pytest.mark.parametrize("name", METRICS)
def test_one_score_a_row_and_above_chance(name, random_pictures):
    metric = METRICS[name]
    seen, made = random_pictures(24, 28, 28, 3)
    values = metric.function(seen, made)
    assert values.shape == (24,)
    assert values.dtype == np.float64
    assert interval(values)[0] > metric.chance(seen, made, 0)


@pytest.mark.parametrize("name", METRICS)
def test_shuffled_pairs_score_at_chance(name, random_pictures):
    """Of twenty 95 % intervals one may miss chance; that five do has a nominal probability of 0.003."""
    metric = METRICS[name]
    seen, made = random_pictures(60, 28, 28, 1)
    chance = metric.chance(seen, made, 0)
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


def test_chance_is_the_mean_over_mismatched_pairs(random_pictures):
    seen, made = random_pictures(5, 16, 16, 1)
    expected = np.mean([pixcorr(seen, np.roll(made, -shift, axis=0)) for shift in (1, 2, 3, 4)])
    assert METRICS["pixcorr"].chance(seen, made, 0) == pytest.approx(expected, abs=1e-12)
    assert METRICS["two-way-pixels"].chance(seen, made, 0) == 0.5


def test_chance_takes_pictures_a_few_at_a_time(random_pictures):
    seen, made = random_pictures(70, 4, 4, 1)
    lengths = []

    def score(a, b):
        lengths.append(len(a))
        return pixcorr(a, b)

    mismatched(score)(seen, made, 0)
    assert len(lengths) == 3 * (1000 // 70)
    assert max(lengths) == 32


@pytest.mark.parametrize(("rows", "count"), [(1, 0), (2, 1), (3, 2), (30, 29), (100, 10), (982, 1)])
def test_number_of_shifts(rows, count):
    shifts = _shifts(rows, 0)
    assert len(set(shifts)) == len(shifts) == count
    assert all(0 < shift < rows for shift in shifts)


def test_one_picture_has_no_chance(random_pictures):
    seen, made = random_pictures(1, 16, 16, 1)
    assert math.isnan(METRICS["ssim"].chance(seen, made, 0))


def test_importing_loads_nothing_heavy():
    heavy = ("scipy", "skimage", "PIL")
    code = f"import sys, pipeline.metrics, pipeline.ridge; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
