"""Scores of known pictures, joined by their ids, against the metrics themselves."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ShapeError
from pipeline.metrics import METRICS, interval, pixcorr, ssim, table, two_way_pixels
from pipeline.stages.score import scores

NAMES = ["f", "b", "d", "a", "e", "c"]
FUNCTIONS = {"pixcorr": pixcorr, "ssim": ssim, "two-way-pixels": two_way_pixels}


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def stimuli(picture: np.ndarray, names: list[str] = NAMES) -> xr.Dataset:
    return xr.Dataset(
        {"picture": (("image", "y", "x", "channel"), picture)},
        coords={"image_id": ("image", np.array(names, dtype=object))},
    )


def images(picture: np.ndarray, names: list[str], repeat: list[int] | None = None) -> xr.Dataset:
    showing = np.array(repeat or [-1] * len(names), np.int16)
    return xr.Dataset(
        {"picture": (("row", "sample", "y", "x", "channel"), picture)},
        coords={"image_id": ("row", np.array(names, dtype=object)), "repeat": ("row", showing)},
    )


def blend(seen: np.ndarray, samples: int = 1) -> np.ndarray:
    """Return (row, sample, y, x, channel): seen pictures under noise, more of it in later samples."""
    noise = pictures(*seen.shape, seed=1)
    shares = [(sample + 1) / (samples + 1) for sample in range(samples)]
    return np.stack([((1 - share) * seen + share * noise).astype(np.uint8) for share in shares], axis=1)


def test_scores_are_those_of_the_metrics_picture_by_picture_and_sample_by_sample():
    seen = pictures(6, 12, 14, 3)
    rows = ["c", "a", "f", "d"]  # another order than the stimuli's, and not all of them
    shown = seen[[NAMES.index(name) for name in rows]]
    made = blend(shown, samples=3)
    found = scores(stimuli(seen), images(made, rows), metrics=list(FUNCTIONS), seed=4).compute()
    assert found.metric.values.tolist() == list(FUNCTIONS)
    assert found.image_id.values.tolist() == rows
    assert found.sizes == {"metric": 3, "row": 4, "sample": 3}
    for name, function in FUNCTIONS.items():
        one = found.sel(metric=name)
        expected = np.stack([function(shown, made[:, sample]) for sample in range(3)], axis=1)
        np.testing.assert_array_equal(one.score.values, expected)
        assert one["mean"] == pytest.approx(expected.mean(), abs=1e-15)
        assert (one.low, one.high) == interval(expected.mean(axis=1), seed=4)
        chance = table([METRICS[name]], shown, list(np.moveaxis(made, 1, 0)), 4).chance[0]
        assert one.chance == pytest.approx(chance, abs=1e-15)


@settings(max_examples=15)
@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_order_of_stimuli_and_of_rows_changes_no_pictures_score(stored, asked):
    seen = pictures(6, 6, 6, 1)
    made = blend(seen)
    first = scores(stimuli(seen), images(made, NAMES), metrics=["pixcorr", "two-way-pixels"]).compute()
    again = scores(
        stimuli(seen[stored], [NAMES[at] for at in stored]),
        images(made[asked], [NAMES[at] for at in asked]),
        metrics=["pixcorr", "two-way-pixels"],
    ).compute()
    np.testing.assert_array_equal(again.score.values, first.score.values[:, asked])


def test_perfect_pictures_score_one_and_inverted_ones_minus_one():
    seen = pictures(6, 12, 12, 1)
    perfect = scores(stimuli(seen), images(seen[:, None], NAMES), metrics=list(FUNCTIONS)).compute()
    np.testing.assert_allclose(perfect.score.values, 1)
    np.testing.assert_allclose(perfect["mean"].values, 1)
    assert (perfect.chance < 0.6).all()
    inverted = scores(stimuli(seen), images(255 - seen[:, None], NAMES), metrics=["pixcorr"]).compute()
    np.testing.assert_allclose(inverted.score.values, -1)


def test_every_showing_of_a_picture_meets_the_same_seen_one():
    seen = pictures(6, 8, 8, 1)
    rows, repeat = ["a", "c", "a", "c"], [0, 0, 1, 1]
    made = blend(pictures(4, 8, 8, 1, seed=2))
    found = scores(stimuli(seen), images(made, rows, repeat), metrics=["pixcorr"]).compute()
    shown = seen[[NAMES.index(name) for name in rows]]
    np.testing.assert_array_equal(found.score.values[0, :, 0], pixcorr(shown, made[:, 0]))
    assert found["repeat"].values.tolist() == repeat


def test_made_pictures_are_brought_to_the_seen_ones_size():
    seen, made = pictures(6, 16, 12, 1), pictures(6, 1, 8, 8, 3, seed=1)
    found = scores(stimuli(seen), images(made, NAMES), metrics=["ssim", "pixcorr"]).compute()
    expected = [ssim(seen, made[:, 0]), pixcorr(seen, made[:, 0])]
    np.testing.assert_array_equal(found.score.values[:, :, 0], expected)


def test_the_seed_moves_interval_and_nothing_of_a_picture():
    seen = pictures(6, 8, 8, 1)
    one, other = (
        scores(stimuli(seen), images(blend(seen), NAMES), metrics=["pixcorr"], seed=seed).compute()
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(one.score.values, other.score.values)
    assert (one.low.values, one.high.values) != (other.low.values, other.high.values)


@pytest.mark.parametrize(
    ("size", "metric"), [((10, 30), "ssim"), ((30, 10), "ssim"), ((10, 30), "ssim-columns")]
)
def test_pictures_too_small_for_a_metric_are_refused_before_anything_is_computed(size, metric):
    seen, made = pictures(6, *size, 1), pictures(6, 1, 30, 30, 1)  # large made ones do not help
    with pytest.raises(ShapeError, match="at least 11 a side"):
        scores(stimuli(seen), images(made, NAMES), metrics=["pixcorr", metric])


def test_the_seen_pictures_size_decides():
    seen, small = pictures(6, 11, 11, 1), pictures(6, 1, 4, 4, 1)
    assert np.isfinite(scores(stimuli(seen), images(small, NAMES), metrics=["ssim"]).compute().score).all()
    narrow = pictures(6, 11, 4, 1)
    asked = ["pixcorr", "ssim-columns", "two-way-pixels"]
    assert np.isfinite(scores(stimuli(narrow), images(small, NAMES), metrics=asked).compute().score).all()


def test_one_picture_and_unseen_pictures_are_refused():
    seen = pictures(6, 8, 8, 1)
    with pytest.raises(ShapeError, match="1 test picture found"):
        scores(stimuli(seen), images(seen[:1, None], ["a"]), metrics=["pixcorr"])
    with pytest.raises(ShapeError, match="picture z was made but is not among the stimuli"):
        scores(stimuli(seen), images(seen[:2, None], ["a", "z"]), metrics=["pixcorr"])
