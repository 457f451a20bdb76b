"""doctor: every check says what it found, and a failing one how to mend it."""

from __future__ import annotations

import re
import subprocess
from importlib.machinery import ModuleSpec

import pytest

from cluster import survey
from pipeline.cli import checks
from pipeline.cli.check import examine
from pipeline.errors import RecipeError


def test_without_a_recipe(vox2pix):
    said = vox2pix("doctor", "--json")
    assert said.code == 0
    assert [check["name"] for check in said.json["checks"]] == ["python", "packages", "machine", "gpu"]
    assert all(set(check) == {"name", "ok", "found", "cure"} for check in said.json["checks"])


def test_with_a_recipe_and_a_cluster(vox2pix, lab):
    said = vox2pix("doctor", "recipe.toml", "--cluster", "threads")
    assert said.code == 0
    for words in (
        "s1 36 x 40; 36 pictures of 8 x 8",
        "nothing there yet",
        "each fits",
        "started and stopped",
    ):
        assert words in said.out
    assert not (lab / "archive").exists()


def test_a_local_cluster_is_started_and_stopped(vox2pix):
    said = vox2pix("doctor", "--cluster", "local", "--json")
    assert said.code == 0
    found = {
        check["name"]: check["found"] for check in said.json["checks"] if check["name"].startswith("cluster")
    }
    assert "dashboard http://127.0.0.1:" in found["cluster"]
    assert found["cluster encryption"].endswith("which only this machine reaches")
    assert re.search(r"ssh -N -L (\d+):127\.0\.0\.1:\1 \S+$", found["cluster dashboard"])
    assert found["cluster software"] == "the same versions as here"
    assert found["cluster workers"].startswith("0, 1 on ")
    assert "free a worker" in found["cluster memory"]


def test_workers_with_other_software_are_told(vox2pix, monkeypatch):
    here = survey._versions()
    faces = [here | {"numpy": "1.0"}, {name: told for name, told in here.items() if name != "zarr"}]
    told = {f"w{i}": survey.Face("far", versions, 10**9, 2 * 10**9, ()) for i, versions in enumerate(faces)}
    monkeypatch.setattr("cluster.survey.survey", lambda _: told)
    said = vox2pix("doctor", "--cluster", "threads", "--json")
    assert said.code == 4
    [check] = [check for check in said.json["checks"] if not check["ok"]]
    assert check["name"] == "cluster software"
    assert check["found"] == f"worker w0 has numpy 1.0, here it is {here['numpy']}, and 1 more"


def test_a_worker_without_vox2pix_is_told(vox2pix, monkeypatch):
    missing = {"w0": ModuleNotFoundError("No module named 'cluster'")}
    monkeypatch.setattr("cluster.threads.ThreadWorkers.each", lambda *_: missing)
    said = vox2pix("doctor", "--cluster", "threads")
    assert said.code == 4
    assert "worker w0 can't run vox2pix (ModuleNotFoundError: No module named 'cluster')" in said.out


def test_a_block_that_no_worker_of_the_cluster_holds_is_4(vox2pix, lab):
    (lab / "mine.toml").write_text('kind = "threads"\nmemory = "10kB"\n')
    said = vox2pix("doctor", "recipe.toml", "--cluster", "mine.toml", "--json")
    assert said.code == 4
    assert [check["name"] for check in said.json["checks"] if not check["ok"]] == ["cluster room"]


@pytest.mark.parametrize(("word", "code"), [("slrum", 2), ("ssh", 2), ("tcp://10.0.0.1:1", 2), ("cuda", 4)])
def test_a_cluster_that_cannot_be_is_told(vox2pix, monkeypatch, word, code):
    monkeypatch.setattr("cluster.cuda.visible", lambda: None)
    said = vox2pix("doctor", "--cluster", word)
    assert said.code == code
    assert said.err.endswith("the first is cluster\n")


def test_a_wrong_recipe_is_2_and_what_stands_on_it_is_not_looked_at(vox2pix, tmp_path):
    said = vox2pix("doctor", tmp_path / "none.toml", "--json")
    assert said.code == 2
    assert said.json["checks"][-1] == {
        "name": "recipe",
        "ok": False,
        "found": f"{tmp_path / 'none.toml'} does not exist",
        "cure": "expected the TOML file of a recipe",
    }


def test_a_missing_source_is_3(vox2pix, lab):
    (lab / "release.npz").unlink()
    said = vox2pix("doctor", "recipe.toml")
    assert said.code == 3
    assert said.err == "vox2pix: 1 check of 7 failed, the first is source\n"
    assert "source: check the path" in said.out


@pytest.mark.parametrize("there", [True, False])
def test_the_packages_of_logs_that_trainings_write(vox2pix, lab, monkeypatch, there):
    trained = '[train.net]\nmodel = "voxel-ddpm"\nsize = 16\nsteps = 2\nbatch = 2\n'
    with (lab / "recipe.toml").open("a") as file:
        file.write(trained + 'log = ["wandb", "tensorboard"]\n')
    spec = ModuleSpec("any", None) if there else None
    monkeypatch.setattr("pipeline.training.logs.find_spec", lambda _: spec)
    said = vox2pix("doctor", "recipe.toml", "--json")
    (check,) = [check for check in said.json["checks"] if check["name"] == "logs"]
    assert (said.code, check["ok"]) == ((0, True) if there else (2, False))
    if there:
        assert check["found"] == "tensorboard, wandb"
    else:
        assert check["found"] == "[train] log = 'tensorboard' needs a package that is not installed"
        assert check["cure"] == "pip install tensorboard, or take it out of `log`"


def test_a_foreign_archive_is_2(vox2pix, lab):
    (lab / "archive").mkdir()
    (lab / "archive" / "thesis.txt").write_text("mine")
    assert vox2pix("doctor", "recipe.toml").code == 2


def test_a_cluster_that_cannot_be_reached_is_4(vox2pix, monkeypatch):
    monkeypatch.setattr("cluster.address.TIMEOUT", 0.2)
    said = vox2pix("doctor", "--cluster", "tcp://127.0.0.1:9")
    assert said.code == 4
    assert "cluster: see that it runs" in said.out


def test_too_little_memory_is_4(vox2pix, lab):
    text = (lab / "recipe.toml").read_text()
    (lab / "recipe.toml").write_text(text + 'memory = "10kB"\n')
    said = vox2pix("doctor", "recipe.toml", "--json")
    assert said.code == 4
    assert [check["name"] for check in said.json["checks"] if not check["ok"]] == ["plan"]


def test_a_full_disk(vox2pix, lab, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    said = vox2pix("doctor", "recipe.toml", "--json")
    assert said.code == 1
    check = said.json["checks"][-1]
    assert check["found"].startswith("10 B free at ")
    assert check["cure"] == "free some space or use --archive"


def test_s3_places(vox2pix, lab, s3_server, s3_bucket):
    text = (lab / "recipe.toml").read_text().replace('"archive"', f'"s3://{s3_bucket}/archive"')
    options = f'[data.storage_options]\nendpoint_url = "{s3_server}"\n'
    (lab / "recipe.toml").write_text(text + options)
    said = vox2pix("doctor", "recipe.toml")
    assert said.code == 0
    assert "on an object store" in said.out
    (lab / "recipe.toml").write_text(text.replace(s3_bucket, "no-such-bucket") + options)
    said = vox2pix("doctor", "recipe.toml")
    assert said.code == 3
    assert "archive: check the URL and the endpoint" in said.out


def test_checks_by_themselves(monkeypatch):
    assert examine("python", lambda: checks.python((3, 10, 2))).cure == "use Python 3.11, 3.12 or 3.13"
    monkeypatch.setattr(checks, "NEEDED", ("numpy", "no-such-distribution"))
    check = examine("packages", checks.packages)
    assert (check.ok, check.cure) == (False, "pip install no-such-distribution")
    assert examine("x", lambda: str(1 / 0)).code == 1


def test_a_failure_without_a_cure_is_told_whole():
    def fail() -> str:
        raise RecipeError("no good")

    assert examine("recipe", fail).found == "no good"


@pytest.mark.parametrize(
    ("code", "out", "words"),
    [(0, "NVIDIA X, 80000 MiB\n", "NVIDIA X, 80000 MiB"), (9, "failed", "none that")],
)
def test_gpus(monkeypatch, code, out, words):
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    ended = subprocess.CompletedProcess([], code, out, "")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: ended)
    assert checks.gpus().startswith(words)
