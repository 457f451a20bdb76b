"""The feature space of principal components: parity, identities, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from pipeline.errors import ShapeError
from pipeline.features import pca

if TYPE_CHECKING:
    from numpy.typing import NDArray


def drawn(seed: int, shape: tuple[int, ...] = (30, 12)) -> NDArray[np.float32]:
    """Return pixel values whose directions vary in falling measure."""
    values = np.random.default_rng(seed).random(shape) * np.linspace(1, 0.1, shape[1])
    return values.astype(np.float32)


def test_basis_and_scores_equal_scikit_learns() -> None:
    values = drawn(0)
    basis = pca.fit(values, 5, seed=0)
    theirs = PCA(5, svd_solver="full").fit(values.astype(np.float64))
    np.testing.assert_allclose(basis.mean, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(basis.components, theirs.components_, atol=1e-12)
    np.testing.assert_allclose(basis.variance, theirs.explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(pca.encode(values, basis), theirs.transform(values), atol=1e-6)
    assert pca.encode(values, basis).dtype == np.float32


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 12))
def test_components_are_orthonormal_and_in_falling_order(seed: int, components: int) -> None:
    basis = pca.fit(drawn(seed), components, seed)
    np.testing.assert_allclose(basis.components @ basis.components.T, np.eye(components), atol=1e-10)
    assert (np.diff(basis.variance) <= 1e-12).all()


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_all_components_together_give_the_picture_back(seed: int) -> None:
    values = drawn(seed)
    basis = pca.fit(values, 12, seed)
    np.testing.assert_allclose(pca.decode(pca.encode(values, basis), basis), values, atol=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 11))
def test_the_way_back_and_there_is_the_identity(seed: int, components: int) -> None:
    basis = pca.fit(drawn(seed), components, seed)
    scores = np.random.default_rng(seed).standard_normal((4, components)).astype(np.float32)
    np.testing.assert_allclose(pca.encode(pca.decode(scores, basis), basis), scores, atol=1e-5)


def test_the_same_pictures_give_the_same_bytes() -> None:
    first, second = (pca.fit(drawn(1), 4, seed=0) for _ in range(2))
    assert first.components.tobytes() == second.components.tobytes()


def test_signs_do_not_depend_on_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = pca.fit(drawn(2), 3, seed=0)
    monkeypatch.setattr(pca, "EXACT", 4)
    drawn_by_lot = pca.fit(drawn(2), 3, seed=0)
    np.testing.assert_allclose(drawn_by_lot.components, exact.components, atol=1e-2)
    largest = np.abs(exact.components).argmax(axis=1)
    assert (exact.components[np.arange(3), largest] > 0).all()


def test_large_sets_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pca, "EXACT", 4)
    first, again = (pca.fit(drawn(3, (60, 40)), 3, seed=2**40 + 7) for _ in range(2))
    assert first.components.tobytes() == again.components.tobytes()


def test_pictures_all_alike_have_no_variance_and_no_warning() -> None:
    basis = pca.fit(np.full((5, 4), 0.5), 2, seed=0)
    assert basis.variance.tolist() == [0, 0]
    np.testing.assert_allclose(pca.decode(np.zeros((1, 2)), basis), 0.5)


@pytest.mark.parametrize(("shape", "most"), [((5, 9), 5), ((9, 5), 5)])
def test_too_many_components_are_refused_with_both_numbers(shape: tuple[int, ...], most: int) -> None:
    says = (
        f"6 components were asked of {shape[0]} training pictures of {shape[1]} pixel values; at most {most}"
    )
    with pytest.raises(ShapeError, match=says):
        pca.fit(np.zeros(shape), 6, seed=0)


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,)])
def test_too_few_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="2 images or more"):
        pca.fit(np.zeros(shape), 1, seed=0)


def test_arrays_that_do_not_fit_the_basis_are_refused() -> None:
    basis = pca.fit(drawn(0), 3, seed=0)
    with pytest.raises(ShapeError, match=r"expected \(row, 12\)"):
        pca.encode(np.zeros((2, 11)), basis)
    with pytest.raises(ShapeError, match=r"expected \(row, 3\)"):
        pca.decode(np.zeros((2, 4)), basis)
