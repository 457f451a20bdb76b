"""Mixtures of logistics by plain numpy: what a state says, what is drawn of it, and its mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from pipeline.models.logistics import EDGE, LogisticMixture, Mixture, as_levels
from pipeline.models.noise import draw_evenly, generators

COMPONENTS, SIDE = 4, 5
SEEDS = (11, 12)


@pytest.fixture
def module():
    torch.manual_seed(0)
    made = LogisticMixture(6, COMPONENTS).double()
    for one in made.parameters():
        torch.nn.init.normal_(one, std=0.7)
    return made


@pytest.fixture
def state():
    return np.random.default_rng(0).normal(size=(2, 6, SIDE, SIDE))


def told(module, state):
    """Return logits, and a list a colour of its means, scales and shares, each (..., component)."""
    w, b = (one.detach().numpy() for one in (module.out_conv.weight, module.out_conv.bias))
    channels = np.einsum("ncyx,oc->nyxo", state, w[:, :, 0, 0]) + b
    logits, *rest = np.split(channels, 10, axis=-1)
    colours = []
    for mean, log_scale, share in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        colours.append((mean, np.exp(np.maximum(log_scale, -7)), np.tanh(share)))
    return logits, colours


def pixels(reds, greens, blues, shares):
    red = np.clip(reds, -1, 1)
    green = np.clip(greens + shares[0] * red, -1, 1)
    blue = np.clip(blues + shares[1] * red + shares[2] * green, -1, 1)
    return np.stack([red, green, blue], axis=-1)


def test_the_mean_is_of_all_components(module, state):
    logits, colours = told(module, state)
    middles = pixels(*[mean for mean, _, _ in colours], [share for _, _, share in colours])
    expected = (softmax(logits, axis=-1)[..., None] * middles).sum(-2)
    with torch.no_grad():
        found = module(torch.tensor(state)).mean().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_sample_is_of_one_component_a_pixel(module, state):
    logits, colours = told(module, state)
    sources = generators(SEEDS)
    chance = draw_evenly(sources, (SIDE, SIDE, COMPONENTS), EDGE).numpy().astype(float)
    even = draw_evenly(sources, (SIDE, SIDE, 3), EDGE).numpy().astype(float)
    chosen = (logits - np.log(-np.log(chance))).argmax(-1)[..., None]
    assert len(np.unique(chosen)) == COMPONENTS
    drawn, shares = [], []
    for colour, parts in enumerate(colours):
        mean, scale, share = (np.take_along_axis(one, chosen, -1)[..., 0] for one in parts)
        u = even[..., colour]
        drawn.append(mean + scale * (np.log(u) - np.log(1 - u)))
        shares.append(share)
    with torch.no_grad():
        found = module(torch.tensor(state)).sample(generators(SEEDS)).numpy()
    np.testing.assert_allclose(found, pixels(*drawn, shares), atol=1e-9)
    assert 0 < (abs(found) == 1).mean() < 1  # some clipped, some not


def test_components_are_drawn_as_often_as_they_are_likely():
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(1, 100, 100, 3)
    means = torch.tensor([-0.9, 0.0, 0.9]).expand(1, 100, 100, 3, 3)
    mixture = Mixture(logits, means, torch.full_like(means, -7), torch.zeros_like(means))
    red = mixture.sample(generators([0]))[..., 0]
    often = torch.tensor([(red < -0.5).float().mean(), (red > 0.5).float().mean()])
    torch.testing.assert_close(often, torch.tensor([0.5, 0.2]), atol=0.015, rtol=0)  # three standard errors


def test_half_precision_is_told_in_float32(module, state):
    low = module.to(torch.bfloat16)(torch.tensor(state).to(torch.bfloat16))
    assert low.means.dtype == low.sample(generators(SEEDS)).dtype == torch.float32


def test_levels_are_rounded_down():
    brightness = torch.tensor([-1.5, -1, -1 + 0.99 / 127.5, -1 + 1.01 / 127.5, 0, 0.999, 1, 2])
    assert as_levels(brightness).tolist() == [0, 0, 0, 1, 127, 254, 255, 255]
