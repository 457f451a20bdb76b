"""The head of the page: a reader knows whose responses these are, of which region and sessions."""

from __future__ import annotations

import pytest

from cluster import Threads
from pipeline.recipe import load_recipe
from pipeline.report import open_results
from pipeline.report.facts import facts
from pipeline.runner import run
from storage.simulate import simulate_nsd

FEW = "features.pca.components=8"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nsd")
    simulate_nsd(folder, subjects=2, sessions=4, grid=(8, 8, 8), images=40, size=16)
    return folder


def test_nsd_tells_region_sessions_and_betas(release):
    changes = [FEW, "data.sessions=[1, 2, 4]", 'data.voxels="early | higher"']
    changes += ['rois={early="streams == early", higher="nsdgeneral - streams"}']
    recipe = load_recipe(release / "recipe.toml", changes)
    run(recipe, cluster=Threads(), until="ingest")
    told = dict(facts(open_results(recipe)))
    assert told["Region"] == "streams == early | (nsdgeneral - streams)"
    assert told["Sessions"] == "1 to 2, 4"
    assert told["Betas"] == "betas_fithrf_GLMdenoise_RR"
    assert told["Space"] == "func1pt8mm"


def test_what_no_seal_says_yet_is_left_out(release):
    recipe = load_recipe(release / "recipe.toml", [FEW, "data.archive=elsewhere", "data.sessions=2"])
    run(recipe, cluster=Threads(), until="ingest", subjects=["subj01"])
    told = dict(facts(open_results(recipe)))
    assert told["Subjects"] == "subj01, subj02"
    assert told["Sessions"] == "1 to 2"


def test_ready_made_voxels_have_no_region(recipe):
    told = dict(facts(open_results(recipe)))
    assert told["Voxels"] == "40"
    assert {"Region", "Sessions", "Betas", "Space"}.isdisjoint(told)
