"""The networks are the published ones: their parameters, and what they compute, by another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from pipeline.models.networks import (
    WrongNetwork,
    build,
    fill,
    from_bytes,
    nbytes,
    parameters,
    skeleton,
    to_bytes,
)
from pipeline.models.pixel_unet import time_embedding
from tests.networks import some_way_on

F = torch.nn.functional


@pytest.mark.parametrize(
    ("name", "described", "count"),
    [
        ("voxel-ddpm", {"size": 64, "channels": 3}, 23_332_739),
        ("voxel-ddpm", {"size": 64, "channels": 3, "width": 900}, 23_332_739 + 256 * 901),
        ("basic-ae", {"width": 4660, "latent": (4, 16)}, 15_841_284),
    ],
)
def test_parameters_are_as_many_as_published(name, described, count):
    assert parameters(skeleton(name, described)) == count


def test_the_small_one_has_about_a_million():
    network = skeleton("conditional-ddpm", {"size": 32, "width": 100})
    assert 1.1e6 < parameters(network) - parameters(network.describe) < 1.3e6  # that grows with its features


def test_an_unknown_name_is_told():
    with pytest.raises(ValueError, match=r"'basic-ea'.*did you mean 'basic-ae'"):
        build("basic-ea", {})


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def test_the_encoder_computes_what_numpy_does():
    torch.manual_seed(0)
    network = build("basic-ae", {"width": 7, "latent": (2, 4)}).double()
    w = {name: one.numpy() for name, one in network.state_dict().items()}
    x = np.random.default_rng(0).normal(size=(3, 7))
    flat = x
    for at in (0, 2, 4):
        flat = gelu(flat @ w[f"layers.{at}.weight"].T + w[f"layers.{at}.bias"])
    small = flat.reshape(3, 16, 2, 2)
    made = np.zeros((3, 2, 6, 6))
    for y in range(2):
        for left in range(2):
            patch = np.einsum("ni,iokl->nokl", small[:, :, y, left], w["larger.weight"])
            made[:, :, 2 * y : 2 * y + 4, 2 * left : 2 * left + 4] += patch
    expected = made[:, :, 1:5, 1:5] + w["larger.bias"][:, None, None]
    np.testing.assert_allclose(network(torch.tensor(x)).detach().numpy(), expected, rtol=1e-10)


def test_the_time_embedding_is_that_of_its_formula():
    found = time_embedding(torch.tensor([0, 1, 999])).numpy()
    for row, t in zip(found, (0, 1, 999), strict=True):
        angles = [t * 10_000 ** (-2 * k / 256) for k in range(128)]
        expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
        np.testing.assert_allclose(row, expected, atol=2e-4)


class ByHand:
    """The published UNet written as functions of its weights."""

    def __init__(self, network):
        self.w = network.state_dict()

    def double(self, name, x, residual):
        y = F.conv2d(x, self.w[f"{name}.layers.0.weight"], padding=1)
        y = gelu_of(self.normal(f"{name}.layers.1", y))
        y = F.conv2d(y, self.w[f"{name}.layers.3.weight"], padding=1)
        y = self.normal(f"{name}.layers.4", y)
        return gelu_of(x + y) if residual else y

    def normal(self, name, x):
        """Group norm of one group: over channels and pixels."""
        flat = x.reshape(len(x), -1)
        even = (flat - flat.mean(1, keepdim=True)) / (flat.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        scale, shift = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        return even.reshape(x.shape) * scale[:, None, None] + shift[:, None, None]

    def shifted(self, name, x, t):
        return (
            x
            + (t * torch.sigmoid(t) @ self.w[f"{name}.layers.1.weight"].T + self.w[f"{name}.layers.1.bias"])[
                :, :, None, None
            ]
        )

    def attend(self, name, x):
        n, c, h, width = x.shape
        tokens = x.reshape(n, c, -1).permute(0, 2, 1)
        even = self.even(f"{name}.norm", tokens)
        projected = (
            even @ self.w[f"{name}.attention.in_proj_weight"].T + self.w[f"{name}.attention.in_proj_bias"]
        )
        q, k, v = (part.reshape(n, -1, 4, c // 4) for part in projected.split(c, dim=2))
        weight = torch.einsum("nqhd,nkhd->nhqk", q, k) / math.sqrt(c // 4)
        mixed = torch.einsum("nhqk,nkhd->nqhd", weight.softmax(-1), v).reshape(n, -1, c)
        out = f"{name}.attention.out_proj"
        tokens = tokens + mixed @ self.w[f"{out}.weight"].T + self.w[f"{out}.bias"]
        inner = self.even(f"{name}.after.0", tokens) @ self.w[f"{name}.after.1.weight"].T
        inner = gelu_of(inner + self.w[f"{name}.after.1.bias"])
        tokens = tokens + inner @ self.w[f"{name}.after.3.weight"].T + self.w[f"{name}.after.3.bias"]
        return tokens.permute(0, 2, 1).reshape(n, c, h, width)

    def even(self, name, x):
        even = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        return even * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def __call__(self, x, time, condition):
        t = (
            time_embedding(time, x.dtype)
            + condition @ self.w["condition.weight"].T
            + self.w["condition.bias"]
        )
        kept = [self.double("first", x, residual=False)]
        for at in range(3):
            y = F.max_pool2d(kept[-1], 2)
            y = self.double(f"down.{at}.layers.1", y, residual=True)
            y = self.double(f"down.{at}.layers.2", y, residual=False)
            kept.append(self.attend(f"down_attention.{at}", self.shifted(f"down.{at}.embedded", y, t)))
        y = kept.pop()
        for at in range(3):
            y = self.double(f"bottom.{at}", y, residual=False)
        for at in range(3):
            y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
            y = torch.cat([kept.pop(), y], dim=1)
            y = self.double(f"up.{at}.layers.0", y, residual=True)
            y = self.double(f"up.{at}.layers.1", y, residual=False)
            y = self.attend(f"up_attention.{at}", self.shifted(f"up.{at}.embedded", y, t))
        return (
            torch.einsum("ncyx,oc->noyx", y, self.w["last.weight"][:, :, 0, 0])
            + self.w["last.bias"][:, None, None]
        )


def gelu_of(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def test_the_published_unet_computes_what_its_description_says():
    torch.manual_seed(1)
    network = build("voxel-ddpm", {"size": 16, "channels": 3, "width": 5}).double().eval()
    noisy, time = torch.randn(2, 3, 16, 16).double(), torch.tensor([3, 700])
    voxels = torch.randn(2, 5).double()
    with torch.no_grad():
        torch.testing.assert_close(
            network(noisy, time, voxels), ByHand(network)(noisy, time, voxels), rtol=1e-8, atol=1e-8
        )


@pytest.mark.parametrize(("name", "size"), [("voxel-ddpm", 16), ("conditional-ddpm", 8)])
def test_dropping_the_condition_is_painting_without_one(name, size):
    torch.manual_seed(0)
    network = build(name, {"size": size, "channels": 1, "width": 6}).eval()
    if name == "conditional-ddpm":
        some_way_on(network)
    noisy, time, told = torch.randn(2, 1, size, size), torch.tensor([10, 900]), torch.randn(2, 6)
    with torch.no_grad():
        both, none = network(noisy, time, told), network(noisy, time, None)
        mixed = network(noisy, time, told, torch.tensor([True, False]))
    torch.testing.assert_close(mixed[0], none[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mixed[1], both[1], rtol=1e-5, atol=1e-5)
    assert (both - none).abs().max() > 1e-3


def test_the_small_one_standardises_what_it_is_told():
    torch.manual_seed(0)
    network = some_way_on(build("conditional-ddpm", {"size": 8, "width": 3}).eval())
    noisy, time, told = torch.randn(2, 3, 8, 8), torch.tensor([1, 2]), torch.randn(2, 3)
    with torch.no_grad():
        plain = network(noisy, time, told)
        network.mean.copy_(torch.tensor([5.0, -1.0, 0.0]))
        network.std.copy_(torch.tensor([2.0, 0.5, 3.0]))
        torch.testing.assert_close(
            network(noisy, time, told * network.std + network.mean), plain, rtol=1e-4, atol=1e-4
        )
        assert not torch.allclose(network(noisy, time, told), plain, atol=1e-2)


def test_the_small_one_adds_to_its_sketch():
    torch.manual_seed(0)
    network = some_way_on(build("conditional-ddpm", {"size": 8, "width": 3}).eval())
    network.spread.copy_(torch.tensor([0.5, 0.25]))
    noisy, time, told = torch.randn(2, 3, 8, 8), torch.tensor([1, 999]), torch.randn(2, 3)
    with torch.no_grad():
        plain = [network(noisy, time, one) for one in (told, None)]
        network.spread.mul_(2)
        twice = [network(noisy, time, one) for one in (told, None)]
    sketch = network.middle + (told @ network.into @ network.onto).view(2, 3, 8, 8)
    for one, other, base in zip(plain, twice, (sketch, network.middle), strict=True):
        torch.testing.assert_close(other - base, 2 * (one - base), rtol=1e-3, atol=1e-4)


def test_weights_survive_the_file_and_say_whose_they_are():
    torch.manual_seed(0)
    described = {"size": 8, "width": 3}
    network = build("conditional-ddpm", described)
    content = to_bytes(network.state_dict())
    again = skeleton("conditional-ddpm", described)
    fill(again, from_bytes(content), "here")
    for name, one in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], one, rtol=0, atol=0)
    assert nbytes(network) == sum(one.nbytes for one in network.state_dict().values())
    with pytest.raises(WrongNetwork, match=r"here holds another network's weights: mean has another shape"):
        fill(skeleton("conditional-ddpm", {"size": 8, "width": 4}), from_bytes(content), "here")
    with pytest.raises(WrongNetwork, match=r"layers\.0\.weight is not there"):
        fill(skeleton("basic-ae", {"width": 3}), from_bytes(content), "here")


def test_a_condition_is_learned_on_top_of_weights_without_one():
    torch.manual_seed(0)
    base = build("voxel-ddpm", {"size": 16})
    network = build("voxel-ddpm", {"size": 16, "width": 9})
    fill(network, base.state_dict(), "base", lacking="condition.")
    torch.testing.assert_close(network.first.layers[0].weight, base.first.layers[0].weight)
    with pytest.raises(WrongNetwork, match=r"condition\.weight is not there"):
        fill(build("voxel-ddpm", {"size": 16, "width": 9}), base.state_dict(), "base")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "described", "size"),
    [
        ("voxel-ddpm", {"size": 64, "channels": 3, "width": 900}, 64),
        ("conditional-ddpm", {"size": 32, "channels": 3, "width": 128}, 32),
    ],
)
def test_a_step_at_full_size(name, described, size):
    torch.manual_seed(0)
    network = build(name, described)
    clean, told = torch.randn(2, 3, size, size), torch.randn(2, described["width"])
    before = {key: one.clone() for key, one in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(3):  # of the small network, the last layer learns first, then those before it that are 0
        loss = (network(clean, torch.tensor([3, 500]), told) - clean).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert torch.isfinite(loss)
    moved = [key for key, one in network.named_parameters() if not torch.equal(one, before[key])]
    assert len(moved) > 0.95 * len(before)
