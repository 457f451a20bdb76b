from __future__ import annotations

import pytest

from pipeline.ridge import (
    choose_form,
    choose_primal_form,
    choose_spectrum,
    cross_flops,
    factor_flops,
    gram_band_flops,
    predict_flops,
    selection_flops,
)


@pytest.mark.parametrize(("n", "p", "form"), [(10, 11, "dual"), (10, 10, "dual"), (11, 10, "primal")])
def test_dual_where_rows_are_no_more_than_voxels(n, p, form):
    assert choose_form(n, p) == form


def test_primal_form_by_operations():
    # Many single trials and few test rows: the smoother. Few targets and many test rows: the left matrix.
    assert choose_primal_form(n=24_980, p=15_724, m=982, t=91_168) == "smoother"
    assert choose_primal_form(n=2000, p=100, m=5000, t=10) == "left"


def test_operations_at_full_size():
    """The table of whole-problem operations: n = 8859, m = 982, p = 15,724, t = 91,168."""
    assert gram_band_flops(0, 8859, 15_724) == pytest.approx(1.23e12, rel=0.01)
    assert cross_flops(8859, 15_724, 982) == pytest.approx(2.7e11, rel=0.02)
    assert factor_flops(8859, 982) == pytest.approx(2.3e11 + 1.5e11, rel=0.03)
    assert predict_flops(8859, 982, 91_168) == pytest.approx(1.59e12, rel=0.01)


def test_bands_add_up():
    assert sum(gram_band_flops(a, b, 7) for a, b in ((0, 3), (3, 8), (8, 20))) == gram_band_flops(0, 20, 7)


def test_few_alphas_by_factors_many_by_one_decomposition():
    for gcv in (True, False):
        ways = [choose_spectrum(8859, 3000, count, gcv=gcv) for count in range(1, 30)]
        assert not ways[1]
        assert ways[10]
        assert ways == sorted(ways)  # once the spectrum pays, it goes on paying


def test_many_alphas_a_target_cost_little_more_than_one():
    one, twenty = (selection_flops(8859, 91_168, count, gcv=True, spectral=True) for count in (1, 20))
    assert twenty < 1.01 * one
