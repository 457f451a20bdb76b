from __future__ import annotations

import pytest

from pipeline.metrics.chance import shifts_of


@pytest.mark.parametrize(("rows", "count"), [(1, 0), (2, 1), (3, 2), (30, 29), (100, 10), (982, 1)])
def test_number_of_shifts(rows, count):
    shifts = shifts_of(rows, 0)
    assert len(set(shifts)) == len(shifts) == count
    assert all(0 < shift < rows for shift in shifts)
