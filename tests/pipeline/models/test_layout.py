"""What layers hold, counted without numbers: by hand on small sums, and what a real run holds."""

from __future__ import annotations

import pytest
import torch

from pipeline.models.layout import most_held

SIDE = 1000
BYTES = 4 * SIDE * SIDE


@pytest.fixture
def square():
    return torch.empty(SIDE, SIDE, device="meta")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x + 1, 1),
        (lambda x: (x + 1).sum(), 1),
        (lambda x: ((x + 1) * 2).t(), 2),
        (lambda x: [(x + 1).sum() for _ in range(5)], 1),  # each is let go before the next
        (lambda x: [x + 1 for _ in range(5)], 5),
        (lambda x: x.t().reshape(-1)[:10], 1),  # a copy; a view alone takes nothing
        (lambda x: x.t(), 0),
    ],
)
def test_what_is_held_at_once(square, call, expected):
    assert most_held(lambda: call(square), [square]) == pytest.approx(expected * BYTES, abs=1000)


def test_layers_are_held_for_the_way_back():
    layer = torch.nn.Sequential(*[torch.nn.Sigmoid() for _ in range(6)]).to("meta")
    x = torch.empty(SIDE, SIDE, device="meta", requires_grad=True)
    with torch.no_grad():
        alone = most_held(lambda: layer(x), [x])
    back = most_held(lambda: layer(x).sum().backward(), [x])
    assert alone == pytest.approx(2 * BYTES, rel=0.01)
    assert 6 * BYTES < back < 9 * BYTES


def test_attention_takes_no_matrix_of_all_pairs():
    x = torch.empty(1, 4, 4096, 16, device="meta")
    held = most_held(lambda: torch.nn.functional.scaled_dot_product_attention(x, x, x), [x])
    assert held < 3 * x.nbytes


def test_no_numbers_are_needed(square):
    before = most_held(lambda: square @ square, [square])
    assert before == pytest.approx(BYTES)
