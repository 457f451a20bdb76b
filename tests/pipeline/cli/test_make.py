"""simulate, presets, demo and report: what a newcomer types first."""

from __future__ import annotations

import re
import tomllib

import pytest

from pipeline import load_recipe
from pipeline.cli import make
from pipeline.presets import preset_text


def test_presets_are_listed_with_a_description(vox2pix):
    said = vox2pix("presets")
    assert re.search(r"^pixels +The simplest decoder there is: .*\.$", said.out, re.MULTILINE)
    assert all(row["description"] for row in vox2pix("presets", "--json").json["presets"])


def test_a_preset_is_printed_as_toml(vox2pix):
    assert tomllib.loads(vox2pix("presets", "pca").out) == tomllib.loads(preset_text("pca"))
    assert vox2pix("presets", "pca", "--json").json["toml"].startswith("# ")
    said = vox2pix("presets", "pixel")
    assert said.code == 2
    assert "'pixels'" in said.err


BETAS = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR/betas_session01.hdf5"
SMALL = ("--subjects", "1", "--grid", "6,6,6", "--images", "20", "--size", "16")


@pytest.mark.parametrize(
    "layout",
    [["--size", "8"], ["--dataset", "arrays"], ["--dataset", "arrays", "--size", "8"]],
    ids=["nsd-least", "arrays", "arrays-least"],
)
def test_simulate_writes_a_recipe_that_runs(vox2pix, tmp_path, layout):
    said = vox2pix("simulate", tmp_path / "data", *SMALL, *layout)
    assert said.out == f"{tmp_path / 'data' / 'recipe.toml'}\n"
    assert "1 subject: 60 trials" in said.err
    assert vox2pix("run", tmp_path / "data" / "recipe.toml", "--cluster", "threads", "-q").code == 0


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("dataset", "voxels"), [("nsd", BETAS), ("arrays", "arrays/subj01/train_voxels.npy")]
)
def test_simulate_json_and_the_same_seed(vox2pix, tmp_path, dataset, voxels):
    layout = [] if dataset == "nsd" else ["--dataset", dataset]
    said = vox2pix("simulate", tmp_path / "a", *SMALL, *layout, "--json").json
    assert (said["subjects"], said["trials"], said["images"]) == (["subj01"], 60, 20)
    assert said["recipe"] == str(tmp_path / "a" / "recipe.toml")
    assert tomllib.loads((tmp_path / "a" / "recipe.toml").read_text())["data"]["dataset"] == dataset
    vox2pix("simulate", tmp_path / "b", *SMALL, *layout)
    first, second = (contents(tmp_path / name) for name in "ab")
    assert voxels in first
    assert first == second
    vox2pix("simulate", tmp_path / "c", *SMALL, *layout, "--seed", "1")
    assert contents(tmp_path / "c")[voxels] != first[voxels]


def test_simulate_on_s3(vox2pix, s3_server, s3_bucket):
    said = vox2pix("simulate", f"s3://{s3_bucket}/data", *SMALL, "--endpoint-url", s3_server)
    assert said.out == f"s3://{s3_bucket}/data/recipe.toml\n"


def test_report_of_one_and_of_two_recipes(vox2pix, done):
    said = vox2pix("report", "recipe.toml")
    assert said.out == f"{done / 'report.html'}\n"
    assert "<html" in (done / "report.html").read_text()
    (done / "other.toml").write_text((done / "recipe.toml").read_text().replace("alpha = 10", "alpha = 20"))
    assert vox2pix("run", "other.toml", "-q").code == 0
    said = vox2pix("report", "recipe.toml", "other.toml", "-o", "both.html", "--subject", "s1", "--json")
    assert said.json == {"report": str(done / "both.html")}
    assert vox2pix("report", "recipe.toml", "--subject", "s9").code == 2


@pytest.mark.slow  # CI runs the quick demo itself
def test_the_quick_demo_ends_with_its_report_and_goes_on_where_it_was(vox2pix, tmp_path, monkeypatch):
    out = tmp_path / "demo"
    first = vox2pix("demo", "--quick", "--out", out)
    assert first.code == 0
    assert "simulated data" in first.err.splitlines()[0]
    assert first.out.splitlines()[-1] == str(out / "report.html")
    page = (out / "report.html").read_text()
    assert "conditional-ddpm" in page  # it trains
    monkeypatch.setattr("storage.simulate.simulate_nsd", None)  # must not be called again
    again = vox2pix("demo", "--quick", "--out", out)
    assert again.out.startswith("Nothing to compute: ")
    assert vox2pix("demo", "--quick", "--out", out, "--json").json["report"] == str(out / "report.html")


def test_a_demo_cut_short_while_simulating_simulates_again(tmp_path):
    from pipeline.cli import demo

    arguments = {"subjects": 1, "grid": (6, 6, 6), "images": 20, "size": 16}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "remark", lambda _: None)
        demo._simulate(tmp_path / "demo", arguments)
        (tmp_path / "demo" / demo.SIGN).unlink()
        whole = (tmp_path / "demo" / BETAS).read_bytes()
        (tmp_path / "demo" / BETAS).write_bytes(b"")
        demo._simulate(tmp_path / "demo", arguments)
    assert (tmp_path / "demo" / BETAS).read_bytes() == whole


@pytest.mark.parametrize("steps", [60, 1300])
def test_the_demo_runs_the_preset(tmp_path, steps):
    from pipeline.cli.demo import RECIPE

    path = tmp_path / "demo.toml"
    path.write_text(RECIPE.format(steps=steps, alpha=300))
    recipe = load_recipe(path)
    assert recipe.train["final"].steps == steps
    assert set(recipe.images) == {"final", "sampled", "pca", "nearest", "mean", "ceiling"}


def test_a_grid_is_three_numbers():
    assert make.Grid().convert("1,2,3", None, None) == (1, 2, 3)
