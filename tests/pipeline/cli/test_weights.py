"""`vox2pix weights` as a user meets it, and what doctor says of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.models.published import CATALOGUE, named

VDVAE = named("vdvae")[1][0].path


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def own(home, monkeypatch):
    """The home of the very deep VAE is this machine, which holds a small file of it."""
    from pipeline.models import expected, vdvae
    from pipeline.models.hierarchy import Hierarchy

    small = Hierarchy("8x1,8d2,4x1,4d4,1x1", "1x1,4m1,8m4", width=8, channels=2, components=2)
    monkeypatch.setattr(expected, "_vdvae", lambda: vdvae.VDVAE(small))
    model = CATALOGUE["vdvae"]
    here = type(model)(**{**model.__dict__, "home": home.url})
    monkeypatch.setattr("pipeline.models.published.CATALOGUE", {**CATALOGUE, "vdvae": here})
    return home, vdvae.VDVAE(small).state_dict()


def offer(own, tmp_path, held):
    torch.save(held, tmp_path / "file")
    own[0].files[VDVAE] = (tmp_path / "file").read_bytes()


def test_what_there_is(vox2pix, places):
    said = vox2pix("weights", "list", "--json").json["weights"]
    assert [one["name"] for one in said] == list(CATALOGUE)
    assert said[0]["licence"] == "MIT"
    assert said[0]["there"] is None
    assert said[0]["parts"][0]["sha256"] is None  # nobody has said
    put = places / "ours" / "ip-adapter" / "models" / "ip-adapter_sd15.safetensors"
    put.parent.mkdir(parents=True)
    put.write_bytes(b"numbers")
    table = vox2pix("weights", "list")
    assert "only models/ip-adapter_sd15.safetensors" in table.out
    assert "vdvae  " in table.out
    assert "about 500.0 MB" in table.out
    assert "non-commercial" in table.out


def test_fetch_check_and_again(vox2pix, own, places):
    offer(own, places, own[1])
    said = vox2pix("weights", "fetch", "vdvae", "--json")
    assert said.code == 0
    (file,) = said.json["fetched"][0]["files"]
    assert Path(file["path"]) == places / "ours" / "vdvae" / VDVAE
    assert vox2pix("weights", "list", "--json").json["weights"][0]["there"] == file["path"]
    checked = vox2pix("weights", "check", "--json")
    assert checked.code == 0
    assert checked.json["files"] == [
        {"name": "vdvae", "path": file["path"], "ok": True, "compared": True, "wrong": None}
    ]
    told = vox2pix("weights", "fetch", "vdvae", "--to", str(places / "to"))
    assert 'name them in a recipe: weights = "' in told.out
    assert "vdvae: MIT; learned from ImageNet" in told.err
    assert vox2pix("weights", "check", "vdvae", str(places / "to")).code == 0


def test_what_holds_code_is_a_sentence_and_not_kept(vox2pix, own, places):
    class Touch:
        def __reduce__(self):
            return Path.touch, (places / "touched",)

    offer(own, places, {**own[1], "more": Touch()})
    said = vox2pix("weights", "fetch", "vdvae", "--json")
    assert said.code == 3
    assert said.json["error"]["kind"] == "weights-missing"
    assert "holds more than numbers" in said.err
    assert "Nothing was loaded" in said.err
    assert not (places / "touched").exists()
    assert not list((places / "ours").rglob("*.th"))


def test_damage_is_3_and_told(vox2pix, own, places):
    offer(own, places, own[1])
    vox2pix("weights", "fetch", "vdvae")
    path = places / "ours" / "vdvae" / VDVAE
    path.write_bytes(path.read_bytes()[:-100])
    said = vox2pix("weights", "check")
    assert said.code == 3
    assert "has sha256" in said.err
    assert "WRONG" in said.out
    assert "is damaged, or no file of torch's; fetch it again" in said.out
    assert vox2pix("weights", "check", "vdvae", "--json").json["files"][0]["ok"] is False


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fetch", "vdvea"], 2, "no weights are called 'vdvea'"),
        (["check", "vdvae", "./nowhere"], 2, "there is nothing at ./nowhere"),
        (["check", "vdvae", "nowhere.th"], 2, "there is nothing at nowhere.th"),
        (["fetch"], 2, "Missing argument"),
        (["check", "vdvae"], 3, "not on this machine; get them (MIT) with: vox2pix weights fetch vdvae"),
        (["check", "vdvea"], 2, "did you mean 'vdvae'"),
        (["fetch", "vdvae", "--to", "s3://bucket"], 2, "is a URL, but files are written to this machine"),
        (["convert", "nowhere.pth", "--to", "x"], 3, "there is no file nowhere.pth"),
        (["convert", "nowhere.pth"], 2, "Missing option '--to'"),
    ],
)
def test_mistakes(vox2pix, words, code, told):
    said = vox2pix("weights", *words)
    assert said.code == code
    assert told in said.err
    assert "Traceback" not in said.err


def test_nothing_here_is_no_failure(vox2pix):
    said = vox2pix("weights", "check")
    assert said.code == 0
    assert "No published weights here" in said.out


def test_no_network_is_3(vox2pix, monkeypatch):
    model = CATALOGUE["vdvae"]
    gone = type(model)(**{**model.__dict__, "home": "http://127.0.0.1:9"})
    monkeypatch.setattr("pipeline.models.published.CATALOGUE", {"vdvae": gone})
    said = vox2pix("weights", "fetch", "vdvae")
    assert said.code == 3
    assert "see whether this machine has a network" in said.err


@pytest.mark.parametrize("name", ["vdvae", "kandinsky-2-2"])
def test_a_fetch_that_fails_leaves_no_folder(vox2pix, places, monkeypatch, name):
    model = CATALOGUE["vdvae"]
    gone = type(model)(**{**model.__dict__, "home": "http://127.0.0.1:9"})
    monkeypatch.setattr("pipeline.models.published.CATALOGUE", {**CATALOGUE, "vdvae": gone})
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    said = vox2pix("weights", "fetch", name, "--to", str(places / "deep" / "to"))
    assert said.code == 3
    assert not list(places.iterdir())


def test_what_is_not_here_is_not_called_wrong(vox2pix, own, places):
    """Nothing at all, a folder with other weights, and a model of which one part is here and whole."""
    said = vox2pix("weights", "check", "vdvae")
    assert said.code == 3
    assert said.out.splitlines()[1].split(maxsplit=1) == ["vdvae", "not here"]
    assert "get them (MIT) with: vox2pix weights fetch vdvae" in said.out
    offer(own, places, own[1])
    vox2pix("weights", "fetch", "vdvae", "--to", str(places / "to"))
    said = vox2pix("weights", "check", "vdvae", "kandinsky-2-2", str(places / "to"))
    assert said.code == 3
    assert "WRONG" not in said.out
    assert [one.rstrip().rsplit("  ", 1)[-1].strip() for one in said.out.splitlines()[1:3]] == [
        "whole",
        "not here",
    ]
    assert "holds no model kandinsky-2-2" in said.err


def test_convert(vox2pix, own, places):
    torch.save(own[1], places / "own.th")
    said = vox2pix("weights", "convert", str(places / "own.th"), "--to", str(places / "to"), "--json")
    assert said.code == 0
    assert [Path(one["path"]).suffix for one in said.json["files"]] == [".safetensors"]
    assert vox2pix("weights", "check", "vdvae", str(places / "to")).code == 0


def test_a_hub_of_ones_own_by_its_environment_variables(home, places):
    model = CATALOGUE["kandinsky-2-2"]
    home.repositories[model.home] = {
        "movq/config.json": b"{}",
        "movq/diffusion_pytorch_model.safetensors": b"numbers",
    }
    environment = {**os.environ, "HF_ENDPOINT": home.url, "HF_HUB_CACHE": str(places / "there")}
    said = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "weights", "fetch", "kandinsky-2-2/movq", "-q"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    (found,) = (places / "there").rglob("*.safetensors")
    assert found.read_bytes() == b"numbers"
    assert str(found) in said.stdout


RECIPE = """\
[train.ae]
model = "basic-ae"
size = 8
steps = 1
[images.painted]
generator = "basic-ae"
model = "ae"
"""


def test_doctor_says_what_a_recipe_lacks(vox2pix, lab):
    (lab / "recipe.toml").write_text((lab / "recipe.toml").read_text() + RECIPE)
    said = vox2pix("doctor", str(lab / "recipe.toml"), "--json")
    assert said.code == 3
    (check,) = [one for one in said.json["checks"] if one["name"].startswith("weights")]
    assert check["name"] == "weights stable-diffusion-1-5/vae"
    assert not check["ok"]
    assert check["cure"].endswith("with: vox2pix weights fetch stable-diffusion-1-5/vae")
    assert not [one for one in said.json["checks"] if one["name"] == "plan"]


def test_doctor_says_where_they_lie_or_that_they_are_random(vox2pix, lab, places):
    vae = places / "ours" / "stable-diffusion-1-5" / "vae"
    vae.mkdir(parents=True)
    (vae / "config.json").write_text("{}")
    (vae / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    (lab / "recipe.toml").write_text((lab / "recipe.toml").read_text() + RECIPE)
    said = vox2pix("doctor", str(lab / "recipe.toml"), "--json").json["checks"]
    (check,) = [one for one in said if one["name"].startswith("weights")]
    assert check["ok"]
    assert check["found"] == f"{vae}, for [train.ae]"
    (lab / "recipe.toml").write_text('weights = "random"\n' + (lab / "recipe.toml").read_text())
    said = vox2pix("doctor", str(lab / "recipe.toml"), "--json").json["checks"]
    (check,) = [one for one in said if one["name"].startswith("weights")]
    assert "nothing it shows is a result" in check["found"]
