"""Where weights are looked for, what is said where there are none, and what tells them apart."""

from __future__ import annotations

import hashlib
import json

import pytest

from pipeline.errors import RecipeError
from pipeline.models import weights
from pipeline.models.published import CATALOGUE, named
from pipeline.models.weights import WeightsMissing, identity, located, sha256

VDVAE = "imagenet64-iter-1600000-model-ema.th"


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    """Empty caches of this test alone."""
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


def put(path, content=b"numbers"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def part(folder, name="diffusion_pytorch_model.safetensors", content=b"numbers"):
    put(folder / "config.json", json.dumps({"_class_name": "X"}).encode())
    put(folder / name, content)
    return folder


def in_the_hub_cache(places, repository, commit, files, main=True):
    """Lay files out as huggingface_hub does: blobs called by their sha256, links to them in a snapshot."""
    place = places / "hub" / f"models--{repository.replace('/', '--')}"
    for path, content in files.items():
        blob = put(place / "blobs" / hashlib.sha256(content).hexdigest(), content)
        link = place / "snapshots" / commit / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    if main:
        put(place / "refs" / "main", commit.encode())
    return place / "snapshots" / commit


def test_each_model_says_what_needs_it():
    for model in CATALOGUE.values():
        assert model.features or model.generators, model.name
        assert model.licence
        assert model.parts
        assert model.on_the_hub or model.home.startswith("https://")
        assert len({one.name for one in model.parts}) == len(model.parts)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vdvea", "no weights are called 'vdvea'; there are vdvae, .*; did you mean 'vdvae'"),
        ("ip-adapter/sdx", "ip-adapter has no part 'sdx'; it has .*; did you mean 'ip-adapter/sdxl'"),
        ("vdvae/unet", "vdvae has no part 'unet'; it has none"),
    ],
)
def test_a_name_that_nothing_has(name, said):
    with pytest.raises(RecipeError, match=said):
        named(name)


@pytest.mark.parametrize("name", [*CATALOGUE, "stable-diffusion-1-5/vae", "ip-adapter/sdxl"])
def test_what_is_not_here_is_a_sentence_with_the_command(name):
    with pytest.raises(
        WeightsMissing, match=rf"weights of {name} are not on this machine; .*: vox2pix weights fetch {name}$"
    ):
        located(name, "published")


def test_a_file_of_our_own_folder(places):
    path = put(places / "ours" / "vdvae" / VDVAE)
    assert located("vdvae", "published") == path
    assert located("vdvae", str(places / "ours")) == path


def test_without_the_variable_our_folder_follows_xdg(monkeypatch, places):
    monkeypatch.delenv("VOX2PIX_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(places / "cache"))
    path = put(places / "cache" / "vox2pix" / "weights" / "vdvae" / VDVAE)
    assert located("vdvae", "published") == path


def test_a_repository_of_the_hub_cache(places):
    snapshot = in_the_hub_cache(
        places, CATALOGUE["clip-vit-l-14"].home, "c" * 40, {"open_clip_model.safetensors": b"clip"}
    )
    path = located("clip-vit-l-14", "published")
    assert path == snapshot / "open_clip_model.safetensors"
    assert identity(path) == {path.name: hashlib.sha256(b"clip").hexdigest()}


def test_main_comes_first_and_a_state_in_part_does_not_count(places):
    home = CATALOGUE["versatile-diffusion"].home
    whole = {
        f"{name}/{file}": name.encode()
        for name in ("image_unet", "text_unet", "vae")
        for file in ("config.json", "diffusion_pytorch_model.bin")
    }
    old = in_the_hub_cache(places, home, "a" * 40, whole)
    partial = {name: content + b"!" for name, content in whole.items() if name.startswith("vae")}
    new = in_the_hub_cache(places, home, "b" * 40, partial)
    assert located("versatile-diffusion", "published") == old
    assert located("versatile-diffusion/vae", "published") == new / "vae"
    in_the_hub_cache(places, home, "a" * 40, {})
    assert located("versatile-diffusion/vae", "published") == old / "vae"


def test_a_folder_with_a_description_alone_is_not_there(places):
    put(places / "ours" / "stable-diffusion-1-5" / "vae" / "config.json", b"{}")
    with pytest.raises(WeightsMissing, match="not on this machine"):
        located("stable-diffusion-1-5/vae", "published")


def test_a_path_may_be_the_folder_of_all_of_one_or_the_part_itself(places):
    vae = part(places / "all" / "stable-diffusion-1-5" / "vae")
    for path in (vae, vae.parent, vae.parent.parent):
        assert located("stable-diffusion-1-5/vae", str(path)) == vae
    for name in ("image_unet", "text_unet", "vae"):
        part(places / "vd" / name)
    assert located("versatile-diffusion", str(places / "vd")) == places / "vd"


def test_a_path_may_be_the_file_itself_or_one_converted(places):
    path = put(places / "mine.th")
    assert located("vdvae", str(path)) == path
    converted = put(places / "to" / "vdvae" / VDVAE).rename(
        (places / "to" / "vdvae" / VDVAE).with_suffix(".safetensors")
    )
    assert located("vdvae", str(places / "to")) == converted


def test_a_file_by_its_former_name_will_do(places):
    path = put(places / "ours" / "clip-vit-h-14" / "open_clip_pytorch_model.bin")
    assert located("clip-vit-h-14", "published") == path
    newer = put(path.with_name("open_clip_model.safetensors"))
    assert located("clip-vit-h-14", "published") == newer


def test_a_path_without_the_model_is_told(places):
    with pytest.raises(WeightsMissing, match=r"no .*nowhere, where the weights of vdvae should lie"):
        located("vdvae", str(places / "nowhere"))
    with pytest.raises(WeightsMissing, match=r"; did you mean 'random'\?"):
        located("vdvae", str(places / "randm"))
    part(places / "vd" / "vae")
    with pytest.raises(
        WeightsMissing,
        match=r"vd holds no model versatile-diffusion \(expected in it: image_unet, text_unet, vae\)",
    ):
        located("versatile-diffusion", str(places / "vd"))


def test_identity_names_the_weights_by_file(places):
    for name in ("image_unet", "text_unet", "vae"):
        part(places / "vd" / name, content=name.encode())
    part(places / "vd" / "text_encoder")
    found = identity(places / "vd", "versatile-diffusion")
    assert set(found) == {
        f"{name}/{file}"
        for name in ("image_unet", "text_unet", "vae")
        for file in ("config.json", "diffusion_pytorch_model.safetensors")
    }
    assert found["vae/diffusion_pytorch_model.safetensors"] == hashlib.sha256(b"vae").hexdigest()
    assert set(identity(places / "vd" / "vae")) == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert len(identity(places / "vd")) == 8


def test_full_precision_counts_where_there_are_several(places):
    folder = part(places / "unet")
    for other in ("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.non_ema.safetensors"):
        part(folder, other)
    part(folder, "diffusion_pytorch_model.bin")
    assert set(identity(folder)) == {"config.json", "diffusion_pytorch_model.safetensors"}


def test_a_file_is_hashed_once_and_again_when_it_changes(monkeypatch, places):
    path = put(places / "a.th", b"one")
    assert sha256(path) == hashlib.sha256(b"one").hexdigest()
    weights._sha256.cache_clear()  # as in another process
    with monkeypatch.context() as patched:
        patched.setattr(weights, "hashed", lambda _path: pytest.fail("read again"))
        assert sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"other")
    assert sha256(path) == hashlib.sha256(b"other").hexdigest()


def test_a_folder_that_takes_no_notes_is_no_obstacle(monkeypatch, places):
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(put(places / "file") / "below"))
    path = put(places / "a.th", b"two")
    assert sha256(path) == hashlib.sha256(b"two").hexdigest()
