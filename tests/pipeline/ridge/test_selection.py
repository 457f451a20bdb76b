"""The alphas that are chosen are scikit-learn's and himalaya's, by scores that equal refits."""

from __future__ import annotations

import numpy as np
import pytest
from himalaya.kernel_ridge import KernelRidgeCV
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from pipeline.errors import PipelineError, RecipeError, ShapeError
from pipeline.ridge import (
    Groups,
    by_factors,
    by_spectrum,
    centred_targets,
    dual_spectrum,
    gcv_errors,
    gram_band,
    grid,
    held_out_errors,
    identification,
    identifications,
    moments,
    predict_by_alphas,
    primal_gram_band,
    primal_spectrum,
    project_rows,
)

ALPHAS = grid(0.1, 1e4, 11)
ROWS = 40
EVERY = np.arange(ROWS)
FOLDS = EVERY * 7 % 5
PICTURES = np.sort(EVERY * 11 % 17)  # two or three rows each


def problem(p, targets=6, n=ROWS, seed=0):
    """Targets of very different noise, so that their best alphas differ; the last is constant."""
    random = np.random.default_rng(seed)
    x = random.normal(2, 1, (n, p))
    noise = np.geomspace(0.05, 30, targets)
    y = x @ random.normal(0, 1, (p, targets)) / np.sqrt(p) + noise * random.normal(size=(n, targets)) + 5
    y[:, -1] = 0.3
    return x, y


def spectrum_of(x, form):
    if form == "dual":
        return dual_spectrum(gram_band([x], 0, x.shape[0], "float64"))
    return primal_spectrum(primal_gram_band(x, [], x.shape[1], "float64"), [x])


def candidates(x, y, form, alphas=ALPHAS):
    targets = centred_targets(y, moments(y), "float64")
    if form == "factor":
        return by_factors(gram_band([x], 0, x.shape[0], "float64"), targets, alphas)
    return by_spectrum(spectrum_of(x, form), targets, alphas)


FORMS = [("dual", 70), ("primal", 15), ("dual", 15), ("primal", ROWS - 1), ("factor", 70)]


@pytest.mark.parametrize("labels", [FOLDS, PICTURES], ids=["folds", "pictures"])
@pytest.mark.parametrize(("form", "p"), FORMS)
def test_groups_left_out_equal_the_refits(library, form, p, labels):
    x, y = problem(p)
    found = held_out_errors(candidates(library.put(x), library.put(y), form), Groups.of(labels))
    for alpha, errors in zip(ALPHAS, library.get(found.values), strict=True):
        predicted = cross_val_predict(Ridge(alpha), x, y, cv=PredefinedSplit(labels))
        np.testing.assert_allclose(errors, ((predicted - y) ** 2).mean(axis=0), rtol=1e-7, atol=1e-20)


@pytest.mark.parametrize(("form", "p"), FORMS)
def test_gcv_is_its_formula(library, form, p):
    x, y = problem(p)
    given_ = candidates(library.put(x), library.put(y), form)
    found = gcv_errors(given_)
    centred = x - x.mean(axis=0)
    for alpha, errors in zip(ALPHAS, library.get(found.values), strict=True):
        hat = centred @ np.linalg.solve(centred.T @ centred + alpha * np.eye(p), centred.T) + 1 / ROWS
        residual = y - hat @ y
        expected = (residual**2).mean(axis=0) / (1 - np.trace(hat) / ROWS) ** 2
        np.testing.assert_allclose(errors[:-1], expected[:-1], rtol=1e-7)
    assert not library.get(found.variance)[-1]


@pytest.mark.parametrize(("form", "p"), FORMS)
def test_leave_one_out_chooses_the_alphas_of_ridgecv(library, form, p):
    """scikit-learn's RidgeCV without cv, whatever its gcv_mode, is exact leave-one-out."""
    x, y = problem(p)
    found = held_out_errors(candidates(library.put(x), library.put(y), form), Groups.of(EVERY))
    each = RidgeCV(ALPHAS, alpha_per_target=True, store_cv_results=True).fit(x, y)
    np.testing.assert_allclose(
        library.get(found.values), each.cv_results_.mean(axis=0).T, rtol=1e-6, atol=1e-12
    )
    best = library.get(found.best())
    np.testing.assert_array_equal(np.array(ALPHAS)[best[:-1]], each.alpha_[:-1])
    assert best[-1] == len(ALPHAS) - 1  # of a constant target
    assert len(set(best.tolist())) > 2
    together = RidgeCV(ALPHAS).fit(x, y)
    assert ALPHAS[int(np.argmax(library.get(found.explained())))] == together.alpha_


@pytest.mark.parametrize(("form", "p"), [("dual", 70), ("factor", 70), ("primal", 15)])
def test_folds_choose_the_alphas_of_himalaya(form, p):
    x, y = problem(p)
    model = KernelRidgeCV(
        ALPHAS, fit_intercept=True, cv=PredefinedSplit(FOLDS), warn=False, solver_params={"local_alpha": True}
    )
    model.fit(x, y[:, :-1])
    found = held_out_errors(candidates(x, y[:, :-1], form), Groups.of(FOLDS))
    np.testing.assert_allclose(found.values.min(axis=0), -model.cv_scores_, rtol=1e-6)
    np.testing.assert_allclose(np.array(ALPHAS)[found.best()], model.best_alphas_, rtol=1e-9)


@pytest.mark.parametrize("form", ["dual", "factor"])
def test_float32_scores_are_those_of_float64(form):
    x, y = problem(300)
    exact = held_out_errors(candidates(x, y, form), Groups.of(FOLDS))
    gram = gram_band([x.astype("float32")], 0, ROWS, "float32")
    small = centred_targets(y.astype("float32"), moments(y), "float32")
    made = (
        by_factors(gram, small, ALPHAS)
        if form == "factor"
        else by_spectrum(dual_spectrum(gram), small, ALPHAS)
    )
    found = held_out_errors(made, Groups.of(FOLDS))
    np.testing.assert_allclose(found.values[:, :-1], exact.values[:, :-1], rtol=1e-4)


@pytest.mark.parametrize(("form", "p"), [("dual", 70), ("primal", 15)])
def test_predictions_with_an_alpha_a_target(library, form, p):
    x, y = problem(p)
    x_test = np.random.default_rng(1).normal(2, 1, (9, p))
    alphas = np.geomspace(0.5, 500, y.shape[1])
    spectrum = spectrum_of(library.put(x), form)
    projected = project_rows([(library.put(x), library.put(x_test))], spectrum)
    targets = spectrum.project(centred_targets(library.put(y), moments(library.put(y)), "float64"))
    found = predict_by_alphas(projected, spectrum, targets, library.put(alphas))
    expected = Ridge(alphas).fit(x, y).predict(x_test)
    np.testing.assert_allclose(library.get(found) + y.mean(axis=0), expected, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 25), st.integers(1, 30), st.floats(1e-2, 1e4), st.floats(-20, 20), st.floats(0.2, 5))
def test_identities(n, p, alpha, shift, scale):
    x, y = problem(p, n=n)

    def errors(x, y, form, alpha=alpha):
        return held_out_errors(candidates(x, y, form, [alpha]), Groups.of(np.arange(n) % 2)).values

    expected = errors(x, y, "dual")
    close = {"rtol": 1e-5, "atol": 1e-8}
    np.testing.assert_allclose(errors(x, y, "factor"), expected, **close)
    if p < n:
        np.testing.assert_allclose(errors(x, y, "primal"), expected, **close)
    np.testing.assert_allclose(errors(x + shift, y + shift, "dual"), expected, **close)
    np.testing.assert_allclose(errors(x * scale, y, "dual", alpha * scale**2), expected, **close)
    np.testing.assert_allclose(errors(x, y * scale, "dual"), expected * scale**2, **close)


def test_retrieval_prefers_what_identifies(library):
    """Predictions by any alpha but one are of another fold's pictures."""
    x, y = problem(70, targets=30)
    y = y - y.mean(axis=0)
    given_ = candidates(library.put(x), library.put(y), "dual")
    found = library.get(identifications(given_, Groups.of(FOLDS), EVERY))
    for alpha, share in zip(ALPHAS, found, strict=True):
        predicted = cross_val_predict(Ridge(alpha), x, y, cv=PredefinedSplit(FOLDS))
        predicted -= predicted.mean(axis=0)
        alike = np.corrcoef(predicted, y)[:ROWS, ROWS:]
        same = (FOLDS[:, None] == FOLDS) & ~np.eye(ROWS, dtype=bool)
        expected = [(alike[i, same[i]] < alike[i, i]).mean() for i in range(ROWS)]
        np.testing.assert_allclose(share, np.mean(expected), atol=1e-12)


def test_centring_undoes_hubs():
    """Shrunk predictions share a mean that drowns what tells them apart; it is taken off."""
    random = np.random.default_rng(0)
    y = random.normal(size=(ROWS, 200))
    hub = 40 * random.normal(size=200)
    assert identification(0.1 * y + hub, y, FOLDS, EVERY) == 1
    assert abs(identification(random.normal(size=y.shape) + hub, y, FOLDS, EVERY) - 0.5) < 0.1


def test_rows_of_one_picture_are_one_candidate():
    y = np.random.default_rng(0).normal(size=(17, 50))[PICTURES]
    assert identification(y, y, PICTURES % 3, PICTURES) == 1


def test_nothing_to_choose_by_is_refused():
    x, y = problem(20)
    with pytest.raises(ShapeError, match="No target varies"):
        held_out_errors(candidates(x, y[:, -1:], "dual"), Groups.of(EVERY)).explained()
    with pytest.raises(ShapeError, match="No target varies"):
        identifications(candidates(x, y[:, -1:], "dual"), Groups.of(FOLDS), EVERY)
    with pytest.raises(ShapeError, match="All training rows saw the same picture"):
        Groups.of(np.zeros(ROWS))
    with pytest.raises(ShapeError, match="A fold holds one picture only"):
        identification(y, y, np.minimum(EVERY, 1), EVERY)
    with pytest.raises(PipelineError, match="holds NaN or infinity"):
        dual_spectrum(np.full((3, 3), np.nan))
    for p in (14, 16):
        with pytest.raises(ShapeError, match=f"Training rows of {p} voxels for a Gram matrix of 15"):
            primal_spectrum(np.eye(15), [x[:, :p]])


def test_vectors_are_orthonormal_and_without_the_intercept(library):
    x, _ = problem(6)
    spectrum = spectrum_of(library.put(x), "dual")  # most eigenvalues are 0, mixed with the intercept's
    vectors, values = library.get(spectrum.vectors), library.get(spectrum.values)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(ROWS - 1), atol=1e-12)
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-12)
    assert values.min() >= 0
    centred = x - x.mean(axis=0)
    np.testing.assert_allclose(vectors * values @ vectors.T, centred @ centred.T, atol=1e-9)


def _exact(alphas, form, library):
    """Candidates in float32, of which the first fits every row exactly: 1 - leverage is a mere rounding."""
    random = np.random.default_rng(0)
    x, y = (library.put(random.normal(size=(12, each)).astype("float32")) for each in (40, 3))
    targets = centred_targets(y, moments(y), "float32")
    if form == "primal":
        few = x[:, :11]
        spectrum = primal_spectrum(primal_gram_band(few, [], 11, "float32"), [few])
    else:
        spectrum = dual_spectrum(gram_band([x], 0, 12, "float32"))
    return by_spectrum(spectrum, targets, alphas)


@pytest.mark.parametrize("form", ["dual", "primal"])
def test_a_penalty_that_fits_every_row_exactly_is_not_chosen(library, form):
    errors = [gcv_errors(_exact([1e-10, 1e2], form, library))]
    if form == "primal":
        errors.append(held_out_errors(_exact([1e-10, 1e2], form, library), Groups.of(np.arange(12))))
    for found in errors:
        assert library.get(found.best()).tolist() == [1, 1, 1]
        assert not np.isnan(library.get(found.values)).any()


def test_nothing_is_chosen_where_every_penalty_fits_exactly(library):
    found = gcv_errors(_exact([1e-12, 1e-10], "dual", library))
    assert library.get(found.best()).tolist() == [1, 1, 1]  # the largest does least harm
    with pytest.raises(ShapeError, match="Every candidate alpha fits training rows exactly"):
        found.explained()


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf"), 1e-300, 1e-16])
@pytest.mark.parametrize("form", ["dual", "primal", "factor"])
def test_a_penalty_that_is_none_is_refused(library, form, alpha):
    """By a factor as by a spectrum: a matrix of fewer rows than voxels has no inverse without one."""
    x, y = problem(70 if form != "primal" else 15)
    given_ = candidates(library.put(x), library.put(y), form, [100.0])
    assert held_out_errors(given_, Groups.of(EVERY)).values.shape == (1, 6)
    with pytest.raises(RecipeError, match=r"is lost in the rounding|expected a finite number above 0"):
        held_out_errors(candidates(library.put(x), library.put(y), form, [alpha, 100.0]), Groups.of(EVERY))
