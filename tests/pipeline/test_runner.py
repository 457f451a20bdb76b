"""Runs end, resume, repair, and end in the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cluster import Local, NeedUnmet, Threads
from pipeline import plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.outcome import Listener
from storage import damage
from storage.errors import Changed, Damaged, Invalid, NotAnArchive

THREADS = Threads(workers=2)
ROOT = Path(__file__).parents[2]

DRIVER = """
import sys, tomllib
from pathlib import Path
from cluster import Threads
from pipeline.recipe import load_recipe
from pipeline.runner import run
run(load_recipe(sys.argv[1]), cluster=Threads(workers=2))
"""


def _archive(recipe) -> Path:
    return Path(recipe.data.archive)


def _file(recipe, folder: Path) -> Path:
    path = folder / "recipe.toml"
    path.write_text(recipe.as_toml())
    return path


def test_a_run_makes_every_product_once(make_recipe):
    recipe = make_recipe()
    first = run(recipe, cluster=THREADS)
    assert all(step.in_archive(first.plan.archive).sealed() for step in first.plan)
    assert first.computed >= len(first.plan.steps)
    second = run(recipe, cluster=THREADS)
    assert second.computed == 0
    assert [made.step.product for made in second.made] == [step.product for step in second.plan]


class UnderWay(Listener):
    def __init__(self):
        self.heard = []

    def under_way(self, step, blocks):
        self.heard.append((step.product, blocks))


def test_a_walk_over_the_voxels_is_heard_before_its_end(make_recipe, monkeypatch):
    from cluster import telling
    from pipeline.stages.matrix import Matrix

    reads = Matrix._read

    def slowly(self, positions):
        time.sleep(0.2)
        return reads(self, positions)

    monkeypatch.setattr(Matrix, "_read", slowly)
    monkeypatch.setattr(telling, "EVERY", 0.0)
    monkeypatch.setattr(sys.modules["cluster.dispatch"], "POLL", 0.05)
    listener = UnderWay()
    run(make_recipe(voxels=3000), until="gram", cluster=Threads(workers=1), listener=listener)
    for product in ("condition/all", "gram/all", "cross/all"):
        said = [blocks for name, blocks in listener.heard if name == product]
        assert said == sorted(said)
        assert any(0.1 < blocks < 0.9 for blocks in said)
        assert max(said) <= 1


def test_the_outcome_is_the_contract(make_recipe):
    said = json.loads(json.dumps(run(make_recipe(), cluster=THREADS).as_json()))
    assert said["status"] == "done"
    assert set(said["subjects"]) == {"s1", "all"}
    names = [product["name"] for product in said["subjects"]["s1"]["products"]]
    assert names[:4] == ["trials", "voxels", "betas", "validity"]
    assert set(said["subjects"]["s1"]["products"][0]) == {
        "name",
        "fingerprint",
        "blocks",
        "computed",
        "bytes",
        "seconds",
    }
    score = said["subjects"]["s1"]["scores"]["pixels"]["two-way-pixels"]
    assert set(score) == {"mean", "low", "high", "chance", "n"}
    assert score["low"] <= score["mean"] <= score["high"]
    assert score["low"] > score["chance"] == 0.5


def test_every_variable_says_what_it_is(make_recipe):
    planned = run(make_recipe(), cluster=THREADS).plan
    for step in planned:
        plain = xr.open_zarr(str(step.in_archive(planned.archive).data))  # warnings are errors here
        for name, variable in plain.variables.items():
            assert variable.attrs.get("units"), (step.product, name)
            assert variable.attrs.get("long_name"), (step.product, name)
            assert name not in plain.dims or variable.dims == (name,)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_worker_count_ends_in_the_same_bytes(make_recipe, tmp_path, stored_bytes, workers):
    recipe = make_recipe(voxels=4500)
    run(recipe, cluster=THREADS)
    expected = stored_bytes(_archive(recipe))
    shutil.rmtree(_archive(recipe))
    run(recipe, cluster=Threads(workers=workers))
    assert stored_bytes(_archive(recipe)) == expected


def test_blocks_in_any_order_end_in_the_same_bytes(make_recipe, stored_bytes, monkeypatch):
    from pipeline.portions import Portions

    recipe = make_recipe(voxels=4500)
    run(recipe, cluster=THREADS)
    expected = stored_bytes(_archive(recipe))
    shutil.rmtree(_archive(recipe))
    monkeypatch.setattr(Portions, "__iter__", lambda self: ([block] for block in reversed(self.missing)))
    run(recipe, cluster=THREADS)
    assert stored_bytes(_archive(recipe)) == expected


@pytest.mark.parametrize("times", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_driver_killed_at_random_points_ends_in_the_same_bytes(make_recipe, tmp_path, stored_bytes, times):
    recipe = make_recipe(voxels=4500)
    began = time.monotonic()
    command = [sys.executable, "-c", DRIVER, str(_file(recipe, tmp_path))]
    subprocess.run(command, check=True, cwd=ROOT)
    lasted = time.monotonic() - began
    expected = stored_bytes(_archive(recipe))
    shutil.rmtree(_archive(recipe))
    chance = random.Random(0)
    finished = []
    for _ in range(times):
        process = subprocess.Popen(command, cwd=ROOT)
        time.sleep(lasted * chance.uniform(0.4, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        finished.append(len(list(_archive(recipe).rglob("product.json"))))
    assert finished == sorted(finished)  # what is sealed stays sealed
    outcome = run(recipe, cluster=THREADS)
    assert stored_bytes(_archive(recipe)) == expected
    assert [
        found for step in outcome.plan for found in damage.find(step.in_archive(outcome.plan.archive))
    ] == []


@pytest.mark.parametrize("how", ["flip", "cut", "delete"])
def test_damage_is_mended_by_the_next_run(make_recipe, stored_bytes, how):
    recipe = make_recipe()
    planned = run(recipe, cluster=THREADS).plan
    expected = stored_bytes(_archive(recipe))
    chunks = [_archive(recipe) / name for name in expected if "/c/" in name or name.endswith("/c")]
    for chunk in random.Random(how).sample(chunks, 6):
        whole = chunk.read_bytes()
        if how == "flip":
            chunk.write_bytes(bytes([whole[0] ^ 4]) + whole[1:])
        elif how == "cut":
            chunk.write_bytes(whole[: len(whole) // 2])
        else:
            chunk.unlink()
    assert sum(len(damage.find(step.in_archive(planned.archive))) for step in planned) == 6
    outcome = run(recipe, cluster=THREADS)
    assert 0 < outcome.computed <= 6
    assert stored_bytes(_archive(recipe)) == expected
    assert run(recipe, cluster=THREADS).computed == 0


def test_damage_that_left_no_trace_in_the_listing_stops_the_run_and_is_mended(make_recipe, stored_bytes):
    recipe = make_recipe()
    planned = run(recipe, cluster=THREADS, until="respond").plan
    betas = next(step for step in planned if step.product == "betas").in_archive(planned.archive)
    chunk = betas.data.local / "betas" / "c" / "0" / "0"
    times = chunk.stat()
    whole = chunk.read_bytes()
    chunk.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    os.utime(chunk, ns=(times.st_atime_ns, times.st_mtime_ns))
    responses = next(step for step in planned if step.product == "responses").in_archive(planned.archive)
    responses.revoke(responses.done())
    with pytest.raises(Damaged, match=r"s1/betas.*run the same command again"):
        run(recipe, cluster=THREADS)
    run(recipe, cluster=THREADS)
    assert chunk.read_bytes() == whole


def test_shuffled_pictures_score_at_chance(make_recipe, arrays):
    given = arrays(train=80, test=40)
    order = np.random.default_rng(3).permutation(80)
    given["train_images"] = given["train_images"][order]
    scores = run(make_recipe({}, given), cluster=THREADS).as_json()["subjects"]["s1"]["scores"]["pixels"]
    for name, score in scores.items():
        assert score["low"] <= score["chance"] <= score["high"], (name, score)


def test_pictures_in_their_order_score_above_chance(make_recipe):
    scores = run(make_recipe(train=80, test=40), cluster=THREADS).as_json()["subjects"]["s1"]["scores"][
        "pixels"
    ]
    for name, score in scores.items():
        assert score["low"] > score["chance"], (name, score)


def test_until_stops_there_and_the_next_run_goes_on(make_recipe):
    recipe = make_recipe()
    stages = {made.step.stage for made in run(recipe, cluster=THREADS, until="gram").made}
    assert stages == {"ingest", "respond", "featurize", "gram"}
    rest = [made.step.stage for made in run(recipe, cluster=THREADS).made if made.computed]
    assert set(rest) == {"regress", "reconstruct", "score"}
    with pytest.raises(RecipeError, match="'paint' is no stage"):
        run(recipe, until="paint")


def test_a_changed_setting_has_another_path_and_shares_the_rest(make_recipe):
    run(make_recipe(), cluster=THREADS)
    other = run(make_recipe({"ridge": {"spaces": {"pixels": {"alpha": 31}}}}), cluster=THREADS)
    assert {made.step.product for made in other.made if made.computed} == {
        "smoother/pixels",
        "predictions/pixels",
        "images/pixels",
        "scores/pixels",
    }


def test_a_changed_source_is_another_product_or_an_error(make_recipe, monkeypatch):
    from storage.sources.arrays import ArraysSource

    recipe = make_recipe()
    run(recipe, cluster=THREADS, until="ingest")
    stamps = ArraysSource.stamps
    # a source whose bytes are not in its identity: its etag alone tells that it was written again
    monkeypatch.setattr(
        ArraysSource, "stamps", lambda self, *asked: dict.fromkeys(stamps(self, *asked), "new")
    )
    with pytest.raises(Changed, match=r"release\.npz has changed since s1/.*--refresh"):
        run(recipe, cluster=THREADS, until="ingest")
    assert run(recipe, cluster=THREADS, until="ingest", refresh=True).computed > 0
    assert run(recipe, cluster=THREADS, until="ingest").computed == 0


def test_a_source_replaced_on_the_way_stops_the_run(make_recipe, arrays, monkeypatch):
    """What was fingerprinted is not what would be read: nothing of the new file may enter the old path."""
    from pipeline.runner import Run

    recipe = make_recipe()
    source = Path(recipe.data.source)
    remember = Run.remember

    def replaced(self):
        remember(self)
        changed = arrays(seed=1)
        np.savez(source.with_name("new.npz"), **changed)
        source.with_name("new.npz").replace(source)

    monkeypatch.setattr(Run, "remember", replaced)
    with pytest.raises(Changed, match=r"release\.npz changed while s1/"):
        run(recipe, cluster=THREADS)
    betas = list(_archive(recipe).glob("s1/betas/*/done/0*.json"))
    assert betas == []


def test_one_test_picture_may_be_painted_though_it_cannot_be_scored(make_recipe):
    recipe = make_recipe(test=1)
    made = run(recipe, cluster=THREADS, until="reconstruct").made
    assert made[-1].step.stage == "reconstruct"
    with pytest.raises(ShapeError, match="at least 2"):
        run(recipe, cluster=THREADS)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_of_a_worker_do_not_change_the_bytes(make_recipe, stored_bytes, threads):
    recipe = make_recipe(voxels=1500, train=90)
    run(recipe, cluster=Threads(workers=1, threads=threads))
    expected = stored_bytes(_archive(recipe))
    shutil.rmtree(_archive(recipe))
    run(recipe, cluster=THREADS)
    assert stored_bytes(_archive(recipe)) == expected


def test_two_runs_at_once_end_in_the_same_archive(make_recipe, tmp_path, stored_bytes):
    recipe = make_recipe(voxels=4500)
    run(recipe, cluster=THREADS)
    expected = stored_bytes(_archive(recipe))
    shutil.rmtree(_archive(recipe))
    command = [sys.executable, "-c", DRIVER, str(_file(recipe, tmp_path))]
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert stored_bytes(_archive(recipe)) == expected
    outcome = run(recipe, cluster=THREADS)
    assert outcome.computed == 0
    assert [
        found for step in outcome.plan for found in damage.find(step.in_archive(outcome.plan.archive))
    ] == []


def test_nan_voxels_are_named_and_nothing_is_written(make_recipe, arrays):
    given = arrays()
    given["train_voxels"][3, 17] = np.nan
    recipe = make_recipe({}, given)
    with pytest.raises(Invalid, match="17"):
        run(recipe, cluster=THREADS)
    assert not _archive(recipe).exists()


def test_an_archive_that_is_something_else_is_left_alone(make_recipe, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "thesis.txt").write_text("")
    with pytest.raises(NotAnArchive):
        run(make_recipe(), cluster=THREADS)
    assert [path.name for path in (tmp_path / "archive").iterdir()] == ["thesis.txt"]


def test_too_many_components_are_told_before_anything_is_written(make_recipe):
    recipe = make_recipe({"features": {"pca": {"components": 41}}})
    with pytest.raises(ShapeError, match="at most 40"):
        run(recipe, cluster=THREADS)
    assert not _archive(recipe).exists()


def test_what_no_worker_can_hold_is_refused_before_it_starts(make_recipe):
    recipe = make_recipe()
    assert plan(recipe).refusals(1000)
    assert plan(recipe).refusals(2**40) == []


def test_an_unmet_need_leaves_no_archive(make_recipe):
    recipe = make_recipe()
    with pytest.raises(NeedUnmet):
        run(recipe, cluster=Local(workers=1, memory="200KB"))
    assert not _archive(recipe).exists()


def test_a_recipe_whose_products_are_all_there_is_remembered_too(make_recipe):
    run(make_recipe(), cluster=THREADS)
    part = make_recipe({"scores": None, "images": None})
    outcome = run(part, cluster=THREADS)
    assert outcome.computed == 0
    assert part.fingerprint() in outcome.plan.archive.recipes()
    assert outcome.plan.archive.reached(part.fingerprint())


def test_a_stranger_among_the_subjects(make_recipe):
    with pytest.raises(RecipeError, match="'s9' is not in the recipe"):
        plan(make_recipe(), ["s9"])


def test_planning_computes_and_writes_nothing(make_recipe, monkeypatch):
    from pipeline.stage import Block

    monkeypatch.setattr(Block, "__call__", lambda *_: pytest.fail("a block was computed"))
    recipe = make_recipe()
    rows = plan(recipe).rows()
    assert not _archive(recipe).exists()
    assert {row["stage"] for row in rows} == {
        "ingest",
        "respond",
        "featurize",
        "gram",
        "regress",
        "reconstruct",
        "score",
    }
    assert all(row["memory"] > 0 and row["bytes_kept"] > 0 and row["done"] == 0 for row in rows)


def test_a_recipe_chooses_among_several_fingerprints(make_recipe):
    from storage import Archive
    from storage.errors import Ambiguous, NoSuchProduct

    one, other = make_recipe(), make_recipe({"ridge": {"spaces": {"pixels": {"alpha": 31}}}})
    for recipe in (one, other):
        run(recipe, cluster=THREADS)
    archive = Archive(_archive(one))
    with pytest.raises(Ambiguous, match="predictions/pixels") as caught:
        archive.open("predictions/pixels")
    for alpha in (30.0, 31.0):
        assert f"(alpha of smoother/pixels = {alpha})" in str(caught.value)
    alphas = {float(archive.open("predictions/pixels", recipe=each).alpha[0]) for each in (one, other)}
    assert alphas == {30.0, 31.0}
    with pytest.raises(NoSuchProduct, match="was not run"):
        archive.open("predictions/pixels", recipe=make_recipe({"seed": 9}))
