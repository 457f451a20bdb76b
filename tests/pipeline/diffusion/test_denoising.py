"""Pictures on their way out of noise: the sampler's own, from the first noise to what it paints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.diffusion.denoising import progression
from pipeline.diffusion.generators import as_levels
from pipeline.diffusion.process import PROCESSES
from pipeline.diffusion.sample import Manner, paint
from pipeline.models.noise import draw, generators

SHAPE = (1, 8, 8)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "plms"])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_it_leads_from_the_noise_to_the_picture(sampler, guidance):
    process, manner = PROCESSES["voxel-ddpm"], Manner(sampler, 20, guidance)
    clean = torch.linspace(-0.9, 0.9, 64).reshape(1, *SHAPE)

    def right(noisy, time, _told):
        kept = process.scheduler("ddpm", 1000).alphas_cumprod[time].reshape(-1, 1, 1, 1)
        return (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()

    seeds, told = [3, 4], torch.zeros(2, 1)
    found, times = progression(right, process, manner, told, seeds, SHAPE, 6)
    assert found.shape == (2, 6, 8, 8, 1)
    np.testing.assert_array_equal(found[:, -1], as_levels(paint(right, process, manner, told, seeds, SHAPE)))
    np.testing.assert_array_equal(found[:, 0], as_levels(draw(generators(seeds), SHAPE)))
    assert times[-1] == 0
    assert times == sorted(times, reverse=True)
    wrong = np.abs(found.astype(float) - as_levels(clean)[:, None]).mean(axis=(0, 2, 3, 4))
    assert (np.diff(wrong) < 0).all()  # nearer at every moment


def test_few_steps_show_as_many_moments_as_there_are():
    process = PROCESSES["conditional-ddpm"]
    found, times = progression(lambda noisy, *_: noisy, process, Manner("ddim", 2), None, [1], SHAPE)
    assert found.shape[1] == len(times) == 3
