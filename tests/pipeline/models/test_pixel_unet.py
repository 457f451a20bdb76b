"""The blocks of the published UNet, each beside plain numpy on a small picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from scipy.special import erf, expit, softmax

from pipeline.models.pixel_unet import DoubleConv, Down, Embedded, SelfAttention, Up


def made(module, seed=0):
    """Return a block in float64 with weights that are nowhere 0 or 1, and these by name in numpy."""
    torch.manual_seed(seed)
    module = module.double().eval()
    for one in module.parameters():
        torch.nn.init.normal_(one, std=0.3)
    return module, {name: one.detach().numpy() for name, one in module.named_parameters()}


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def convolved(x, weight):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.stack([[correlate(one, kernel, "valid")[0] for kernel in weight] for one in padded])


def even(x, scale, shift, axes):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * scale + shift


def grouped(x, w, name):
    return even(x, w[f"{name}.weight"][:, None, None], w[f"{name}.bias"][:, None, None], (1, 2, 3))


def double(x, w, name="", residual=False):
    y = gelu(grouped(convolved(x, w[f"{name}layers.0.weight"]), w, f"{name}layers.1"))
    y = grouped(convolved(y, w[f"{name}layers.3.weight"]), w, f"{name}layers.4")
    return gelu(x + y) if residual else y


def shifted(x, t, w, name):
    return x + (t * expit(t) @ w[f"{name}layers.1.weight"].T + w[f"{name}layers.1.bias"])[:, :, None, None]


def doubled_size(x):
    """Return twice the size by linear interpolation with the corners kept."""
    side = x.shape[-1]
    at = np.linspace(0, side - 1, 2 * side)
    weight = np.maximum(0, 1 - abs(at[:, None] - np.arange(side)))
    return np.einsum("ij,ncjk,lk->ncil", weight, x, weight)


def same(module, expected, *given):
    with torch.no_grad():
        found = module(*map(torch.tensor, given)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.fixture
def picture():
    return np.random.default_rng(0).normal(size=(2, 4, 6, 6))


@pytest.fixture
def embedding():
    return np.random.default_rng(1).normal(size=(2, 256))


@pytest.mark.parametrize("residual", [False, True])
def test_a_pair_of_convolutions(picture, residual):
    module, w = made(DoubleConv(4, 4, 3, residual=residual))
    same(module, double(picture, w, residual=residual), picture)


def test_the_time_embedding_is_added_to_every_pixel(picture, embedding):
    module, w = made(Embedded(4))
    same(module, shifted(picture, embedding, w, ""), picture, embedding)


def test_a_way_down(picture, embedding):
    module, w = made(Down(4, 6))
    small = picture.reshape(2, 4, 3, 2, 3, 2).max(axis=(3, 5))
    y = double(double(small, w, "layers.1.", residual=True), w, "layers.2.")
    same(module, shifted(y, embedding, w, "embedded."), picture, embedding)


def test_a_way_up(picture, embedding):
    module, w = made(Up(6, 4))
    skip = np.random.default_rng(2).normal(size=(2, 2, 12, 12))
    joined = np.concatenate([skip, doubled_size(picture)], axis=1)
    y = double(double(joined, w, "layers.0.", residual=True), w, "layers.1.")
    same(module, shifted(y, embedding, w, "embedded."), picture, skip, embedding)


def test_attention_of_every_pixel_to_every_other():
    module, w = made(SelfAttention(8))
    x = np.random.default_rng(3).normal(size=(2, 8, 3, 3))
    pixels = x.reshape(2, 8, 9).transpose(0, 2, 1)
    told = even(pixels, w["norm.weight"], w["norm.bias"], (2,))
    told = told @ w["attention.in_proj_weight"].T + w["attention.in_proj_bias"]
    q, k, v = (part.reshape(2, 9, 4, 2) for part in np.split(told, 3, axis=2))
    weight = softmax(np.einsum("nqhd,nkhd->nhqk", q, k) / math.sqrt(2), axis=-1)
    mixed = np.einsum("nhqk,nkhd->nqhd", weight, v).reshape(2, 9, 8)
    pixels = pixels + mixed @ w["attention.out_proj.weight"].T + w["attention.out_proj.bias"]
    inner = even(pixels, w["after.0.weight"], w["after.0.bias"], (2,))
    inner = gelu(inner @ w["after.1.weight"].T + w["after.1.bias"])
    pixels = pixels + inner @ w["after.3.weight"].T + w["after.3.bias"]
    same(module, pixels.transpose(0, 2, 1).reshape(x.shape), x)


def test_attention_is_torch_s_own_layer():
    module, _ = made(SelfAttention(8))
    pixels = torch.randn(2, 9, 8, dtype=torch.float64)
    with torch.no_grad():
        expected = module.attention(pixels, pixels, pixels, need_weights=False)[0]
        torch.testing.assert_close(module._attended(pixels), expected)
