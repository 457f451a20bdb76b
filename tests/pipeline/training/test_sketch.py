"""The sketch is the ridge of scikit-learn, with the penalty that serves pictures left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from pipeline.models.networks import build
from pipeline.training import sketch as sketching
from pipeline.training.examples import Examples
from pipeline.training.sketch import PENALTIES, moments, sketch


def examples(pictures=30, width=5, repeats=1, noise=20.0, seed=0):
    """Pictures that are linear in five numbers, and rows that tell them with noise."""
    chance = np.random.default_rng(seed)
    cause = chance.normal(size=(pictures, 5))
    levels = 128 + 20 * cause @ chance.normal(size=(5, 64)) + noise * chance.normal(size=(pictures, 64))
    seen = np.repeat(np.arange(pictures), repeats)
    told = cause[seen] @ chance.normal(size=(5, width)) + 0.5 * chance.normal(size=(len(seen), width))
    made = np.clip(levels, 0, 255).astype(np.uint8).reshape(pictures, 8, 8, 1)
    return Examples(made, seen, (3 * told + 7).astype(np.float32))


def drawn(found, condition):
    """Return sketches (row, pixel) of conditions."""
    told = (condition - found["mean"]) / found["std"]
    return found["middle"].ravel() + told @ found["into"] @ found["onto"]


def left_out(x, y, groups, penalty):
    """Return the mean squared error of scikit-learn's ridge on each group, fitted without it."""
    errors = np.empty_like(y)
    for group in np.unique(groups):
        own = groups == group
        fit = Ridge(penalty).fit(x[~own], y[~own])
        errors[own] = y[own] - fit.predict(x[own])
    return np.square(errors).mean()


@pytest.mark.parametrize("repeats", [1, 3])
def test_it_is_the_ridge_that_serves_pictures_left_out(repeats):
    given = examples(repeats=repeats)
    found = sketch(given, np.arange(len(given)), 5, seed=0)
    x = (given.condition - found["mean"]) / found["std"]
    y = given.pictures[given.seen].reshape(len(given), -1) / 127.5 - 1
    errors = [left_out(x, y, given.seen, penalty * len(given)) for penalty in PENALTIES]
    best = int(np.argmin(errors))
    assert 0 < best < len(PENALTIES) - 1  # or the comparison says little
    expected = Ridge(PENALTIES[best] * len(given)).fit(x, y).predict(x)
    np.testing.assert_allclose(drawn(found, given.condition), expected, atol=1e-5)
    np.testing.assert_allclose(found["spread"][1] ** 2, errors[best], rtol=1e-5)
    np.testing.assert_allclose(found["spread"][0], np.sqrt(y.var(axis=0).mean()), rtol=1e-5)


def test_more_features_than_rows_are_drawn_from_their_components():
    given = examples(width=200)
    found = sketch(given, np.arange(30), 128, seed=0)
    assert found["into"].shape == (200, 128)
    assert not found["into"][:, 29:].any()  # thirty rows without their mean have 29 directions
    seen = given.pictures.reshape(30, -1) / 127.5 - 1
    left = np.square(drawn(found, given.condition) - seen).mean()
    assert left < found["spread"][1] ** 2 < 0.8 * found["spread"][0] ** 2


def test_rows_kept_back_say_nothing():
    given = examples()
    learned = np.arange(5, 30)
    found = sketch(given, learned, 5, seed=0)
    given.condition[:5] = 1e6
    for name, one in sketch(given, learned, 5, seed=0).items():
        np.testing.assert_array_equal(one, found[name])


def test_more_rows_than_are_looked_at_are_chosen_by_seed(monkeypatch):
    monkeypatch.setattr(sketching, "ROWS", 20)
    given = examples()
    one, other = (sketch(given, np.arange(30), 5, seed)["middle"] for seed in (0, 1))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, sketch(given, np.arange(30), 5, 0)["middle"])


def test_features_that_do_not_vary_are_no_division_by_zero():
    mean, std = moments(np.ones((4, 2), np.float32))
    assert mean.tolist() == std.tolist() == [1, 1]


def test_a_network_that_has_learned_nothing_says_the_sketch():
    given = examples()
    found = sketch(given, np.arange(30), 5, seed=0)
    network = build("conditional-ddpm", {"size": 8, "channels": 1, "width": 5})
    for name, one in found.items():
        network.get_buffer(name).copy_(torch.from_numpy(one))
    noisy, time = torch.randn(4, 1, 8, 8), torch.tensor([1, 300, 700, 999])
    with torch.no_grad():
        told = network(noisy, time, torch.from_numpy(given.condition[:4]), torch.tensor([0, 0, 1, 0]).bool())
        blind = network(noisy, time)
    expected = drawn(found, given.condition[:4]).reshape(4, 1, 8, 8)
    expected[2] = found["middle"]
    np.testing.assert_allclose(told.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(blind.numpy(), np.broadcast_to(found["middle"], (4, 1, 8, 8)), atol=1e-6)
