"""Blocks and latents of a hierarchy: the notation, and the numbers that are known of the published one."""

from __future__ import annotations

import pytest

from pipeline.errors import ShapeError
from pipeline.models.hierarchy import IMAGENET64, RANDOM, Hierarchy, Step, steps

#: Where the 31 latents of Brain-Diffuser end.
ENDS = """
    16 32 288 544 800 1056 2080 3104 4128 5152 6176 7200 8224 9248 13344 17440 21536 25632 29728 33824 37920
    42016 46112 50208 54304 58400 62496 66592 70688 74784 91168
"""


def test_each_kind_of_block():
    expected = [Step(4), Step(4), Step(4, shrink=2), Step(2, source=1)]
    assert steps("4x2,4d2,2m1") == tuple(expected)


@pytest.mark.parametrize("text", ["", "4x", "4x2,", "x2", "4 x2", "4u2", "4x2x1"])
def test_another_notation_is_told(text):
    with pytest.raises(ValueError, match="is no block; expected one like 64x11, 64d2 or 4m1"):
        steps(text)


def test_the_latents_of_brain_diffuser():
    assert IMAGENET64.ends[:31] == [int(end) for end in ENDS.split()]
    assert IMAGENET64.latents[29:31] == [(16, 16, 16), (16, 32, 32)]
    assert [IMAGENET64.columns(layers) for layers in (10, 31, 75)] == [5_152, 91_168, 1_451_040]
    assert (len(IMAGENET64.ends), len(steps(IMAGENET64.encoder))) == (75, 65)
    assert (IMAGENET64.size, IMAGENET64.width, IMAGENET64.middle) == (64, 512, 128)


def test_the_random_one_has_the_latents_of_the_published_one():
    assert RANDOM.ends == IMAGENET64.ends


def test_columns_tell_their_layers():
    assert [IMAGENET64.layers(end) for end in IMAGENET64.ends] == list(range(1, 76))
    assert IMAGENET64.layers(0) == 0


@pytest.mark.parametrize("layers", [0, 76, -1])
def test_layers_that_are_not_there(layers):
    with pytest.raises(ShapeError, match=rf"{layers} layers of latents .* has 75: take 1 to 75"):
        IMAGENET64.columns(layers)


def test_columns_that_end_inside_a_latent():
    with pytest.raises(ShapeError, match=r"91000 numbers .* the nearest that are have 91168 \(31 layers\)"):
        IMAGENET64.layers(91_000)


def test_widths_other_than_the_published():
    small = Hierarchy("4d4,1x1", "1x1,4m1", width=8, channels=3)
    assert (small.size, small.middle, small.ends) == (4, 2, [3, 51])
