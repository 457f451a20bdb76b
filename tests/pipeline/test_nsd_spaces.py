"""The whole way in every space of NSD, and with each of its test sessions, on a tiny simulated release."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cluster import Threads
from pipeline import load_recipe, run
from pipeline.errors import ShapeError
from storage.remote import Location
from storage.simulate.nsd import simulate_nsd
from storage.simulate.nsd.spaces import SPACES
from storage.sources.nsd import NsdSource

THREADS = Threads(workers=2)
TESTS = ("imagery", "synthetic")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("breadth") / "release"
    plain = {"subjects": 1, "sessions": 2, "grid": (7, 8, 6), "images": 40, "size": 16, "seed": 2}
    simulate_nsd(folder, **plain, spaces=SPACES, extras=TESTS)
    return folder


def _run(release, archive, *changes):
    recipe = load_recipe(release / "recipe.toml", [f'data.archive="{archive}"', *changes])
    outcome = run(recipe, cluster=THREADS)
    opened = {made.step.product: made.step.in_archive(outcome.plan.archive).open() for made in outcome.made}
    return outcome, opened


def _predicted(made, alpha=100):
    """Return what scikit-learn predicts for the test rows."""
    x, y = made["responses"].response.values.astype(float), made["features/pixels"].value.values.astype(float)
    train = made["responses"].split.values == "train"
    place = {name: at for at, name in enumerate(made["features/pixels"].image_id.values)}
    rows = y[[place[name] for name in made["responses"].image_id.values]]
    return Ridge(alpha=alpha).fit(x[train], rows[train]).predict(x[~train])


@pytest.mark.parametrize("space", SPACES)
def test_the_whole_way_in_every_space(release, tmp_path, space):
    changes = [f"data.space={space}", 'rois.v1="prf-visualrois == V1v | prf-visualrois == V1d"']
    _, made = _run(release, tmp_path / "archive", *changes)
    source = NsdSource(Location.of(release), space=space)
    betas = source.betas("subj01")
    stored = betas.read(0, betas.shape[0])
    np.testing.assert_allclose(made["betas"].betas.values, stored * betas.scale, rtol=1e-6)
    session = made["betas"].session.values
    for number in np.unique(session):
        part = stored[session == number]
        valid = made["validity"].valid.sel(session=number).values
        np.testing.assert_array_equal(valid, part.min(axis=0) != part.max(axis=0))
        assert not valid.all()  # the simulated scanner loses some voxels in every session
        if space != "fsaverage":
            saturated = (np.abs(part.astype(int)) >= 32767).sum(axis=0)
            np.testing.assert_array_equal(made["validity"].saturated.sel(session=number), saturated)
            assert saturated.any()
    assert ("saturated" in made["validity"]) == (space != "fsaverage")
    assert np.isfinite(made["responses"].response.values).all()
    assert made["voxels"].in_roi.sel(roi="v1").any()
    np.testing.assert_allclose(made["predictions/pixels"].predicted.values, _predicted(made), atol=1e-5)


@pytest.mark.parametrize("test", TESTS)
def test_the_whole_way_with_a_test_session(release, tmp_path, test):
    changes = [f"data.test={test}", "responses.standardize=train"]
    outcome, made = _run(release, tmp_path / "archive", *changes)
    responses, images = made["responses"], made["stimuli"]
    tested = responses.split.values == "test"
    assert set(responses.image_id.values[tested]) == set(
        images.image_id.values[images.split.values == "test"]
    )
    assert (responses.session.values[tested] == 0).all()
    assert set(responses.image_id.values[~tested]) == set(
        images.image_id.values[images.split.values == "train"]
    )
    betas, trials = made["betas"].betas.values, made["trials"]
    core = trials.session.values > 0
    train = core & trials.used.values
    mean, std = betas[train].mean(axis=0), betas[train].std(axis=0, ddof=1)
    measured = made["validity"].valid.values.all(axis=0) & (std > 0)
    for name, row in zip(responses.image_id.values[tested], responses.response.values[tested], strict=True):
        here = (trials.image_id.values == name) & trials.used.values & ~core
        expected = ((betas[here] - mean) / std).mean(axis=0)
        np.testing.assert_allclose(row[measured], expected[measured], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(made["predictions/pixels"].predicted.values, _predicted(made), atol=1e-5)
    scores = outcome.as_json()["subjects"]["subj01"]["scores"]["pixels"]
    assert scores["two-way-pixels"]["n"] == tested.sum()


def test_a_test_session_has_no_training_trials_to_standardize_by(release, tmp_path):
    with pytest.raises(ShapeError, match=r"in one session: .* standardize by 'train'"):
        _run(release, tmp_path / "archive", "data.test=imagery", "responses.standardize=session")
    assert not (tmp_path / "archive").exists()
