"""Rows and their standardisation, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ShapeError
from pipeline.stages.respond import moments, responses
from pipeline.stages.rows import arrange, folds_of


def _trials(image_id, test, session=None, run=None):
    count = len(image_id)
    seen: dict[str, int] = {}
    repeat = []
    for name in image_id:
        repeat.append(seen.get(name, 0))
        seen[name] = seen.get(name, 0) + 1
    return xr.Dataset(
        {
            "image_id": ("trial", np.array(image_id, dtype=object)),
            "test": ("trial", np.array(test, bool)),
            "session": ("trial", np.array([1] * count if session is None else session, np.int16)),
            "run": ("trial", np.array([1] * count if run is None else run, np.int16)),
            "repeat": ("trial", np.array(repeat, np.int16)),
        }
    )


def _betas(values, scale=None):
    attrs = {} if scale is None else {"scale_factor": scale}
    return xr.Dataset({"betas": (("trial", "voxel"), values, attrs)})


@st.composite
def experiments(draw):
    """Draw trials: pictures shown one to three times, some of them held out, in any order."""
    pictures = draw(st.integers(4, 9))
    held = draw(st.integers(1, pictures - 3))
    shown = [name for name in range(pictures) for _ in range(draw(st.integers(1, 3)))]
    order = draw(st.permutations(shown))
    return _trials([f"p{name}" for name in order], [name < held for name in order])


@given(experiments(), st.sampled_from(["all", "test", "none"]))
def test_rows_are_the_trials_once_each(trials, average):
    rows = arrange(trials, average)
    names, test = trials.image_id.values, trials.test.values
    assert set(rows.of_trial) == set(range(rows.count))
    np.testing.assert_array_equal(rows.image_id[rows.of_trial], names)
    np.testing.assert_array_equal(rows.test[rows.of_trial], test)
    assert list(rows.test) == sorted(rows.test)  # training rows first
    averaged = {"all": [True, True], "test": [False, True], "none": [False, False]}[average]
    for part, mean in zip((~test, test), averaged, strict=True):
        expected = len(set(names[part])) if mean else part.sum()
        assert len(set(rows.of_trial[part])) == expected
        assert (rows.repeat[rows.of_trial[part]] == -1).all() == mean
        first = list(dict.fromkeys(names[part]))
        assert list(dict.fromkeys(rows.image_id[rows.of_trial[part]])) == first  # order of first appearance


@given(experiments(), st.integers(2, 4), st.integers(0, 5))
def test_a_picture_lies_in_one_fold(trials, folds, seed):
    rows = arrange(trials, "none")
    fold = folds_of(rows.image_id, rows.test, folds, seed)
    assert (fold[rows.test] == -1).all()
    for name in set(rows.image_id[~rows.test]):
        assert len(set(fold[rows.image_id == name])) == 1


def test_trials_of_one_kind_only_are_refused():
    with pytest.raises(ShapeError, match="no test trials"):
        arrange(_trials(["a", "b"], [False, False]), "all")
    with pytest.raises(ShapeError, match="no training trials"):
        arrange(_trials(["a", "b"], [True, True]), "all")


def test_a_picture_on_both_sides_is_refused():
    with pytest.raises(ShapeError, match="picture a is shown in training and in test"):
        arrange(_trials(["a", "b", "a"], [False, False, True]), "all")


def _standardized(values, trials, how):
    test, session, run = (trials[name].values for name in ("test", "session", "run"))
    groups = {"session": session, "run": session * 100 + run}.get(how, np.zeros(len(test)))
    found = values.astype(float).copy()
    if how == "scalar":
        training = values[~test].astype(float)
        return (found - training.mean()) / training.std()
    for group in np.unique(groups) if how != "none" else []:
        inside = groups == group
        training = values[inside & ~test].astype(float)
        std = training.std(axis=0, ddof=1)
        found[inside] = np.where(
            std > 1e-9, (found[inside] - training.mean(axis=0)) / np.where(std > 0, std, 1), 0
        )
    return found


@given(experiments(), st.integers(0, 9), st.sampled_from(["all", "none"]))
def test_rows_are_standardised_once_they_are_averaged_if_asked(trials, seed, average):
    """As Brain-Diffuser does: by the spread of averaged pictures, which is less than that of trials."""
    count = trials.sizes["trial"]
    values = np.random.default_rng(seed).normal(2, 3, (count, 4)).astype(np.float32)
    values[:, 3] = 1.0
    found = responses(trials, _betas(values), standardize="rows", average_repeats=average).compute()
    rows = arrange(trials, average)
    mean = np.stack([values[rows.of_trial == row].astype(float).mean(0) for row in range(rows.count)])
    train = mean[~rows.test]
    std = train.std(axis=0, ddof=1)
    expected = np.where(std > 1e-9, (mean - train.mean(axis=0)) / np.where(std > 1e-9, std, 1), 0)
    np.testing.assert_allclose(found.response, expected, atol=1e-5)
    np.testing.assert_allclose(found["std"], np.where(std > 1e-9, std, 0), rtol=1e-5)
    assert found["std"].attrs["long_name"] == "standard deviation of the training rows"
    if average == "none":
        of_trials = responses(trials, _betas(values), standardize="train", average_repeats="none")
        np.testing.assert_allclose(found.response, of_trials.response, atol=1e-6)


def test_rows_that_were_not_measured_are_left_out_of_the_mean_of_rows():
    names, test = ["a", "b", "c", "d", "a"], [False, False, False, True, False]
    trials = _trials(names, test, session=[1, 1, 2, 2, 2])
    values = np.random.default_rng(1).normal(2, 3, (5, 2)).astype(np.float32)
    session = np.array([1, 1, 2, 2, 2], np.int16)
    betas = _betas(values).assign_coords(session=("trial", session))
    valid = xr.Dataset(
        {"valid": (("session", "voxel"), [[True, True], [True, False]])},
        coords={"session": np.array([1, 2], np.int16)},
    )
    found = responses(trials, betas, valid, standardize="rows").compute()
    assert found.response.values[2:, 1].tolist() == [0.0, 0.0]  # c and d were never measured there
    kept = values[:2, 1].astype(float)
    np.testing.assert_allclose(
        found.response.values[:2, 1], (kept - kept.mean()) / kept.std(ddof=1), rtol=1e-5
    )


def test_all_trials_standardise_themselves_if_asked():
    trials = _trials(["a", "b", "c", "a", "d", "b"], [False, True, False, False, False, True])
    values = np.random.default_rng(0).normal(3, 2, (6, 4)).astype(np.float32)
    found = responses(trials, _betas(values), standardize="all-trials", average_repeats="none").compute()
    expected = (values - values.mean(0)) / values.std(0)  # ddof 0, test rows and all
    order = [0, 2, 3, 4, 1, 5]
    np.testing.assert_allclose(found.response.values, expected[order], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["mean"], values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["std"], values.std(0), rtol=1e-5)
    assert found["std"].attrs["long_name"] == "standard deviation of all trials, tested ones included"


@settings(deadline=None, max_examples=25)
@given(
    how=st.sampled_from(["train", "session", "run", "scalar", "none"]),
    average=st.sampled_from(["all", "test", "none"]),
    stored=st.sampled_from(["float32", "int16"]),
    voxels=st.sampled_from([2, 7, 300]),
    seed=st.integers(0, 9),
)
def test_responses_equal_plain_numpy(how, average, stored, voxels, seed):
    random = np.random.default_rng(seed)
    names = [f"p{n}" for n in random.permutation(np.repeat(np.arange(12), 3))]
    test = [name in {"p1", "p2", "p3"} for name in names]
    trials = _trials(names, test, session=np.arange(36) // 18 + 1, run=np.arange(36) // 9 % 2 + 1)
    values = (random.normal(5, 2, (36, voxels)) * 300).astype(stored)
    values[:, 0] = 9  # a constant voxel
    scale = 1 / 300 if stored == "int16" else None
    betas = _betas(values, scale)
    shared = {"moments": moments(trials, betas).compute()} if how == "scalar" else {}
    found = responses(trials, betas, **shared, standardize=how, average_repeats=average).compute()
    percent = values.astype(float) * (scale or 1)
    expected = _standardized(percent, trials, how)
    rows = arrange(trials, average)
    means = np.array([expected[rows.of_trial == row].mean(axis=0) for row in range(rows.count)])
    np.testing.assert_allclose(found.response.values, means, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["mean"].values, percent[~np.array(test)].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        found["std"].values, percent[~np.array(test)].std(axis=0, ddof=1), rtol=1e-5, atol=1e-7
    )


def test_a_voxel_that_was_not_measured_in_a_session_counts_in_the_others_alone():
    random = np.random.default_rng(0)
    names = [f"p{n}" for n in [*range(8), *range(8), *range(8)]]
    session = np.repeat([1, 2, 3], 8)
    test = [name in {"p0", "p1"} for name in names]
    values = random.normal(1, 1, (24, 3)).astype(np.float32)
    values[session == 2, 1] = 0  # outside the scanned volume
    valid = xr.Dataset(
        {"valid": (("session", "voxel"), np.array([[True] * 3, [True, False, True], [True] * 3]))},
        coords={"session": np.array([1, 2, 3], np.int16)},
    )
    trials = _trials(names, test, session=session)
    betas = _betas(values).assign_coords(session=("trial", session))
    found = responses(trials, betas, valid, standardize="session").compute()
    kept = session != 2
    alone = responses(trials.isel(trial=kept), betas.isel(trial=kept), standardize="session").compute()
    np.testing.assert_allclose(found.response.values[:, 1], alone.response.values[:, 1], rtol=1e-6)
    np.testing.assert_allclose(found["mean"].values[1], alone["mean"].values[1], rtol=1e-6)
    everywhere = responses(trials, betas, standardize="session").compute()
    np.testing.assert_array_equal(found.response.values[:, [0, 2]], everywhere.response.values[:, [0, 2]])


def test_a_session_with_one_training_trial_cannot_be_standardised():
    trials = _trials(["a", "b", "c", "d"], [False, False, False, True], session=[1, 1, 2, 2])
    with pytest.raises(ShapeError, match="1 training trial found in one session"):
        responses(trials, _betas(np.zeros((4, 2), np.float32)), standardize="session")


@given(experiments(), st.data())
def test_what_is_not_used_enters_nothing(trials, data):
    """Responses are those of the other trials alone, however the betas of the unused ones look."""
    count = trials.sizes["trial"]
    others = data.draw(st.integers(1, 4))
    at = np.sort(data.draw(st.permutations(range(count + others)))[:others])
    place = np.setdiff1d(np.arange(count + others), at)
    rng = np.random.default_rng(0)
    values = rng.standard_normal((count + others, 5))
    # what is not used may even show pictures that are trained on, or that there is no picture of
    spread = {name: np.zeros(count + others, array.dtype) for name, array in trials.data_vars.items()}
    spread["image_id"][at] = data.draw(st.sampled_from(["", "p0", "p3"]))
    for name, array in spread.items():
        array[place] = trials[name].values
    used = np.isin(np.arange(count + others), place)
    mixed = xr.Dataset({name: ("trial", array) for name, array in {**spread, "used": used}.items()})
    for given_moments in (None, "scalar"):
        how = {"standardize": "train"}
        these, those = {}, {}
        if given_moments:
            how = {"standardize": "scalar"}
            these = {"moments": moments(mixed, _betas(values)).compute()}
            those = {"moments": moments(trials, _betas(values[place])).compute()}
        found = responses(mixed, _betas(values), **these, **how).compute()
        expected = responses(trials, _betas(values[place]), **those, **how).compute()
        xr.testing.assert_allclose(found, expected)
        assert found.image_id.equals(expected.image_id)


def test_a_session_without_training_trials_is_told():
    trials = _trials(["a", "a", "b", "c"], [False, False, False, True], session=[1, 1, 1, 0])
    with pytest.raises(
        ShapeError, match=r"0 training trials found in one session: .* standardize by 'train'"
    ):
        responses(trials, _betas(np.ones((4, 2))), standardize="session")


def test_one_number_for_all_voxels_leaves_out_what_was_not_measured():
    """Trials of a voxel in a session without data are zeros on disk; they are no response."""
    rng = np.random.default_rng(2)
    session = np.repeat([2, 5, 6], 500).astype(np.int16)
    trials = _trials([f"p{at}" for at in range(1500)], rng.random(1500) < 0.2, session)
    valid = rng.random((3, 40)) < 0.7
    values = rng.integers(-900, 900, (1500, 40)).astype(np.int16)
    measured = valid[np.searchsorted([2, 5, 6], session)]
    values[~measured] = 0
    betas = _betas(values, 1 / 300).assign_coords(session=("trial", session))
    validity = xr.Dataset(
        {"valid": (("session", "voxel"), valid)}, coords={"session": np.array([2, 5, 6], np.int16)}
    )
    found = moments(trials, betas, validity).compute()
    kept = (values / 300)[measured & ~trials.test.values[:, None]]
    np.testing.assert_allclose([found["mean"], found["std"]], [kept.mean(), kept.std()], rtol=1e-12)
    assert abs(float(moments(trials, betas).compute()["std"]) / kept.std() - 1) > 0.05
