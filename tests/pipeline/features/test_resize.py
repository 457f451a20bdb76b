"""Pictures of another size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ShapeError
from pipeline.features.resize import coloured, resize

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (3, 12, 10, 3), np.uint8)


def test_the_same_size_is_left_alone(pictures: NDArray[np.uint8]) -> None:
    assert resize(pictures, (12, 10)) is pictures


@pytest.mark.parametrize("size", [(6, 5), (24, 7), (1, 1)])
def test_colour_is_resized_as_pillow_does(pictures: NDArray[np.uint8], size: tuple[int, int]) -> None:
    made = resize(pictures, size)
    first = Image.fromarray(pictures[0]).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    assert made.dtype == np.uint8
    assert made.shape == (3, *size, 3)
    np.testing.assert_array_equal(made[0], np.asarray(first))


def test_grey_keeps_its_channel_and_equals_one_channel_of_colour(pictures: NDArray[np.uint8]) -> None:
    grey = resize(pictures[..., :1], (6, 5))
    assert grey.shape == (3, 6, 5, 1)
    np.testing.assert_array_equal(grey[..., 0], resize(pictures, (6, 5))[..., 0])


def test_an_even_picture_stays_even() -> None:
    even = np.full((1, 9, 9, 1), 77, np.uint8)
    assert (resize(even, (4, 13)) == 77).all()


def test_no_pictures_give_no_pictures() -> None:
    assert resize(np.zeros((0, 4, 4, 3), np.uint8), (2, 2)).shape == (0, 2, 2, 3)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 2), np.uint8), np.zeros((1, 4, 4, 3), np.float32)],
)
def test_what_is_no_picture_is_refused(wrong: NDArray[Any]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(image, y, x, channel\) uint8"):
        resize(wrong, (2, 2))


def test_the_bilinear_filter_is_that_of_torchvision(pictures: NDArray[np.uint8]) -> None:
    from pipeline.models.vision_ops import prepare_torchvision

    prepare_torchvision()
    from torchvision.transforms import functional

    for size in ([5, 4], [20, 30]):
        expected = functional.resize(Image.fromarray(pictures[0]), size)
        np.testing.assert_array_equal(resize(pictures, (size[0], size[1]), "bilinear")[0], expected)


def test_grey_gets_colours(pictures: NDArray[np.uint8]) -> None:
    made = coloured(pictures[..., :1])
    np.testing.assert_array_equal(made, np.stack([pictures[..., 0]] * 3, axis=-1))
    assert coloured(pictures) is pictures
