"""Files of the hub, from a small one on this machine."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.models.download import FetchFailed
from pipeline.models.fetching import fetch
from pipeline.models.hub import Offered, chosen
from pipeline.models.published import CATALOGUE, Part
from pipeline.models.sums import noted
from pipeline.models.weights import located, sha256

HOME = CATALOGUE["versatile-diffusion"].home
WEIGHTS = b"weights" * 1000
FILES = {
    "model_index.json": b"{}",
    **{f"{part}/config.json": part.encode() for part in ("image_unet", "text_unet", "vae", "text_encoder")},
    **{
        f"{part}/diffusion_pytorch_model.bin": WEIGHTS + part.encode()
        for part in ("image_unet", "text_unet", "vae")
    },
    "image_unet/diffusion_pytorch_model.fp16.bin": b"half",
    "vae/diffusion_pytorch_model.safetensors": WEIGHTS,
    "text_encoder/model.safetensors": WEIGHTS,
    "pretrained_pth/vd-four-flow-v1-0-fp16-deprecated.pth": WEIGHTS,
}


def none(_text):
    pass


@pytest.fixture
def hub(home, monkeypatch, tmp_path):
    """A hub with one repository, and an empty cache."""
    home.repositories[HOME] = dict(FILES)
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, home.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", home.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    return home


def test_what_is_needed_comes_into_the_cache_and_is_found_there(hub):
    told = []
    made = fetch("versatile-diffusion", None, told.append)
    assert set(made) == {
        f"{part}/{file}"
        for part, file in [
            *((part, "config.json") for part in ("image_unet", "text_unet", "vae")),
            ("image_unet", "diffusion_pytorch_model.bin"),
            ("text_unet", "diffusion_pytorch_model.bin"),
            ("vae", "diffusion_pytorch_model.safetensors"),
        ]
    }
    assert len(told) == 6
    folder = located("versatile-diffusion", "published")
    assert made["vae/config.json"] == folder / "vae" / "config.json"
    assert sha256(made["vae/diffusion_pytorch_model.safetensors"]) == hashlib.sha256(WEIGHTS).hexdigest()
    asked = len([one for one in hub.asked if one[0] == "GET" and "resolve" in one[1]])
    assert asked == 6
    fetch("versatile-diffusion", None, none)  # nothing is moved again
    assert len([one for one in hub.asked if one[0] == "GET" and "resolve" in one[1]]) == 6


def test_a_part_alone_into_a_folder_with_its_checksums(hub, tmp_path):
    fetch("versatile-diffusion/vae", tmp_path / "to", none)
    folder = located("versatile-diffusion/vae", str(tmp_path / "to"))
    assert folder == tmp_path / "to" / "versatile-diffusion" / "vae"
    assert noted(folder.parent) == {
        "vae/config.json": hashlib.sha256(b"vae").hexdigest(),
        "vae/diffusion_pytorch_model.safetensors": hashlib.sha256(WEIGHTS).hexdigest(),
    }


def test_what_is_not_what_the_hub_says_is_not_kept(hub, tmp_path):
    path = "vae/diffusion_pytorch_model.safetensors"
    hub.lies[f"{HOME}/resolve/main/{path}"] = WEIGHTS[::-1]
    with pytest.raises(
        FetchFailed, match=r"vae/diff.* of shi-labs/.* has sha256 .*, the hub says .*; nothing"
    ):
        fetch("versatile-diffusion/vae", None, none)
    assert not list((tmp_path / "hub").rglob("*.safetensors"))
    kept = [one.read_bytes() for one in (tmp_path / "hub").rglob("*") if one.is_file()]
    assert WEIGHTS[::-1] not in kept
    hub.lies.clear()
    fetch("versatile-diffusion/vae", None, none)


def test_what_is_cut_off_is_not_there(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _seconds: None)
    hub.cuts = [None, None, 100, 100, 100, 100, 100, 100, 100, 100]
    with pytest.raises(FetchFailed, match="can't be fetched from the hub"):
        fetch("versatile-diffusion/vae", None, none)
    with pytest.raises(FileNotFoundError, match="not on this machine"):
        located("versatile-diffusion/vae", "published")
    hub.cuts = []
    assert fetch("versatile-diffusion/vae", None, none)


def test_a_repository_or_a_part_that_is_gone(hub):
    for name in list(hub.repositories[HOME]):
        if name.startswith("vae/"):
            del hub.repositories[HOME][name]
    with pytest.raises(FetchFailed, match="vae is not in its repository any more; see where it has moved"):
        fetch("versatile-diffusion/vae", None, none)
    hub.repositories.clear()
    with pytest.raises(FetchFailed, match=r"there is no such repository, or it asks for a log-in; see where"):
        fetch("versatile-diffusion/vae", None, none)


def test_no_network(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        FetchFailed, match=r"can't be fetched from the hub: .*; see whether this machine has a"
    ):
        fetch("versatile-diffusion/vae", None, none)


def test_where_nothing_has_come_no_folder_is_left(hub, tmp_path):
    hub.lies[f"{HOME}/resolve/main/vae/config.json"] = b"of another length"
    with pytest.raises(FetchFailed, match="can't be fetched"):
        fetch("versatile-diffusion/vae", tmp_path / "deep" / "to", none)
    assert not (tmp_path / "deep").exists()
    mine = tmp_path / "to" / "versatile-diffusion" / "mine"
    mine.parent.mkdir(parents=True)
    mine.write_text("was here")
    with pytest.raises(FetchFailed, match="can't be fetched"):
        fetch("versatile-diffusion/vae", tmp_path / "to", none)
    assert mine.exists()


def test_what_has_come_stays_where_the_rest_does_not(hub, tmp_path):
    hub.lies[f"{HOME}/resolve/main/vae/diffusion_pytorch_model.safetensors"] = WEIGHTS[::-1]
    with pytest.raises(FetchFailed, match="nothing was kept"):
        fetch("versatile-diffusion/vae", tmp_path / "to", none)
    assert (tmp_path / "to" / "versatile-diffusion" / "vae" / "config.json").read_bytes() == b"vae"


def test_offline_by_choice(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("versatile-diffusion/vae", "vdvae"):
        with pytest.raises(FetchFailed, match="HF_HUB_OFFLINE says to leave the network alone; unset it"):
            fetch(name, None, none)
    assert not hub.asked


def test_weights_in_full_precision_and_safe_ones_first():
    names = [
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
        "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
        "unet/diffusion_pytorch_model.safetensors.index.json",
        "unet/openvino_model.xml",
        "unet/below/config.json",
        "config.json",
    ]
    offered = [Offered(name, None, None) for name in names]
    assert [one.path for one in chosen(offered, Part("unet", "unet"))] == [
        names[0],
        names[6],
        names[4],
        names[5],
    ]
    two = [Offered("a/b.bin", 1, None), Offered("a/b.safetensors", 1, None)]
    part = Part("a/b.safetensors", otherwise="a/b.bin")
    assert chosen([*offered, *two], part) == [two[1]]
    assert chosen([*offered, two[0]], part) == [two[0]]
