from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import RecipeError
from pipeline.ridge import factorise, grid


@pytest.mark.parametrize(("alpha", "dtype"), [(1e-300, "float64"), (1e-13, "float64"), (1e-5, "float32")])
def test_a_penalty_beneath_the_rounding_of_the_diagonal_is_refused(library, alpha, dtype):
    """Whether a singular matrix has a factor would hang on its last bits."""
    x = np.random.default_rng(0).normal(size=(8, 700))
    lower = library.put(np.tril((x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T).astype(dtype))
    with pytest.raises(
        RecipeError, match=rf"alpha = {alpha:g} is lost .* in {dtype}; .* at least: raise alpha"
    ):
        factorise(lower, alpha)
    assert factorise(lower, alpha * 1e3 if alpha > 1e-299 else 1e-9).alpha > alpha


def test_a_matrix_of_zeros_takes_any_penalty():
    assert factorise(np.zeros((3, 3)), 1e-9).alpha == 1e-9


def test_grids_are_evenly_spaced_in_their_logarithm():
    assert grid(1e2, 1e7, 11)[::2] == pytest.approx((1e2, 1e3, 1e4, 1e5, 1e6, 1e7))
    for wrong in [(0, 1, 3), (1, 1, 3), (2, 1, 3), (1, 2, 1), (float("nan"), 2, 3), (1, float("inf"), 3)]:
        with pytest.raises(RecipeError, match="expected 0 < from < to"):
            grid(*wrong)
