"""plan, status, ls and show: what they print is DESIGN's, and they write nothing."""

from __future__ import annotations

import shutil
import time

import pytest

from storage.remote import Location
from storage.workspace import Workspace

ROW = {
    "owner", "product", "stage", "fingerprint", "blocks", "done",
    "bytes_moved", "bytes_kept", "memory", "flops",
}  # fmt: skip


@pytest.mark.parametrize("command", ["plan", "status"])
def test_before_a_run(vox2pix, lab, command):
    said = vox2pix(command, "recipe.toml", "--json")
    assert said.code == 0
    assert set(said.json) == {"archive", "stages", "fits", "refusals"}
    assert said.json["fits"] is True
    assert all(set(row) == ROW for row in said.json["stages"])
    assert {row["done"] for row in said.json["stages"]} == {0}
    assert {row["stage"] for row in said.json["stages"]} > {"ingest", "regress", "score"}
    assert not (lab / "archive").exists()


def test_after_a_run(vox2pix, done):
    made = vox2pix("status", "recipe.toml", "--json").json
    assert all(row["done"] == row["blocks"] > 0 for row in made["stages"])
    plan, status = vox2pix("plan", "recipe.toml").out, vox2pix("status", "recipe.toml").out
    assert plan.splitlines()[-1] == f"Nothing to compute: all {len(made['stages'])} products are there."
    count = len(made["stages"])
    assert status.splitlines()[-1] == f"{count} of {count} products done in {done / 'archive'}"


def test_in_the_middle_of_a_run(vox2pix, done):
    (seal,) = done.glob("archive/s1/scores/final/*")
    shutil.rmtree(seal)
    said = vox2pix("status", "recipe.toml")
    assert said.code == 0
    assert said.out.splitlines()[-2].split() == ["score", "s1/scores/final", "0/1", "not", "begun"]
    assert "To compute: 1 block of 1 product" in vox2pix("plan", "recipe.toml").out


def test_plan_refuses_what_no_worker_can_do(vox2pix, lab):
    said = vox2pix("plan", "recipe.toml", "--set", "cluster.memory=10kB")
    assert said.code == 4
    assert said.err.startswith("vox2pix: s1/betas needs ")
    assert said.err.count("\n") == 1
    said = vox2pix("plan", "recipe.toml", "--set", "cluster.memory=10kB", "--json")
    assert said.code == 4
    assert said.json["fits"] is False
    assert "9.0 kB" in said.json["refusals"][0]
    assert not (lab / "archive").exists()


def test_plan_refuses_nothing_that_is_there_already(vox2pix, done):
    assert vox2pix("plan", "recipe.toml", "--set", "cluster.memory=10kB").code == 0


def test_ls(vox2pix, done):
    said = vox2pix("ls", "archive", "--json").json
    keys = {"owner", "name", "fingerprint", "sealed", "blocks", "done", "bytes", "created"}
    assert said["archive"] == str(done / "archive")
    assert all(set(row) == keys and row["sealed"] for row in said["products"])
    assert {"betas", "images/final", "scores/final"} <= {row["name"] for row in said["products"]}
    listed = vox2pix("ls", "archive").out
    assert "s1/images/final@" in listed
    assert listed.endswith(f"{len(said['products'])} products in {done / 'archive'}\n")


def test_ls_lists_a_product_whose_metadata_is_damaged(vox2pix, done):
    (product,) = done.glob("archive/s1/betas/*")
    (product / "product.json").unlink()
    (product / "data" / "zarr.json").write_text("{")
    (row,) = (row for row in vox2pix("ls", "archive", "--json").json["products"] if row["name"] == "betas")
    assert (row["sealed"], row["blocks"]) == (False, 0)


def test_show(vox2pix, done):
    said = vox2pix("show", "archive", "s1/responses", "--json").json
    assert said["arrays"]["response"] == {
        "dims": ["row", "voxel"],
        "shape": [36, 40],
        "dtype": "float32",
        "units": "standard deviations of the training trials",
    }
    assert said["arrays"]["image_id"]["dtype"] == "str"
    assert said["settings"]["standardize"] == "train"
    assert said["inputs"]["betas"].startswith("s1/betas@")
    told = vox2pix("show", "archive", f"s1/responses@{said['fingerprint'][:4]}").out
    assert "row 36, voxel 40" in told
    assert "standardize" in told


def test_show_of_a_product_that_is_hardly_begun(vox2pix, done):
    (product,) = done.glob("archive/s1/betas/*")
    for name in ("product.json", "done/frame.json"):
        (product / name).unlink()
    said = vox2pix("show", "archive", "s1/betas", "--json")
    assert said.code == 0
    assert (said.json["arrays"], said.json["sealed"]) == ({}, False)


def test_archives_on_s3(vox2pix, lab, s3_server, s3_bucket):
    url = f"s3://{s3_bucket}/archive"
    endpoint = f"data.storage_options.endpoint_url={s3_server}"
    said = vox2pix("run", "recipe.toml", "--set", endpoint, "--archive", url, "--until", "respond", "--json")
    assert said.code == 0
    assert said.json["archive"] == url
    there = ("--endpoint-url", s3_server)
    assert "s1/responses@" in vox2pix("ls", url, *there).out
    assert vox2pix("show", url, "s1/betas", *there).code == 0
    assert vox2pix("verify", url, *there, "--json").json["damaged"] == []
    assert vox2pix("gc", url, *there, "--json").json["products"] == []
    assert vox2pix("export", url, "all/stimuli", "--to", lab / "out", *there).code == 0
    assert len(list((lab / "out").glob("*.png"))) == 36


PAINTER = """
[features.pca]
model = "pca"
components = 4
size = 8
[ridge.spaces.pca]
alpha = 10
[train.net]
model = "conditional-ddpm"
features = ["pca"]
size = 8
steps = 4
batch = 4
"""


def test_how_far_a_training_is(vox2pix, lab):
    recipe = lab / "recipe.toml"
    recipe.write_text(recipe.read_text() + PAINTER)
    assert vox2pix("run", "recipe.toml", "--until", "regress").code == 0
    assert _training(vox2pix)["step"] is None
    stages = vox2pix("status", "recipe.toml", "--json").json["stages"]
    (row,) = (row for row in stages if row["product"] == "model/net")
    said = {"step": 20, "steps": 90, "loss": 0.25, "val_loss": 0.5, "seconds_left": 75, "at": time.time()}
    place = lab / "archive" / "s1" / "model" / "net" / row["fingerprint"]
    Workspace(Location.of(place)).tell(said)
    assert _training(vox2pix) == said
    told = vox2pix("status", "recipe.toml").out
    assert "step 20 of 90, loss 0.25, validation 0.5, 1:15 left" in told
    Workspace(Location.of(place)).tell({**said, "at": time.time() - 3600})
    assert "validation 0.5, silent for 60:0" in vox2pix("status", "recipe.toml").out
    assert vox2pix("run", "recipe.toml", "--until", "train").code == 0
    assert _training(vox2pix)["step"] is None


def _training(vox2pix):
    stages = vox2pix("status", "recipe.toml", "--json").json["stages"]
    told = {row["product"]: row.get("training") for row in stages}
    assert {product for product, said in told.items() if said} <= {"model/net"}
    return told["model/net"] or {"step": None}
