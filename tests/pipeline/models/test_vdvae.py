"""The very deep VAE: published names and shapes, blocks by plain numpy, noise that is a picture's own."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from scipy.special import erf

from pipeline.bench.memory import Peak
from pipeline.errors import ShapeError
from pipeline.models.bottleneck import Block
from pipeline.models.hierarchy import IMAGENET64, PARAMETERS, RANDOM, Hierarchy, Step
from pipeline.models.layout import most_held
from pipeline.models.networks import WrongNetwork, fill, nbytes, parameters
from pipeline.models.noise import draw, generators
from pipeline.models.vdvae import VDVAE

ROOT = Path(__file__).parents[3]

#: Tensors of the network that the published code makes (openai/vdvae at ea35b49, set "imagenet64"), and the
#: sha256 of one line each, in order of their names: name, blank, extents with an x between, newline.
TENSORS = 2482
NAMES = "e52dc41e402ec262dc568daa66d9de94f9f1d0e478dfe193413aa03faf4890ec"
#: All kinds of blocks, and every side that a 1 x 1 convolution in the middle begins or ends at.
TINY = Hierarchy("8x1,8d2,4d2,2d2,1x2", "1x2,2m1,4m2,4x1,8m4,8x1", width=8, channels=3, components=2)
SEEDS = (21, 22, 23)


def some(module, seed=0):
    """Return a network in float64 with weights that are nowhere 0 or 1, and these by name in numpy."""
    torch.manual_seed(seed)
    module = module.double().eval().requires_grad_(requires_grad=False)
    for name, one in module.named_parameters():
        torch.nn.init.normal_(one, mean=float(name.endswith("gain")), std=0.3)
    return module, {name: one.numpy() for name, one in module.state_dict().items()}


@pytest.fixture
def network():
    return some(VDVAE(TINY))[0]


@pytest.fixture
def pictures():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8))


def digest(network):
    lines = [f"{name} {'x'.join(map(str, one.shape))}\n" for name, one in network.state_dict().items()]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def meta(hierarchy):
    with torch.device("meta"):
        return VDVAE(hierarchy)


def test_names_and_shapes_are_the_published_ones():
    network = meta(IMAGENET64)
    assert (len(network.state_dict()), parameters(network)) == (TENSORS, PARAMETERS)
    assert digest(network) == NAMES


def test_the_random_one_has_the_published_names():
    narrow = meta(RANDOM)
    assert list(narrow.state_dict()) == list(meta(IMAGENET64).state_dict())
    assert parameters(narrow) < 1_000_000


# ---------------------------------------------------------------------------------------- by plain numpy


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def convolved(x, w, name):
    weight, bias = w[f"{name}.weight"], w[f"{name}.bias"]
    edge = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    made = [[correlate(one, kernel, "valid")[0] for kernel in weight] for one in padded]
    return np.array(made) + bias[:, None, None]


def block(x, w, name="", residual=False, shrink=1):
    y = x
    for each in ("c1", "c2", "c3", "c4"):
        y = convolved(gelu(y), w, name + each)
    y = x + y if residual else y
    n, c, side, _ = y.shape
    return y.reshape(n, c, side // shrink, shrink, side // shrink, shrink).mean(axis=(3, 5))


def enlarged(x, factor):
    return x.repeat(factor, axis=2).repeat(factor, axis=3)


@pytest.mark.parametrize(
    ("side", "residual", "shrink"), [(4, False, 1), (4, True, 2), (2, True, 1), (1, True, 1), (3, True, 3)]
)
def test_a_block(side, residual, shrink):
    module, w = some(Block(6, 2, 6 if residual else 5, Step(side, shrink), residual=residual))
    assert module.c2.kernel_size == module.c3.kernel_size == ((3, 3) if side > 2 else (1, 1))
    x = np.random.default_rng(1).normal(size=(2, 6, side, side))
    np.testing.assert_allclose(module(torch.tensor(x)).numpy(), block(x, w, "", residual, shrink), atol=1e-9)


def encoded(pictures, w):
    """Return the last state of each side."""
    x = (pictures.astype(float) - 115.92961967) / 69.37404
    x, seen = convolved(x.transpose(0, 3, 1, 2), w, "encoder.in_conv"), {}
    for at, shrink in enumerate([1, 2, 2, 2, 1, 1]):
        x = block(x, w, f"encoder.enc_blocks.{at}.", residual=True, shrink=shrink)
        seen[x.shape[-1]] = x
    return seen


def decoded(w, choose):
    """Return latents, and what the output says, where `choose` makes latents of prior and state."""
    states = {side: np.repeat(w[f"decoder.bias_xs.{at}"], 3, 0) for at, side in enumerate([1, 2, 4, 8])}
    latents = []
    for at, (side, source) in enumerate([(1, 0), (1, 0), (2, 1), (4, 2), (4, 0), (8, 4), (8, 0)]):
        name = f"decoder.dec_blocks.{at}."
        x = states[side]
        if source:
            x = x + enlarged(states[source], side // source)
        prior = block(x, w, f"{name}prior.")
        latents.append(choose(at, name, prior[:, :3], prior[:, 3:6], x))
        x = x + prior[:, 6:] + convolved(latents[-1], w, f"{name}z_proj")
        states[side] = block(x, w, f"{name}resnet.", residual=True)
    out = states[8] * w["decoder.gain"] + w["decoder.bias"]
    return latents, convolved(out, w, "decoder.out_net.out_conv").transpose(0, 2, 3, 1)


def noises(layers, skipped=0):
    """Return the noise of each latent, drawn as the network is to draw it."""
    sources = generators(SEEDS)
    return [draw(sources, shape).numpy() for shape in TINY.latents[skipped:layers]]


def flat(latents):
    return np.concatenate([one.reshape(3, -1) for one in latents], axis=1)


@pytest.mark.parametrize("drawn", [False, True])
def test_latents(network, pictures, drawn):
    w = {name: one.numpy() for name, one in network.state_dict().items()}
    seen = encoded(pictures.numpy(), w)
    noise = noises(7) if drawn else [0] * 7

    def posterior(at, name, _mean, _log_std, x):
        told = block(np.concatenate([x, seen[x.shape[-1]]], axis=1), w, f"{name}enc.")
        return told[:, :3] + np.exp(told[:, 3:]) * noise[at]

    expected = flat(decoded(w, posterior)[0])
    found = network.encode(pictures, 7, generators(SEEDS) if drawn else None).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("temperature", [None, 0.5, 1])
@pytest.mark.parametrize("layers", [0, 3, 7])
def test_pictures_of_latents(network, layers, temperature):
    w = {name: one.numpy() for name, one in network.state_dict().items()}
    given = np.random.default_rng(2).normal(size=(3, ([0, *TINY.ends])[layers]))
    parts = np.split(given, TINY.ends[:layers], axis=1)
    noise = noises(7, layers) if temperature is not None else [0] * 7

    def chosen(at, _name, mean, log_std, _x):
        if at < layers:
            return parts[at].reshape(3, *TINY.latents[at])
        return mean + (temperature or 0) * np.exp(log_std) * noise[at - layers]

    expected = decoded(w, chosen)[1]
    told = () if temperature is None else (generators(SEEDS), temperature)
    found = network.decode(torch.tensor(given), *told)
    np.testing.assert_allclose(found.logits, expected[..., :2], atol=1e-8)
    np.testing.assert_allclose(found.means, expected[..., 2:].reshape(3, 8, 8, 3, 6)[..., :2], atol=1e-8)


# ------------------------------------------------------------------------------------- what follows of it


@pytest.mark.parametrize("layers", [1, 4, 7])
def test_no_block_runs_after_the_last_latent(network, pictures, layers):
    ran = []
    for at, each in enumerate(network.decoder.dec_blocks):
        for name in ("enc", "prior", "resnet"):
            tell = lambda *_, at=at, name=name: ran.append((at, name))  # noqa: E731
            each.get_submodule(name).register_forward_hook(tell)
    whole = network.encode(pictures, 7)
    ran.clear()
    first = network.encode(pictures, layers)
    assert torch.equal(first, whole[:, : TINY.columns(layers)])
    assert ran[-1] == (layers - 1, "enc")
    assert len(ran) == 3 * (layers - 1) + 1


def test_a_picture_is_the_same_in_any_batch(network, pictures):
    seeds = torch.tensor(SEEDS)
    latents = network.encode(pictures, 5, generators(seeds))
    made = network.decode(latents[:, : TINY.columns(3)], sources := generators(seeds)).sample(sources)
    for chosen in ([1], [2, 1]):
        own = network.encode(pictures[chosen], 5, generators(seeds[chosen]))
        torch.testing.assert_close(own, latents[chosen], rtol=0, atol=1e-9)
        alone = network.decode(own[:, : TINY.columns(3)], sources := generators(seeds[chosen]))
        torch.testing.assert_close(alone.sample(sources), made[chosen], rtol=0, atol=1e-6)
    assert not torch.allclose(latents[0], network.encode(pictures[:1], 5, generators([99]))[0])


def test_neighbours_share_no_generator(network, pictures):
    with pytest.raises(AssertionError, match="a generator of its own"):
        network.encode(pictures, 1, generators([1]))
    with pytest.raises(AssertionError, match="a generator of its own"):
        network.decode(torch.zeros(3, 0)).sample(generators([1]))


def test_half_precision_is_near(network, pictures):
    exact = network.encode(pictures, 3)
    found = network.bfloat16().encode(pictures, 3)
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() < 0.05 * exact.norm()


def test_no_temperature_is_the_mean(network):
    nothing = torch.zeros(3, 0)
    cold = network.decode(nothing, generators(SEEDS), temperature=0)
    torch.testing.assert_close(cold.means, network.decode(nothing).means)
    assert not torch.allclose(cold.means, network.decode(nothing, generators(SEEDS)).means)


def test_latents_from_a_file_take_the_network_s_precision(network):
    made = network.float().decode(torch.zeros(1, 3, dtype=torch.float64))
    assert made.means.dtype == torch.float32


@pytest.mark.parametrize("shape", [(3, 4, 4, 3), (3, 8, 8, 1), (3, 3, 8, 8)])
def test_pictures_of_another_size_are_told(network, shape):
    with pytest.raises(ShapeError, match=r"expected \(picture, 8, 8, 3\): resize them before"):
        network.encode(torch.zeros(shape))


def test_layers_that_do_not_fit_are_told(network, pictures):
    with pytest.raises(ShapeError, match="the network has 7: take 1 to 7"):
        network.encode(pictures, 8)
    with pytest.raises(ShapeError, match=r"rows of 5 numbers .* have 6 \(2 layers\)"):
        network.decode(torch.zeros(1, 5))


def test_weights_fit_by_name(network, pictures):
    weights = network.state_dict()
    filled = meta(TINY)
    fill(filled, weights, "a file")
    assert torch.equal(filled.encode(pictures, 7), network.encode(pictures, 7))
    with pytest.raises(WrongNetwork, match=r"decoder.gain has another shape"):
        fill(
            meta(Hierarchy(TINY.encoder, TINY.decoder, width=4)),
            {"decoder.gain": weights["decoder.gain"]},
            "x",
        )


# ---------------------------------------------------------------------------------------------- full size


@pytest.mark.slow
def test_the_published_size_stays_within_what_is_counted():
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = [sys.executable, __file__]
    done = subprocess.run(script, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    columns, weights, grown, told = map(int, done.stdout.split())
    assert columns == 91_168
    assert weights == 4 * PARAMETERS
    # convolutions take some while they run; all states of the encoder at once would be six times as much
    assert 0.5 * told < grown < 2 * told, (grown, told)


def _measured():
    """Print how wide 31 latents are, and bytes: of weights, what encoding takes, what is told of it."""
    torch.manual_seed(0)
    network = VDVAE().requires_grad_(requires_grad=False).eval()
    pictures = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    network.encode(pictures[:1], 1)  # what torch keeps for itself
    peak = Peak()
    latents = network.encode(pictures, 31, generators(range(4)))
    assert latents.isfinite().all()
    grown = peak.growth()
    sources = generators([0])
    assert network.decode(latents[:1], sources).sample(sources).abs().max() <= 1
    empty = meta(IMAGENET64).requires_grad_(requires_grad=False)
    told = most_held(lambda: empty.encode(pictures.to("meta"), 31, generators(range(4))), empty.parameters())
    print(latents.shape[1], nbytes(network), grown, told)  # noqa: T201


if __name__ == "__main__":
    _measured()
