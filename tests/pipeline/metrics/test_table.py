"""Scores of pictures that come in runs are those of all pictures at once."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest

from pipeline.features.resize import resize
from pipeline.metrics import METRICS, pixcorr, table
from pipeline.metrics.chance import shifts_of

PIXELS = [METRICS["pixcorr"], METRICS["two-way-pixels"]]


class Counted:
    """Pictures that say how many were read at a time."""

    def __init__(self, pictures):
        self.pictures, self.shape, self.read = pictures, pictures.shape, []

    def __getitem__(self, rows):
        self.read.append(len(rows))
        return self.pictures[rows]


@pytest.fixture
def little_room(monkeypatch):
    """Let runs be of 3 seen pictures of 14 x 12, and of 2 made ones."""
    module = import_module("pipeline.metrics.table")  # the package's `table` is the function
    monkeypatch.setattr(module, "HELD", 3 * 14 * 12 * 3)
    monkeypatch.setattr(module, "PASSING", 2 * 14 * 12 * 3)


@pytest.mark.parametrize(
    ("size", "metrics"),
    [((14, 12, 3), [METRICS["ssim"], *PIXELS]), ((9, 15, 3), PIXELS), ((14, 12, 1), PIXELS)],
)
@pytest.mark.usefixtures("little_room")
def test_runs_change_no_number(random_pictures, size, metrics):
    seen, _ = random_pictures(7, 14, 12, 3)
    made = np.random.default_rng(1).integers(0, 256, (2, 7, *size), np.uint8)
    read = Counted(seen), [Counted(one) for one in made]
    found = table(metrics, *read, seed=5)
    fitted = [resize(one, (14, 12)) for one in made]
    for at, metric in enumerate(metrics):
        expected = np.stack([metric.function(seen, one) for one in fitted], axis=1)
        np.testing.assert_array_equal(found.score[at], expected)
        if metric.likeness is None:
            shifted = [
                [metric.function(seen, np.roll(one, -k, axis=0)) for k in shifts_of(7, 5)] for one in fitted
            ]
            assert found.chance[at] == pytest.approx(np.mean(shifted), abs=1e-15)
        else:
            assert found.chance[at] == 0.5
    assert read[0].read == [3, 3, 1]
    assert max(max(one.read) for one in read[1]) == 2


def test_few_made_pictures_are_read_once(random_pictures):
    seen, made = random_pictures(40, 12, 12, 1)
    read = Counted(seen), Counted(made)
    table(PIXELS, read[0], [read[1]])
    assert read[0].read == read[1].read == [40]


def test_chance_is_the_mean_over_mismatched_pairs(random_pictures):
    seen, made = random_pictures(5, 16, 16, 1)
    expected = np.mean([pixcorr(seen, np.roll(made, -shift, axis=0)) for shift in (1, 2, 3, 4)])
    assert table([METRICS["pixcorr"]], seen, [made]).chance == pytest.approx(expected, abs=1e-12)


def test_one_picture_has_no_chance(random_pictures):
    seen, made = random_pictures(1, 16, 16, 1)
    assert math.isnan(table([METRICS["ssim"]], seen, [made]).chance[0])
