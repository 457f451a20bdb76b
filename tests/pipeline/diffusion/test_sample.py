"""Painting: samplers by their formulas, noise that belongs to a picture, batches that change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.diffusion.process import PROCESSES, Process
from pipeline.diffusion.sample import Manner, paint
from pipeline.models.batches import in_batches
from pipeline.models.networks import build
from pipeline.models.noise import draw, generators
from tests.networks import some_way_on

SHAPE = (3, 8, 8)
SAMPLERS = ("ddpm", "ddim", "plms")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return some_way_on(build("conditional-ddpm", {"size": 8, "width": 5}).eval())


def told(count, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(count, 5)), dtype=torch.float32)


def levels(pictures):
    return ((pictures.clamp(-1, 1) + 1) * 127.5).numpy()


def test_noise_is_its_seed_s_alone():
    alone = draw(generators([7]), SHAPE)
    among = draw(generators([3, 7, 9]), SHAPE)
    torch.testing.assert_close(among[1], alone[0], rtol=0, atol=0)
    assert not torch.equal(among[0], among[2])
    assert abs(draw(generators(range(400)), SHAPE).std() - 1) < 0.01


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_picture_does_not_depend_on_its_company(network, sampler, guidance):
    manner, process = Manner(sampler, 6, guidance), PROCESSES["conditional-ddpm"]
    seeds, condition = list(range(8)), told(8)
    together = paint(network, process, manner, condition, seeds, SHAPE)
    backwards = paint(network, process, manner, condition.flip(0), seeds[::-1], SHAPE).flip(0)
    torch.testing.assert_close(backwards, together, rtol=0, atol=0)  # of equal batch shape: identical
    for size in (1, 3):
        parts = [
            paint(network, process, manner, condition[at : at + size], seeds[at : at + size], SHAPE)
            for at in range(0, 8, size)
        ]
        torch.testing.assert_close(torch.cat(parts), together, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_who_knows_the_picture_paints_it(sampler, name):
    """With a network that is always right, every sampler ends at the picture."""
    process, clean = PROCESSES[name], torch.linspace(-0.9, 0.9, 192).reshape(1, *SHAPE)

    def right(noisy, time, _condition):
        kept = process.scheduler("ddpm", 1000).alphas_cumprod[time].reshape(-1, 1, 1, 1)
        return (
            clean.expand_as(noisy)
            if process.prediction == "sample"
            else (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()
        )

    made = paint(right, process, Manner(sampler, 50), None, [1, 2], SHAPE)
    np.testing.assert_allclose(made.numpy(), clean.expand(2, *SHAPE).numpy(), atol=0.05)


def test_ddpm_steps_are_those_of_the_published_formula():
    """x = (x - (1 - a) / sqrt(1 - abar) eps) / sqrt(a) + sqrt(beta) z, nothing clipped."""
    process = PROCESSES["voxel-ddpm"]
    beta = torch.linspace(1e-4, 0.02, 1000)
    a, abar = 1 - beta, torch.cumprod(1 - beta, 0)
    np.testing.assert_allclose(abar[[0, 499, 999]], [0.9999, 0.0785872, 4.03583e-5], rtol=1e-4)
    scheduler = process.scheduler("ddpm", 1000)
    source, shadow = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    x = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    for t in (999, 500, 20, 1):
        eps = torch.sin(3 * x)
        found = scheduler.step(eps, t, x, generator=source).prev_sample
        z = torch.randn(x.shape, generator=shadow)
        expected = (x - (1 - a[t]) / (1 - abar[t]).sqrt() * eps) / a[t].sqrt() + beta[t].sqrt() * z
        torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-4)


def test_ddim_steps_are_those_of_the_formula():
    process = Process("linear", "epsilon", clip=False)
    abar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)
    scheduler = process.scheduler("ddim", 10)
    times = scheduler.timesteps.tolist()
    assert times[0] == 999
    x = torch.randn(1, *SHAPE)
    eps = torch.cos(x)
    t, before = times[3], times[4]
    clean = (x - (1 - abar[t]).sqrt() * eps) / abar[t].sqrt()
    expected = abar[before].sqrt() * clean + (1 - abar[before]).sqrt() * eps
    torch.testing.assert_close(scheduler.step(eps, t, x).prev_sample, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
def test_targets_lead_back_to_the_clean_picture(prediction):
    process = Process("squaredcos_cap_v2", prediction)
    clean, noise, time = torch.randn(4, *SHAPE), torch.randn(4, *SHAPE), torch.tensor([0, 300, 600, 900])
    noisy, target = process.noisy(clean, noise, time), process.target(clean, noise, time)
    kept = process.scheduler("ddpm", 10).alphas_cumprod[time].reshape(-1, 1, 1, 1)
    back = {
        "sample": target,
        "epsilon": (noisy - (1 - kept).sqrt() * target) / kept.sqrt(),
        "v_prediction": kept.sqrt() * noisy - (1 - kept).sqrt() * target,
    }[prediction]
    torch.testing.assert_close(back, clean, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_strength_says_how_much_of_a_start_is_painted_over(network, sampler):
    process, seeds, condition = PROCESSES["conditional-ddpm"], [0, 1, 2], told(3)
    start = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(5)) * 2 - 1

    def painted(strength, begun=start):
        manner = Manner(sampler, 20, strength=strength)
        return paint(network, process, manner, condition, seeds, SHAPE, begun)

    torch.testing.assert_close(painted(0.0), start, rtol=0, atol=0)
    torch.testing.assert_close(painted(1.0), painted(1.0, None), rtol=0, atol=0)
    half = painted(0.5)
    assert torch.isfinite(half).all()
    assert not torch.equal(half, painted(1.0))
    torch.testing.assert_close(half, painted(0.5), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [("ddim", [299, 199, 99]), ("ddpm", [200, 100, 0]), ("plms", [200, 100, 100, 0])],
)
def test_a_start_is_noised_to_the_step_that_comes_first(sampler, expected):
    seen = []

    def network(noisy, time, _condition):
        seen.append((time[0].item(), noisy.clone()))
        return torch.zeros_like(noisy)

    process, start = Process("linear", "sample", clip=False), torch.full((1, *SHAPE), 0.3)
    paint(network, process, Manner(sampler, 10, strength=0.3), told(1), [4], SHAPE, start)
    assert [time for time, _ in seen] == expected
    time = torch.tensor(expected[:1])
    torch.testing.assert_close(seen[0][1], process.noisy(start, draw(generators([4]), SHAPE), time))


@pytest.mark.parametrize(("steps", "strength", "taken"), [(50, 0.75, 37), (100, 0.29, 29), (25, 0.0, 0)])
def test_steps_taken_are_rounded_down(steps, strength, taken):
    assert Manner("ddim", steps, strength=strength).taken == taken


def test_pictures_weigh_as_their_signal_up_to_the_most():
    time = torch.tensor([1, 300, 500, 999])
    kept = torch.cos((time + 1) / 1000 / 1.008 * torch.pi / 2 + 0.008 / 1.008 * torch.pi / 2) ** 2  # Nichol
    expected = 1 + kept / (1 - kept)  # and Dhariwal (2021), their schedule of cosines
    found = Process("squaredcos_cap_v2", "sample", most=5.0).weight(time)
    torch.testing.assert_close(found, expected.clamp(max=5), rtol=2e-3, atol=0)
    assert found[0] == 5
    assert (Process("linear").weight(time) == 1).all()


def test_guidance_goes_beyond_the_condition():
    def network(noisy, _time, condition):
        return torch.full_like(noisy, 0.2 if condition is None else 0.3)

    process = Process("linear", "sample", clip=False)
    made = [
        paint(network, process, Manner("ddim", 3, guidance), told(1), [0], SHAPE).mean().item()
        for guidance in (1.0, 3.0)
    ]
    assert made == pytest.approx([0.3, 0.5], abs=1e-3)
    assert math.isfinite(made[0])


def test_pictures_of_two_batch_sizes_are_the_same_to_a_level(network):
    manner, process = Manner("ddim", 6), PROCESSES["conditional-ddpm"]
    seeds, condition = np.arange(5), told(5).numpy()

    def painted(told_, seeds_):
        return levels(paint(network, process, manner, torch.tensor(told_), seeds_.tolist(), SHAPE))

    one, other = (in_batches(painted, [condition, seeds], batch) for batch in (2, 4))
    np.testing.assert_allclose(one, other, atol=0.13)  # 1e-3 of the range, in levels


def test_pictures_are_noised_after_shapes_alone_were():
    process = PROCESSES["conditional-ddpm"]
    clean, time = torch.zeros(2, 3, 4, 4), torch.tensor([1, 900])
    expected = process.noisy(clean, torch.ones_like(clean), time)
    with torch.device("meta"):
        bare = torch.zeros(2, 3, 4, 4)
        process.noisy(bare, torch.ones_like(bare), torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(process.noisy(clean, torch.ones_like(clean), time), expected)
