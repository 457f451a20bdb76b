"""How alphas were chosen, on the page."""

from __future__ import annotations

import pytest

from pipeline.recipe.alphas import Alphas
from pipeline.report import open_results
from pipeline.report.page import page
from pipeline.report.ridges import ridge_cards
from pipeline.report.write import render


@pytest.fixture(scope="module", params=["space", "feature"])
def results(request, tmp_path_factory, data_writer, recipe_tables, start):
    folder = tmp_path_factory.mktemp(request.param)
    data_writer(folder / "data.npz")
    said = recipe_tables()
    said["responses"] = {"average_repeats": "none"}
    said["ridge"]["spaces"]["pixels"]["alpha"] = {
        "from": 0.1,
        "to": 1e4,
        "count": 6,
        "per": request.param,
        "by": "loo",
    }
    return open_results(start(folder, said, "regress"))


def test_candidates_stand_side_by_side(results, parse):
    (card,) = ridge_cards(results, "a", 0)
    asked = results.recipe.ridge.spaces["pixels"].alpha
    assert isinstance(asked, Alphas)
    marks = card.choice.marks
    assert [best for _, _, best in marks].count(True) == 1
    assert len(marks) == 6
    assert {min(places := [place for place, _, _ in marks]), max(places)} == {4, 96}
    alpha = results.predictions().alpha.values
    if asked.per == "space":
        chosen = next(at for at, (_, height, _) in enumerate(marks) if height == 1)
        assert float(results.open("alpha/pixels").tried[chosen]) == alpha[0]
    else:
        assert 0 < sum(height for _, height, _ in marks) <= 6
        assert f"of {len(alpha)} features chose" in card.choice.told
    parsed = parse(render(page([results])))
    assert "alpha by leave-one-out" in parsed.text
    assert "candidates stand below" in parsed.text
    assert len([one for one in parsed.all("circle") if one["class"] in ("tried", "best")]) == (
        6 if asked.per == "space" else 0
    )


def test_a_given_alpha_has_no_candidates(recipe, parse):
    (card,) = ridge_cards(open_results(recipe), "a", 0)
    assert card.choice is None
    assert "alpha by" not in parse(render(page([open_results(recipe)]))).text
