"""Kandinsky 2.2: equal to diffusers' own pipeline, told of the embedding, and the same in any company."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.diffusion.generators import from_levels
from pipeline.diffusion.kandinsky import Kandinsky
from pipeline.errors import RecipeError, ShapeError
from pipeline.models.kandinsky import KandinskyDecoder
from pipeline.models.noise import generators
from pipeline.models.weights import WeightsMissing
from tests.layouts import save_kandinsky

SIDE = 64


def small(**settings):
    return Kandinsky("random", **{"batch": 3, "size": SIDE, "steps": 4, **settings})


def embeddings(count=3, seed=0, width=1280):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def pictures(count=3, side=SIDE):
    return np.random.default_rng(5).integers(0, 256, (count, side, side, 3), np.uint8)


class Undecoded(KandinskyDecoder):
    """Leaves latents as they are: this tiny autoencoder makes much of how they were rounded."""

    def decode(self, latents):
        return latents


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    root = tmp_path_factory.mktemp("kandinsky")
    return root, save_kandinsky(root)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_pictures_are_those_of_diffusers_pipelines(saved, guidance, strength):
    import diffusers
    from transformers import CLIPVisionModelWithProjection

    from pipeline.models.parts import quiet

    root, _ = saved
    model, told, start, seeds = root / "kandinsky-2-2", embeddings(2), pictures(2), np.array([3, 8])
    ours = Kandinsky(str(root), 2, SIDE, 6, guidance, strength)
    untold, networks = ours._resident()
    given = {"image": told, "seeds": seeds} | ({"start": start} if strength < 1 else {})
    found = ours.painted(Undecoded(networks.unet, networks.autoencoder), untold, given)
    kind = diffusers.KandinskyV22Img2ImgPipeline if strength < 1 else diffusers.KandinskyV22Pipeline
    with quiet(), torch.no_grad():
        theirs = kind(
            unet=diffusers.UNet2DConditionModel.from_pretrained(model / "unet"),
            movq=diffusers.VQModel.from_pretrained(model / "movq"),
            scheduler=diffusers.DDIMScheduler.from_pretrained(model / "scheduler"),
        )
        theirs.set_progress_bar_config(disable=True)
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            root / "kandinsky-2-2-prior" / "image_encoder"
        )
        nothing = encoder(torch.zeros(1, 3, 224, 224)).image_embeds
        further = {"image": (from_levels(start) + 1) / 2, "strength": strength} if strength < 1 else {}
        expected = theirs(
            image_embeds=torch.from_numpy(told),
            negative_image_embeds=nothing.expand(2, -1),
            height=SIDE,
            width=SIDE,
            num_inference_steps=6,
            guidance_scale=guidance,
            generator=generators(seeds),
            output_type="latent",
            **further,
        ).images
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        decoded = theirs.movq.decode(expected, force_not_quantize=True).sample
    torch.testing.assert_close(networks.decode(expected), decoded, rtol=1e-4, atol=1e-4)


def test_a_saved_folder_paints_what_was_saved(saved):
    root, random = saved
    read, made = replace(random, weights=str(root), steps=3), replace(random, steps=3)
    told, seeds = {"image": embeddings()}, np.arange(3)
    apart = np.abs(read.paint(told, seeds).astype(int) - made.paint(told, seeds))
    assert apart.max() <= 1  # weights that lie elsewhere in memory may be rounded otherwise
    assert read.roles == made.roles == {"image": 1280}
    assert read.memory() == made.memory()
    assert {"image_encoder/config.json", "movq/config.json", "scheduler_config.json"} <= set(read.identity())


def test_a_picture_depends_on_its_embedding_and_seed_alone():
    told, start, seeds = embeddings(5), pictures(5, 20), np.arange(5) + 40
    together = small(batch=5).paint({"image": told}, seeds, start).astype(int)
    backwards = small(batch=5).paint({"image": told[::-1].copy()}, seeds[::-1].copy(), start[::-1])[::-1]
    np.testing.assert_array_equal(backwards, together)
    for batch in (1, 2):
        assert np.abs(small(batch=batch).paint({"image": told}, seeds, start) - together).max() <= 1
    for other in (
        small().paint({"image": -told}, seeds, start),
        small().paint({"image": told}, seeds + 1, start),
    ):
        assert (other != together).mean() > 0.5


def test_wrong_shapes_are_one_sentence():
    with pytest.raises(ShapeError, match=r"'image' have shape \(3, 1024\); expected \(picture, 1280\)"):
        small().paint({"image": embeddings(width=1024)}, np.arange(3))
    with pytest.raises(RecipeError, match=r"size = 72: kandinsky-2-2 paints .* multiple of 64"):
        small(size=72)


@pytest.mark.parametrize("missing", ["kandinsky-2-2/movq", "kandinsky-2-2-prior/image_encoder"])
def test_a_missing_part_is_told(tmp_path, missing):
    save_kandinsky(tmp_path)
    shutil.rmtree(tmp_path / missing)
    with pytest.raises(WeightsMissing, match=missing.rpartition("/")[2]):
        replace(small(), weights=str(tmp_path)).identity()
