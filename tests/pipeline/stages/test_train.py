"""Decoders learn within a run, from held-out predictions of training rows, and paint the test rows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cluster import Local, NeedUnmet, Threads, check, connect
from pipeline import plan, run
from pipeline.errors import RecipeError
from pipeline.models.networks import nbytes, skeleton
from pipeline.placing import need_of
from pipeline.training import loop, telling
from storage import damage
from storage.remote import Location
from storage.workspace import Workspace

THREADS = Threads(workers=2)
ROOT = Path(__file__).parents[3]
SMALL = {
    "images": {
        "pixels": None,
        "pca": None,
        "net": {"generator": "conditional-ddpm", "steps": 3, "samples": 2, "batch": 8},
    },
    "scores": {"pixels": None, "pca": None, "net": {"metrics": ["pixcorr"]}},
    "train": {"net": {"model": "conditional-ddpm", "features": ["pca"], "size": 8, "steps": 6, "batch": 4}},
}
SIZES = {"voxels": 40, "train": 24, "test": 10}


def opened(planned, product):
    step = next(step for step in planned if step.product == product)
    return step.in_archive(planned.archive)


@pytest.mark.parametrize(
    "sizes", [{"voxels": 120, "train": 30}, {"voxels": 12, "train": 30}], ids=["dual", "primal"]
)
@pytest.mark.parametrize("repeats", [1, 3])
def test_training_predictions_are_those_of_ridges_that_never_saw_the_picture(make_recipe, sizes, repeats):
    changes = {**SMALL, "responses": {"average_repeats": "all" if repeats == 1 else "none"}}
    planned = run(
        make_recipe(changes, test=6, repeats=repeats, **sizes), cluster=THREADS, until="regress"
    ).plan
    made = {
        name: opened(planned, name).open().load()
        for name in ("responses", "features/pca", "training-predictions/pca")
    }
    responses, features = made["responses"], made["features/pca"]
    train = responses.split.values == "train"
    ids, x = responses.image_id.values[train], responses.response.values[train].astype(float)
    place = {name: at for at, name in enumerate(features.image_id.values)}
    y = features.value.values.astype(float)[[place[name] for name in ids]]
    found = made["training-predictions/pca"]
    assert found.image_id.values.tolist() == ids.tolist()
    for row in (0, 7, len(ids) - 1):
        others = ids != ids[row]
        expected = Ridge(alpha=10).fit(x[others], y[others]).predict(x[row : row + 1])[0]
        np.testing.assert_allclose(found.predicted.values[row], expected, rtol=2e-4, atol=2e-4)


def test_a_run_trains_paints_and_scores(make_recipe):
    recipe = make_recipe(SMALL, **SIZES)
    planned = run(recipe, cluster=THREADS).plan
    model = opened(planned, "model/net")
    curves = model.open()
    assert curves.step.values.tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isfinite(curves.loss.values).all()
    config = json.loads((model.files / "config.json").read())
    assert config["network"] == {"width": 8, "size": 8, "channels": 1}
    assert not (model.place / "work").is_folder()
    images = opened(planned, "images/net").open().load()
    assert images.picture.shape == (10, 2, 8, 8, 1)
    assert (images.picture.values[:, 0] != images.picture.values[:, 1]).any()
    assert run(recipe, cluster=THREADS).computed == 0


def test_who_listens_hears_how_far_a_training_is(make_recipe, monkeypatch):
    from pipeline import watch
    from pipeline.outcome import Listener

    class Ears(Listener):
        def __init__(self):
            self.heard = []

        def trained(self, step, told):
            self.heard.append((step.product, told["step"], told["steps"]))

    monkeypatch.setattr(watch, "EVERY", 0.01)
    monkeypatch.setattr(telling, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 1)
    ears = Ears()
    run(make_recipe(SMALL, **SIZES), cluster=THREADS, until="train", listener=ears)
    assert ears.heard
    assert {(product, steps) for product, _, steps in ears.heard} == {("model/net", 6)}
    assert [step for _, step, _ in ears.heard] == sorted({step for _, step, _ in ears.heard})


@pytest.mark.slow
def test_pictures_do_not_depend_on_workers_or_blocks(make_recipe, monkeypatch, stored_bytes):
    from pipeline import runner

    recipe = make_recipe(SMALL, voxels=40, train=24, test=40)
    planned = run(recipe, cluster=THREADS).plan
    images = opened(planned, "images/net")
    expected = images.open().load().picture.values
    images.revoke({*images.done()})
    hand_out = runner.hand_out

    def backwards(step, product, blocks, *rest):
        for work in reversed(blocks):
            yield from hand_out(step, product, [work], *rest)

    monkeypatch.setattr(runner, "hand_out", backwards)
    run(recipe, cluster=Local(workers=2, memory="2GB"))
    np.testing.assert_array_equal(opened(planned, "images/net").open().load().picture.values, expected)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_flipped_bit_of_the_weights_is_found_and_mended(make_recipe, file):
    recipe = make_recipe(SMALL, **SIZES)
    planned = run(recipe, cluster=THREADS).plan
    path = opened(planned, "model/net").files.local / file
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    (found,) = damage.find(opened(planned, "model/net"))
    assert found.chunk == f"files/{file}"
    outcome = run(recipe, cluster=THREADS)
    assert {made.step.product for made in outcome.made if made.computed} == {"model/net"}
    assert path.read_bytes() == whole


def test_a_run_that_is_stopped_goes_on_from_the_checkpoint(make_recipe, monkeypatch):
    recipe = make_recipe(SMALL, **SIZES)
    planned = run(recipe, cluster=THREADS).plan
    path = opened(planned, "model/net").files.local / "model.safetensors"
    expected = path.read_bytes()
    shutil.rmtree(opened(planned, "model/net").place.local)
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 1)
    step, done = loop._Steps._step, []

    def once(self, batch):
        if self.state.step == 4 and "broke" not in done:
            done.append("broke")
            raise KeyError("the power is gone")
        done.append(self.state.step)
        step(self, batch)

    monkeypatch.setattr(loop._Steps, "_step", once)
    run(recipe, cluster=THREADS)  # the runner tries again
    assert done == [0, 1, 2, 3, "broke", 4, 5]
    assert path.read_bytes() == expected


@pytest.mark.slow
def test_two_worker_processes_train_together(make_recipe):
    changes = {**SMALL, "train": {"net": {**SMALL["train"]["net"], "processes": 2}}}
    one = run(make_recipe(SMALL, **SIZES), cluster=THREADS, until="train").plan
    recipe = make_recipe(changes, **SIZES)
    with pytest.raises(NeedUnmet, match="2 processes are to train together"):
        run(recipe, cluster=Threads(workers=1), until="train")
    two = run(recipe, cluster=Local(workers=2, memory="2GB"), until="train").plan
    losses = [opened(planned, "model/net").open().loss.values for planned in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"train": {"net": {"features": ["pcb"]}}},
            r"needs a table \[ridge.spaces.pcb\].*did you mean 'pca'",
        ),
        (
            {"ridge": {"spaces": {"pca": {"alpha": {"per": "feature"}}}}},
            r"\[train.net\] features .* learns from pca, a ridge whose alpha is chosen per feature; take per",
        ),
        ({"train": {"net": {"batch": 5, "processes": 2}}}, r"batch = 5 can not be shared by 2 processes"),
        ({"train": {"net": {"model": "conditional"}}}, r"model = 'conditional' is not in this version"),
        ({"images": {"net": {"features": "pca"}}}, r"those the decoder was trained on"),
        (
            {"images": {"ae": {"generator": "basic-ae"}}},
            r"needs a table \[train.ae\] with model = 'basic-ae'",
        ),
        ({"images": {"p": {"generator": "pca", "steps": 3}}}, r"'pca' paints without 'steps'"),
        (
            {"images": {"net": {"strength": 0.5}}},
            r"\[images.net\] strength .* there is none; name images in start",
        ),
        ({"images": {"net": {"start": "nte"}}}, r"names no other table of \[images\]; did you mean 'net'"),
        ({"images": {"net": {"start": "net"}}}, r"leads back to these pictures"),
        ({"train": {"voxels": {"model": "basic-ae", "features": []}}}, r"learns from voxels"),
    ],
)
def test_mistakes_in_the_recipe_are_told(make_recipe, changes, said):
    with pytest.raises(RecipeError, match=said):
        make_recipe(_merged(SMALL, changes), **SIZES)


def test_pictures_start_from_other_pictures(make_recipe):
    painted = {"generator": "conditional-ddpm", "model": "net", "steps": 3, "batch": 8, "start": "linear"}
    images = {
        "kept": {**painted, "strength": 0.0, "samples": 2},
        "linear": {"generator": "pca", "size": 8},
        "over": {**painted, "strength": 1.0},
        "half": painted,
    }
    planned = run(make_recipe(_merged(SMALL, {"images": images}), **SIZES), cluster=THREADS).plan
    made = {name: opened(planned, f"images/{name}").open().load().picture.values for name in images}
    np.testing.assert_array_equal(made["kept"], made["linear"].repeat(2, axis=1))
    assert (made["half"] != made["linear"]).any()
    assert (made["half"] != made["over"]).any()


@pytest.fixture
def vae(tmp_path):
    """A small autoencoder in a folder, as anybody saves one."""
    import torch

    from pipeline.models.vision_ops import prepare_torchvision

    prepare_torchvision()
    from diffusers import AutoencoderKL

    torch.manual_seed(3)
    how = {"block_out_channels": (4, 8), "layers_per_block": 1, "latent_channels": 2, "norm_num_groups": 2}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(**how, **kinds, in_channels=1, out_channels=1).save_pretrained(tmp_path / "vae")
    return tmp_path / "vae"


def test_voxels_lead_to_pictures_by_a_frozen_autoencoder(make_recipe, vae):
    trained = {"model": "basic-ae", "size": 16, "steps": 4, "batch": 4, "weights": str(vae)}
    changes = {
        **SMALL,
        "train": {"ae": trained},
        "images": {**SMALL["images"], "net": {"generator": "basic-ae"}},
    }
    planned = run(make_recipe(changes, **SIZES), cluster=THREADS).plan
    assert opened(planned, "images/net").open().picture.shape == (10, 1, 16, 16, 1)
    step = next(step for step in planned if step.product == "model/ae")
    assert str(vae) not in json.dumps(dict(step.settings))  # what it is, not where it is
    shutil.move(vae, vae.with_name("elsewhere"))
    trained["weights"] = str(vae.with_name("elsewhere"))
    moved = plan(make_recipe(changes, **SIZES))
    assert next(s.fingerprint for s in moved if s.product == "model/ae") == step.fingerprint


def test_frozen_networks_count_in_what_a_worker_must_hold(make_recipe, vae):
    from pipeline.models.autoencoder import Autoencoder
    from pipeline.models.networks import nbytes, skeleton

    trained = {"model": "basic-ae", "size": 16, "steps": 4, "batch": 4, "weights": str(vae)}
    changes = {
        **SMALL,
        "train": {"ae": trained},
        "images": {**SMALL["images"], "net": {"generator": "basic-ae"}},
    }
    planned = plan(make_recipe(changes, **SIZES))
    cost = {step.product: step.cost for step in planned if step.product in ("model/ae", "images/net")}
    encoder = nbytes(skeleton("basic-ae", {"width": 40, "latent": [2, 8]}))
    frozen = nbytes(Autoencoder.of(str(vae)).skeleton())
    assert cost["model/ae"].resident == 4 * encoder + frozen
    assert cost["images/net"].resident == encoder + frozen
    assert cost["model/ae"].memory > 5 * encoder + frozen  # the gradients too
    limit = int(cost["model/ae"].resident / 0.7)  # just too little: models may take 70 %
    refusals = planned.refusals(int(0.9 * (limit - 10)))
    assert any("s1/model/ae needs" in text and "lower [cluster] workers" in text for text in refusals)
    assert not any("model/ae" in text for text in planned.refusals(2**40))
    with pytest.raises(NeedUnmet, match=r"model/ae"):
        run(planned.recipe, cluster=Threads(workers=1, memory=f"{limit - 10}B"), until="train")
    row = next(row for row in planned.rows() if row["product"] == "model/ae")
    assert row["memory"] == cost["model/ae"].memory


def test_more_pictures_at_once_are_told_to_take_more(make_recipe):
    def cost(batch):
        changes = {**SMALL, "train": {"net": {**SMALL["train"]["net"], "batch": batch}}}
        changes["images"] = {**SMALL["images"], "net": {"generator": "conditional-ddpm", "batch": batch}}
        planned = plan(make_recipe(changes, **SIZES))
        return [step.cost.memory for step in planned if step.product in ("model/net", "images/net")]

    for few, many, most in zip(cost(100), cost(200), cost(400), strict=True):
        assert few < many
        assert most - many == pytest.approx(2 * (many - few), rel=0.05)  # layers grow with the batch


def _merged(under, over):
    both = {**under, **over}
    tables = [key for key in over if isinstance(over[key], dict) and isinstance(under.get(key), dict)]
    return both | {key: _merged(under[key], over[key]) for key in tables}


DRIVER = """
import sys
from cluster import Threads
from pipeline.recipe import load_recipe
from pipeline.runner import run
from pipeline.training import loop, telling
loop.EVERY, loop.LOOK, telling.EVERY = 0.0, 1, 0.0
run(load_recipe(sys.argv[1]), cluster=Threads(workers=1), until="train")
"""


@pytest.mark.slow
def test_a_driver_killed_while_it_trains_ends_in_the_same_weights(make_recipe, tmp_path):
    changes = {**SMALL, "train": {"net": {**SMALL["train"]["net"], "steps": 30}}}
    recipe = make_recipe(changes, **SIZES)
    planned = run(recipe, cluster=THREADS, until="train").plan
    place = opened(planned, "model/net").place.local
    expected = (place / "files" / "model.safetensors").read_bytes()
    shutil.rmtree(place)
    (tmp_path / "recipe.toml").write_text(recipe.as_toml())
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "recipe.toml")]
    for goal in (3, 11, 22):
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        while process.poll() is None and _step(place) < goal:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert _step(place) >= goal
    run(recipe, cluster=THREADS, until="train")
    assert (place / "files" / "model.safetensors").read_bytes() == expected


def _step(place):
    told = Workspace(Location.of(place)).told()
    return told["step"] if told else 0


def test_a_batch_that_memory_does_not_hold_is_halved_and_the_marker_says_so(make_recipe, monkeypatch):
    from pipeline.models import batches

    recipe = make_recipe(SMALL, **SIZES)
    planned = run(recipe, cluster=THREADS).plan
    images = opened(planned, "images/net")
    expected = images.open().load().picture.values
    assert images.marker("00000").batch is None
    shutil.rmtree(images.place.local)
    whole = batches._walked

    def little(make, read, count, batch):
        if batch > 4:
            raise MemoryError
        return whole(make, read, count, batch)

    monkeypatch.setattr(batches, "_walked", little)
    run(recipe, cluster=THREADS)
    assert images.marker("00000").batch == 4
    found = images.open().load().picture.values
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_decoder_that_would_fill_a_worker_is_refused_before_anything_is_painted(make_recipe):
    recipe = make_recipe(SMALL, **SIZES)
    step = next(step for step in plan(recipe) if step.product == "images/net")
    need = need_of(step.cost)
    assert need.resident == nbytes(skeleton("conditional-ddpm", step.dataset.attrs["painting"]["network"]))
    with connect(Threads(workers=1, memory=f"{2 * need.memory}B")) as workers:
        check(workers, {str(step): need})
        full = replace(need, resident=int(0.71 * workers.ceiling))
        with pytest.raises(NeedUnmet, match=r"'s1/images/net' takes .*, and models may take .* \(70%"):
            check(workers, {str(step): full})


def test_a_log_whose_package_is_missing_is_told_before_anything_is_computed(make_recipe, monkeypatch):
    from pipeline.training import logs

    changes = {**SMALL, "train": {"net": {**SMALL["train"]["net"], "log": ["tensorboard"]}}}
    plain, recipe = make_recipe(SMALL, **SIZES), make_recipe(changes, **SIZES)
    of = {one.fingerprint() for one in (plain, recipe)}
    assert len(of) == 2
    steps = [next(s for s in plan(one) if s.product == "model/net") for one in (plain, recipe)]
    assert steps[0].address == steps[1].address
    monkeypatch.setattr(logs, "find_spec", lambda _: None)
    with pytest.raises(RecipeError, match="pip install tensorboard"):
        run(recipe, cluster=THREADS)
    assert not plan(recipe).archive.place.is_folder()
