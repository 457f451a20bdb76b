"""Pictures of any shape, order and brightness become (image, y, x, channel) uint8."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import Invalid
from storage.remote import Location
from storage.sources.arrays.pictures import ArraysPictures, open_pictures


def opened(folder, train, test, image_shape=None, order="C") -> ArraysPictures:
    np.save(folder / "train.npy", train)
    np.save(folder / "test.npy", test)
    return open_pictures(Location.of(folder), ("train", "test"), image_shape, order)


def read(pictures: ArraysPictures) -> np.ndarray:
    return pictures.read(0, pictures.shape[0])


@given(
    counts=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    channel=st.sampled_from([None, 1, 3]),
    order=st.sampled_from(["C", "F", None]),
    seed=st.integers(0, 99),
)
def test_every_shape_and_order_gives_back_the_pictures(tmp_path_factory, counts, size, channel, order, seed):
    shape = size if channel is None else (*size, channel)
    rng = np.random.default_rng(seed)
    train, test = (rng.integers(0, 256, (count, *shape), np.uint8) for count in counts)
    wanted = np.concatenate([train, test]).reshape(sum(counts), *size, channel or 1)
    if order is not None:
        train, test = (np.stack([one.flatten(order=order) for one in part]) for part in (train, test))
    folder = tmp_path_factory.mktemp("pictures")
    found = opened(folder, train, test, shape if order else None, order or "C")
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(read(found), wanted)


def test_matlabs_order_is_the_transpose(tmp_path):
    rows = np.arange(12, dtype=np.uint8).reshape(2, 6)
    found = read(opened(tmp_path, rows, rows, (2, 3), "F"))
    np.testing.assert_array_equal(found[1, ..., 0], rows[1].reshape(3, 2).T)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_up_to_one_are_scaled(tmp_path, dtype):
    train, test = np.array([[[0, 0.5]]], dtype), np.array([[[0.1, 1]]], dtype)
    assert read(opened(tmp_path, train, test)).ravel().tolist() == [0, 128, 25 if dtype == "f2" else 26, 255]


def test_the_scale_is_one_for_both_sets(tmp_path):
    dark, light = np.array([[[0.0, 1.0]]]), np.array([[[0.6, 200.4]]])
    assert read(opened(tmp_path, dark, light)).ravel().tolist() == [0, 1, 1, 200]
    assert read(opened(tmp_path, light, dark)).ravel().tolist() == [1, 200, 0, 1]


def test_true_is_white(tmp_path):
    black_and_white = np.array([[[False, True]]])
    assert read(opened(tmp_path, black_and_white, black_and_white)).ravel().tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize("dtype", ["u2", "i2", "i4", "i8"])
def test_whole_numbers_up_to_255_are_kept(tmp_path, dtype):
    numbers = np.array([[[0, 1, 255]]], dtype)
    assert read(opened(tmp_path, numbers, numbers.astype(np.uint8))).ravel().tolist() == [0, 1, 255] * 2


GOOD = np.zeros((2, 4, 4))


@pytest.mark.parametrize(
    ("train", "test", "image_shape", "said"),
    [
        (GOOD - 0.1, GOOD, None, "brightness from -0.1 to -0.1, expected 0 to 1"),
        (GOOD + 256, GOOD, None, "brightness from 256 to 256"),
        (GOOD, GOOD * np.nan, None, "'test' of .* holds brightness from nan"),
        (GOOD.astype(int) - 1, GOOD.astype(int), None, "brightness from -1 to -1"),
        (GOOD, GOOD.astype(np.uint8), None, "differ in kind"),
        (GOOD.astype(complex), GOOD, None, "complex numbers"),
        (GOOD.astype(str), GOOD, None, "text"),
        (np.zeros((2, 4, 4, 2)), GOOD, None, r"\(2, 4, 4, 2\), expected \(image, y, x\)"),
        (np.zeros((2, 3, 4, 4)), GOOD, None, "1 or 3 channels"),
        (np.zeros((2, 4, 4, 3)), GOOD, None, r"are 4 x 4 x 3, those of 'test' 4 x 4 x 1"),
        (np.zeros((2, 2, 4, 4, 3)), GOOD, None, "move its axes"),
        (np.zeros(2), GOOD, None, r"has shape \(2,\)"),
        (np.float64(1), GOOD, None, r"has shape \(\)"),
        (np.zeros((2, 16)), GOOD, None, r"say image_shape = \[y, x\]"),
        (np.zeros((2, 15)), GOOD, (4, 4), r"expected \(image, 16\) for image_shape 4 x 4"),
        (np.zeros((2, 16)), GOOD, (16,), "image_shape is .16., expected"),
        (np.zeros((2, 16)), GOOD, (2, 2, 4), "image_shape is .2, 2, 4., expected"),
        (np.zeros((2, 4, 4)), GOOD, (2, 8), "image_shape says 2 x 8"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, train, test, image_shape, said):
    with pytest.raises(Invalid, match=said) as caught:
        opened(tmp_path, train, test, image_shape)
    assert "\n" not in str(caught.value)


def test_no_picture_at_all_is_refused(tmp_path):
    with pytest.raises(Invalid, match="train"):
        opened(tmp_path, GOOD[:0], GOOD)
