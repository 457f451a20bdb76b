"""Noise belongs to one picture: its neighbours in a batch do not change it."""

from __future__ import annotations

import torch

from pipeline.models.noise import draw, draw_evenly, generators


def test_a_picture_has_its_noise_in_any_batch():
    together, alone = generators([5, 6, 7]), generators([6])
    for _ in range(2):  # what is drawn later too
        assert torch.equal(draw(together, (2, 3))[1:2], draw(alone, (2, 3)))
        assert torch.equal(draw_evenly(together, (4,), 0.1)[1:2], draw_evenly(alone, (4,), 0.1))


def test_even_noise_keeps_from_its_edges():
    drawn = draw_evenly(generators([0]), (100_000,), 0.25)
    assert drawn.dtype == torch.float32
    assert 0.25 <= drawn.min() < 0.2501
    assert 0.7499 < drawn.max() <= 0.75
    assert abs(drawn.mean() - 0.5) < 0.002  # three standard errors
