"""Painting with Versatile Diffusion: by an independent loop, by its constants, and alone as in company."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from pipeline.diffusion import versatile
from pipeline.diffusion.conditioned import conditioned
from pipeline.diffusion.dual_guidance import TOKENS, decoded, encoded, latent_shape
from pipeline.diffusion.process import LATENT
from pipeline.diffusion.versatile import VersatileDiffusion
from pipeline.errors import RecipeError, ShapeError
from pipeline.features.resize import resize
from pipeline.models import guides
from pipeline.models.batches import OutOfMemory
from pipeline.models.dual import DualUNet
from pipeline.models.guides import of_nothing
from pipeline.models.versatile import Versatile
from storage.remarks import remarks

COUNT, SIZE = 3, 64
GENERATOR = VersatileDiffusion("random", batch=2, size=SIZE, steps=6)
SEEDS = np.arange(COUNT) + 2**40


@pytest.fixture(scope="module")
def networks():
    return Versatile.of("random").load()


@pytest.fixture(scope="module")
def blank():
    return of_nothing("random")


@pytest.fixture
def told():
    random = np.random.default_rng(0)
    return {
        role: random.standard_normal((COUNT, width), np.float32) / 20
        for role, width in GENERATOR.roles.items()
    }


@pytest.fixture
def start():
    return np.random.default_rng(1).integers(0, 256, (COUNT, 16, 16, 3), np.uint8)


def first(count, *given):
    return [
        {role: one[:count] for role, one in each.items()} if isinstance(each, dict) else each[:count]
        for each in given
    ]


# ---------------------------------------------------------------------------------------------- constants


def test_the_schedule_is_the_published_one():
    scheduler = LATENT.scheduler("ddim", 50)
    assert scheduler.timesteps.tolist() == list(range(981, 0, -20))
    found = scheduler.alphas_cumprod[[0, 1, 21, 721, 741, 781, 801, 981]]
    expected = [0.99915, 0.998296, 0.980381, 0.070514, 0.060356, 0.043456, 0.036547, 0.005776]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert scheduler.final_alpha_cumprod == scheduler.alphas_cumprod[0]


def test_defaults_are_those_of_brain_diffuser():
    said = conditioned("versatile-diffusion")
    assert (said.steps, said.guidance, said.mixing, said.strength) == (50, 7.5, 0.4, 0.75)
    assert said.size == 512
    assert said.roles == {"text": 59_136, "vision": 197_376}


@pytest.mark.parametrize(("faithful", "level"), [(True, 741), (False, 721)])
def test_a_start_is_noised_as_far_as_is_said(monkeypatch, told, start, networks, faithful, level):
    """50 steps and a strength of 0.75 are 37 steps from 721 on; the original noises to the step before."""
    seen = []

    def watched(_self, noisy, time, *_further):
        seen.append((time.clone(), noisy.clone()))
        return torch.zeros_like(noisy)

    monkeypatch.setattr(DualUNet, "forward", watched)
    one = replace(GENERATOR, batch=1, steps=50, faithful=faithful)
    one.paint(*first(1, told, SEEDS, start))
    assert [int(time[0]) for time, _ in seen] == list(range(721, 0, -20))
    assert all(len(time) == 2 for time, _ in seen)  # both halves of the guidance
    source = torch.Generator().manual_seed(int(SEEDS[0]))
    noise = torch.randn(1, *latent_shape(networks.autoencoder, SIZE), generator=source)
    with torch.no_grad():
        clean = encoded(networks.autoencoder, resize(start[:1], (SIZE, SIZE)), [int(SEEDS[0])])
    kept = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)[level]
    expected = kept.sqrt() * clean + (1 - kept).sqrt() * noise
    for half in seen[0][1].chunk(2):
        torch.testing.assert_close(half, expected, rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------------------------------------- by hand


def by_hand(networks, blank, generator, told, seed, start=None):
    """Paint one picture as the paper says it, in float64 but for the networks; nothing of ours but those."""
    abar = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2, 0)
    times = [1 + at * (1000 // generator.steps) for at in range(generator.steps)]
    vae, source = networks.autoencoder, torch.Generator().manual_seed(int(seed))
    noise = torch.randn(1, 4, SIZE // 8, SIZE // 8, generator=source).double()
    x, taken = noise, generator.steps
    if start is not None:
        taken = int(generator.strength * generator.steps)
        picture = torch.tensor(resize(start[None], (SIZE, SIZE))).permute(0, 3, 1, 2).float() / 127.5 - 1
        mean, logvar = vae.quant_conv(vae.encoder(picture)).chunk(2, dim=1)
        place = torch.randn(mean.shape, generator=source)
        latent = ((mean + (0.5 * logvar).exp() * place) * 0.18215).double()
        level = abar[times[taken if generator.faithful else taken - 1]]
        x = level.sqrt() * latent + (1 - level).sqrt() * noise
    tokens = {role: torch.tensor(told[role]).reshape(1, TOKENS[role], -1) for role in told}
    for at in reversed(range(taken)):
        said = [
            networks.unet(
                x.float(), torch.tensor([times[at]]), each["text"], each["vision"], generator.mixing
            )
            for each in (blank, tokens)
        ]
        e = (said[0] + generator.guidance * (said[1] - said[0])).double()
        now, then = abar[times[at]], abar[times[at - 1] if at else 0]
        x = then.sqrt() * (x - (1 - now).sqrt() * e) / now.sqrt() + (1 - then).sqrt() * e
    return x.float()


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_it_paints_what_a_plain_loop_paints(monkeypatch, networks, blank, told, start, faithful, started):
    generator = replace(GENERATOR, faithful=faithful)
    met = []

    def watched(autoencoder, latents):
        met.append(latents)
        return decoded(autoencoder, latents)

    monkeypatch.setattr(versatile, "decoded", watched)
    made = generator.paint(told, SEEDS, start if started else None)
    latents = torch.cat(met)[:COUNT]
    for at in range(COUNT):
        mine = {role: one[at] for role, one in told.items()}
        with torch.no_grad():
            expected = by_hand(networks, blank, generator, mine, SEEDS[at], start[at] if started else None)
            picture = networks.autoencoder.decode(expected / 0.18215).sample[0].permute(1, 2, 0)
        scale = expected.abs().max()
        torch.testing.assert_close(latents[at : at + 1] / scale, expected / scale, rtol=0, atol=1e-5)
        levels = ((picture.clamp(-1, 1) + 1) * 127.5).round().numpy()
        assert np.abs(made[at] - levels).max() <= 1
        assert (made[at] != levels).mean() < 0.01
    assert made.std() > 10


# ------------------------------------------------------------------------------------------ alone, in company


def test_a_picture_does_not_depend_on_its_company(told, start):
    together = GENERATOR.paint(told, SEEDS, start)
    assert together.shape == (COUNT, SIZE, SIZE, 3)
    assert together.dtype == np.uint8
    assert len({one.tobytes() for one in together}) == COUNT
    order = np.array([2, 0, 1])
    turned = GENERATOR.paint({role: one[order] for role, one in told.items()}, SEEDS[order], start[order])
    np.testing.assert_array_equal(turned, together[order])  # of equal batch shape: identical
    for batch in (1, 3):
        other = replace(GENERATOR, batch=batch).paint(told, SEEDS, start)
        assert np.abs(other.astype(int) - together).max() <= 1  # 1e-3 of the range, then rounded
        assert (other != together).mean() < 0.02


def test_another_seed_is_another_picture(told):
    same = {role: np.repeat(one[:1], 3, axis=0) for role, one in told.items()}
    one, other, again = GENERATOR.paint(same, np.array([5, 6, 5]))
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.5


def test_a_start_that_is_not_painted_over_comes_back_from_the_autoencoder(networks, told, start):
    found = replace(GENERATOR, strength=0.0).paint(told, SEEDS, start)
    with torch.no_grad():
        latents = encoded(networks.autoencoder, resize(start, (SIZE, SIZE)), SEEDS.tolist())
        expected = (decoded(networks.autoencoder, latents).clamp(-1, 1) + 1) * 127.5
    assert np.abs(found - expected.permute(0, 2, 3, 1).numpy()).max() <= 1


def test_a_start_that_is_painted_over_wholly_is_none(told, start):
    whole = replace(GENERATOR, strength=1.0)
    np.testing.assert_array_equal(whole.paint(told, SEEDS, start), whole.paint(told, SEEDS))
    half = replace(GENERATOR, strength=0.5)
    assert (half.paint(told, SEEDS, start) != half.paint(told, SEEDS, 255 - start)).mean() > 0.5


def test_the_place_of_a_start_is_not_its_noise(networks, start):
    pictures, shape = resize(start, (SIZE, SIZE)), latent_shape(networks.autoencoder, SIZE)
    with torch.no_grad():
        possible = networks.autoencoder.encode(
            torch.tensor(pictures).permute(0, 3, 1, 2) / 127.5 - 1
        ).latent_dist
        latents = encoded(networks.autoencoder, pictures, SEEDS.tolist())
    place = ((latents / 0.18215 - possible.mean) / possible.std)[0]
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(int(SEEDS[0])))
    assert abs(torch.corrcoef(torch.stack([place.ravel(), noise.ravel()]))[0, 1]) < 0.3
    assert 0.8 < place.std() < 1.2


@pytest.mark.parametrize(("mixing", "role"), [(1.0, "text"), (0.0, "vision")])
def test_one_guide_is_enough_at_either_end(told, mixing, role):
    end = replace(GENERATOR, mixing=mixing)
    assert end.roles == GENERATOR.roles  # the other may be given, and is not heard
    alone = end.paint({role: told[role]}, SEEDS)
    np.testing.assert_array_equal(alone, end.paint(told, SEEDS))
    np.testing.assert_array_equal(
        alone, GENERATOR.paint({role: told[role]}, SEEDS)
    )  # given alone, it guides alone
    assert (alone != GENERATOR.paint(told, SEEDS)).mean() > 0.1


def test_without_guidance_the_networks_see_half_as_much(monkeypatch, told):
    plain, sizes = DualUNet.forward, []

    def watched(self, noisy, *given):
        sizes.append(len(noisy))
        return plain(self, noisy, *given)

    monkeypatch.setattr(DualUNet, "forward", watched)
    replace(GENERATOR, guidance=1.0, steps=2).paint(told, SEEDS)
    assert sizes == [2] * 4
    bare = replace(GENERATOR, guidance=1.0)
    near = replace(GENERATOR, guidance=1.0 + 1e-6).paint(told, SEEDS)
    assert np.abs(bare.paint(told, SEEDS).astype(int) - near).max() <= 1


# ---------------------------------------------------------------------------------------------- surroundings


def test_what_guidance_goes_away_from_is_computed_once(monkeypatch, told):
    calls = []

    def counted(weights):
        calls.append(weights)
        return of_nothing(weights)

    monkeypatch.setattr(guides, "of_nothing", counted)
    monkeypatch.setattr(import_module("cluster.resident"), "_shelf", None)  # as in a new worker
    for mixing in (0.4, 1.0, 0.7):
        replace(GENERATOR, steps=1, mixing=mixing).paint(told, SEEDS)
    assert calls == ["random"]


def test_a_full_memory_halves_the_batch_once(monkeypatch, told, start):
    expected = replace(GENERATOR, batch=2).paint(told, SEEDS, start)
    plain = DualUNet.forward

    def greedy(self, noisy, *given):
        if len(noisy) > 4:
            torch.empty(2**55)  # more than any machine has
        return plain(self, noisy, *given)

    monkeypatch.setattr(DualUNet, "forward", greedy)
    found = replace(GENERATOR, batch=4).paint(told, SEEDS, start)
    assert remarks.taken()[1] == 2
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(OutOfMemory, match="batch of 4"):
        replace(GENERATOR, batch=8).paint(told, SEEDS, start)


@pytest.mark.slow
def test_memory_grows_with_the_batch_and_what_it_is():
    models, layers = GENERATOR.memory()
    networks = Versatile.of("random").load()
    assert models == networks.nbytes
    assert replace(GENERATOR, batch=4).memory() == (models, 2 * layers)
    half = replace(GENERATOR, dtype="float16").memory()
    assert half == (models // 2, pytest.approx(layers / 2, rel=1e-3))
    assert replace(GENERATOR, size=128).memory()[1] > 2 * layers
    assert replace(GENERATOR, guidance=1.0).memory()[1] <= layers


def test_half_precision_paints_nearly_the_same(told, start):
    whole = GENERATOR.paint(told, SEEDS, start)
    half = replace(GENERATOR, dtype="bfloat16").paint(told, SEEDS, start)
    assert half.dtype == np.uint8
    correlation = np.corrcoef(whole.ravel(), half.ravel())[0, 1]
    assert correlation > 0.9


def test_random_weights_say_so():
    assert GENERATOR.identity() == {"weights": "random"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 100}, "size = 100: .* multiple of 64"),
        ({"mixing": 1.5}, "mixing = 1.5; expected"),
        ({"strength": -0.1}, "strength = -0.1; expected"),
    ],
)
def test_what_can_t_be_painted_is_refused(wrong, message):
    with pytest.raises(RecipeError, match=message):
        replace(GENERATOR, **wrong)


def test_wrong_conditions_are_told(told, start):
    wrong = [
        ({}, None, "is told nothing; expected text or vision"),
        ({"texts": told["text"]}, None, "takes no 'texts'; it takes text, vision; did you mean 'text'"),
        (
            {"text": told["text"][:, :-1]},
            None,
            r"text has shape \(3, 1231\); expected \(picture, 77 \* 16\)",
        ),
        (told, start[..., :1], r"start from have shape \(3, 16, 16, 1\)"),
    ]
    for conditions, begun, message in wrong:
        with pytest.raises(ShapeError, match=message):
            GENERATOR.paint(conditions, SEEDS, begun)
