"""IP-Adapter: equal to diffusers' own pipelines, told of the embedding, and the same in any company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.diffusion.adapters import IpAdapter
from pipeline.diffusion.generators import as_levels, from_levels
from pipeline.diffusion.guided import Described
from pipeline.errors import RecipeError, ShapeError
from pipeline.models.image_prompt import WIDTH
from pipeline.models.noise import draw, generators
from pipeline.models.stable_diffusion import BASES, TOKENS
from pipeline.models.weights import WeightsMissing
from tests.layouts import save_adapted

SIDE = 64


def small(**settings):
    return IpAdapter("random", **{"batch": 3, "size": SIDE, "steps": 4, "base": "sd15", **settings})


def embeddings(count=3, seed=0, width=WIDTH):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def pictures(count=3, side=SIDE):
    return np.random.default_rng(5).integers(0, 256, (count, side, side, 3), np.uint8)


def floats(generator, **given):
    untold, networks = generator._resident()
    return generator.painted(networks, untold, given)


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def saved(request, tmp_path_factory):
    root = tmp_path_factory.mktemp(request.param)
    return root, save_adapted(root, request.param), request.param


def pipeline_of(root, base, scale):
    """Diffusers' own pipeline, from the same folder by diffusers' own loaders."""
    import diffusers
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    from pipeline.models.parts import quiet

    model = root / BASES[base].model
    with quiet():
        parts = {
            "unet": diffusers.UNet2DConditionModel.from_pretrained(model / "unet"),
            "vae": diffusers.AutoencoderKL.from_pretrained(model / "vae"),
            "text_encoder": CLIPTextModel.from_pretrained(model / "text_encoder"),
            "tokenizer": None,
            "scheduler": diffusers.DDIMScheduler.from_pretrained(model / "scheduler"),
            "feature_extractor": None,
            "image_encoder": None,
        }
        if base == "sdxl":
            second = CLIPTextModelWithProjection.from_pretrained(model / "text_encoder_2")
            made = diffusers.StableDiffusionXLImg2ImgPipeline(
                **parts, text_encoder_2=second, tokenizer_2=None, add_watermarker=False
            )
        else:
            made = diffusers.StableDiffusionImg2ImgPipeline(
                **parts, safety_checker=None, requires_safety_checker=False
            )
        folder, _, name = {"sdxl": "sdxl_models/ip-adapter_sdxl_vit-h", "sd15": "models/ip-adapter_sd15"}[
            base
        ].partition("/")
        made.load_ip_adapter(
            str(root / "ip-adapter"),
            subfolder=folder,
            weight_name=f"{name}.safetensors",
            image_encoder_folder=None,
        )
        made.set_ip_adapter_scale(scale)
    made.set_progress_bar_config(disable=True)
    return made


@torch.no_grad()
def texts_of(made, base):
    """What its text encoders say of no text: the tokens, and the pooled embedding of SDXL."""
    padding = [(made.text_encoder, 49407), (made.text_encoder_2, 0)] if base == "sdxl" else []
    if not padding:
        said = made.text_encoder(torch.tensor([[49406] + [49407] * 76]))
        return {"prompt_embeds": said[0], "negative_prompt_embeds": said[0]}
    said = [
        encoder(torch.tensor([[49406, 49407] + [pad] * 75]), output_hidden_states=True)
        for encoder, pad in padding
    ]
    words = torch.cat([one.hidden_states[-2] for one in said], dim=-1)
    pooled = said[1].text_embeds
    return {
        "prompt_embeds": words,
        "negative_prompt_embeds": words,
        "pooled_prompt_embeds": pooled,
        "negative_pooled_prompt_embeds": pooled,
    }


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_pictures_are_those_of_diffusers_pipelines(saved, guidance):
    root, _, base = saved
    ours = IpAdapter(str(root), 2, SIDE, 6, guidance, 0.7, base=base, scale=0.8)
    told, start, seeds = embeddings(2), pictures(2), np.array([3, 8])
    found = floats(ours, image=told, start=start, seeds=seeds)
    with torch.inference_mode():
        sources = generators(seeds)
        draw(sources, (4, 8, 8))  # the noise comes first
        begun = ours._resident()[1].encode(from_levels(start), sources)

    theirs, expected = pipeline_of(root, base, 0.8), []
    text = texts_of(theirs, base)
    if guidance == 1:
        text = {name: one for name, one in text.items() if "negative" not in name}
    # One by one: given several embeddings, their pipelines hand all of them to each picture.
    for at, source in enumerate(generators(seeds)):
        image = torch.from_numpy(told)[at : at + 1, None]
        with torch.no_grad():
            latents = theirs(
                **text,
                ip_adapter_image_embeds=[image if guidance == 1 else torch.cat([0 * image, image])],
                image=begun[at : at + 1],
                strength=0.7,
                num_inference_steps=6,
                guidance_scale=guidance,
                generator=source,
                output_type="latent",
            ).images
            expected.append(theirs.vae.decode(latents / theirs.vae.config.scaling_factor).sample)
    torch.testing.assert_close(found, torch.cat(expected), rtol=1e-5, atol=1e-5)


def test_a_saved_folder_paints_what_was_saved(saved):
    root, random, _ = saved
    read = replace(random, weights=str(root), steps=3)
    told, seeds = {"image": embeddings()}, np.arange(3)
    apart = np.abs(read.paint(told, seeds).astype(int) - replace(random, steps=3).paint(told, seeds))
    assert apart.max() <= 1  # weights that lie elsewhere in memory may be rounded otherwise
    assert read.roles == random.roles
    assert read.memory() == replace(random, steps=3).memory()
    assert random.identity() == {"weights": "random"}
    inside = {"unet/config.json", "scheduler_config.json", "vae/diffusion_pytorch_model.safetensors"}
    assert inside <= set(read.identity())
    assert any(name.startswith("ip-adapter") for name in read.identity())


def test_without_a_start_it_walks_from_noise_by_the_formula_of_ddim():
    generator, told = small(guidance=3.0), embeddings(2)
    untold, networks = generator._resident()
    found = floats(generator, image=told, seeds=np.array([1, 2]))
    kept = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
    x = torch.stack([torch.randn(4, 8, 8, generator=one) for one in generators([1, 2])])
    with torch.no_grad():
        for time in (751, 501, 251, 1):
            says = [
                networks.unet(
                    x,
                    time,
                    encoder_hidden_states=untold["text"].reshape(1, TOKENS, -1).expand(2, -1, -1),
                    added_cond_kwargs={"image_embeds": [one[:, None]]},
                ).sample
                for one in (torch.zeros(2, WIDTH), torch.from_numpy(told))
            ]
            noise = says[0] + 3 * (says[1] - says[0])
            clean = (x - (1 - kept[time]).sqrt() * noise) / kept[time].sqrt()
            after = kept[max(time - 250, 0)]
            x = after.sqrt() * clean + (1 - after).sqrt() * noise
        expected = networks.autoencoder.decode(x / 0.18215).sample
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_embedding_is_used_as_much_as_the_scale_says():
    one, other, seeds = {"image": embeddings(seed=1)}, {"image": embeddings(seed=2)}, np.arange(3)

    def apart(scale):
        painter = small(scale=scale)
        return np.abs(painter.paint(one, seeds).astype(int) - painter.paint(other, seeds)).mean()

    assert apart(0.0) == 0
    assert 0.1 < apart(0.3) < apart(1.0)


def test_a_text_is_used_where_there_is_one():
    generator, seeds = small(), np.arange(2)
    width = generator.roles["text"]
    empty = generator._resident()[0]["text"].numpy()
    image = embeddings(2)
    without = generator.paint({"image": image}, seeds)
    of_nothing = generator.paint({"image": image, "text": empty.repeat(2, 0)}, seeds)
    np.testing.assert_array_equal(of_nothing, without)
    of_something = generator.paint({"image": image, "text": embeddings(2, 3, width)}, seeds)
    assert (of_something != without).mean() > 0.5


def test_a_picture_depends_on_its_seed_alone():
    told, start, seeds = embeddings(5), pictures(5, 20), np.arange(5) + 40
    together = small(batch=5).paint({"image": told}, seeds, start).astype(int)
    backwards = small(batch=5).paint({"image": told[::-1].copy()}, seeds[::-1].copy(), start[::-1])[::-1]
    np.testing.assert_array_equal(backwards, together)
    for batch in (1, 2):
        assert np.abs(small(batch=batch).paint({"image": told}, seeds, start) - together).max() <= 1
    parts = [
        floats(
            small(batch=size),
            image=told[at : at + size],
            seeds=seeds[at : at + size],
        )
        for size in (1, 5)
        for at in range(0, 5, size)
    ]
    torch.testing.assert_close(torch.cat(parts[:5]), parts[5], rtol=1e-3, atol=1e-3)
    assert (small().paint({"image": told}, seeds + 1, start) != together).mean() > 0.5


def test_a_start_is_painted_over_as_far_as_strength_says():
    told, start, seeds = {"image": embeddings()}, pictures(), np.arange(3)
    untold, networks = small()._resident()
    del untold
    sources = generators(seeds)
    with torch.inference_mode():
        draw(sources, (4, 8, 8))  # the noise comes first
        kept = as_levels(networks.decode(networks.encode(from_levels(start), sources)))
    np.testing.assert_array_equal(small(strength=0.0).paint(told, seeds, start), kept)
    alone = small().paint(told, seeds)
    np.testing.assert_array_equal(small(strength=1.0).paint(told, seeds, start), alone)

    def apart(strength):
        return np.abs(small(strength=strength, steps=20).paint(told, seeds, start) - kept.astype(int)).mean()

    assert 0 < apart(0.05) < apart(0.5)


def test_a_start_may_be_grey_and_of_any_side():
    grey = np.repeat(pictures(3, 48)[..., :1], 3, axis=3)
    told, seeds = {"image": embeddings()}, np.arange(3)
    np.testing.assert_array_equal(small().paint(told, seeds, grey[..., :1]), small().paint(told, seeds, grey))


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "no features in the role 'image', which is needed; found: none"),
        ({"image": embeddings(width=7)}, r"role 'image' have shape \(3, 7\); expected \(picture, 1024\)"),
        ({"image": embeddings(), "vision": embeddings()}, "role 'vision' is none .* it takes image, text"),
        ({"image": embeddings(), "text": embeddings()}, r"'text' have shape \(3, 1024\); expected .*1232\)"),
    ],
)
def test_wrong_features_are_one_sentence(told, sentence):
    with pytest.raises(ShapeError, match=sentence):
        small().paint(told, np.arange(3))


def test_a_side_that_cannot_be_painted_is_refused():
    with pytest.raises(RecipeError, match=r"size = 60: ip-adapter on sd15.* side is a multiple of 8"):
        small(size=60)


def test_an_unknown_base_is_refused_with_what_is_near():
    with pytest.raises(RecipeError, match="'sd-15' is no base of ip-adapter; known are sdxl, sd15"):
        IpAdapter("random", base="sd-15")


def test_sides_are_those_the_bases_were_trained_on():
    assert (IpAdapter().size, IpAdapter(base="sd15").size) == (1024, 512)


@pytest.mark.parametrize(
    "missing", ["ip-adapter", "stable-diffusion-1-5/unet", "stable-diffusion-1-5/scheduler"]
)
def test_a_missing_part_is_told(tmp_path, missing):
    import shutil

    save_adapted(tmp_path)
    shutil.rmtree(tmp_path / missing)
    with pytest.raises(WeightsMissing, match=missing.partition("/")[0]):
        replace(small(), weights=str(tmp_path)).identity()


def test_threads_that_paint_at_once_do_not_disturb_each_other():
    from concurrent.futures import ThreadPoolExecutor

    seeds = np.arange(3)
    ways = [small(guidance=1.0), small(guidance=4.0), small(steps=7), small(scale=0.2)]
    told = [{"image": embeddings(seed=at)} for at in range(len(ways))]
    alone = [one.paint(image, seeds) for one, image in zip(ways, told, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            together = pool.map(lambda one, image: one.paint(image, seeds), ways, told)
            for found, expected in zip(together, alone, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_nothing_is_said_while_it_loads_and_paints(saved, capfd):
    root, _, base = saved
    told = {"image": embeddings(1)}
    IpAdapter(str(root), 1, SIDE, 2, base=base, scale=0.123).paint(told, np.arange(1))
    assert capfd.readouterr() == ("", "")


def test_the_published_noise_is_read_and_latents_are_not_clipped():
    said = {"beta_schedule": "linear", "prediction_type": "v_prediction", "interpolation_type": "x"}
    made = Described(said=said).scheduler("ddim", 5)
    assert (made.config.prediction_type, made.config.clip_sample) == ("v_prediction", False)
