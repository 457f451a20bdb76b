"""Which pictures are shown: by score alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.report import open_results
from pipeline.report.contenders import Contender
from pipeline.report.gallery import ALL, EACH, best_first, galleries, parts

SCORES = arrays.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1, 1) | st.just(np.nan))


@given(SCORES, st.booleans())
def test_ranking_is_sorted_whole_and_ends_in_the_unscored(scores, higher):
    order = best_first(scores, higher_is_better=higher)
    assert sorted(order) == list(range(len(scores)))
    known = scores[order][: np.isfinite(scores).sum()]
    assert np.isfinite(known).all()
    assert (np.diff(known) <= 0).all() if higher else (np.diff(known) >= 0).all()


def test_ties_keep_the_order_of_the_test_set():
    assert best_first(np.array([0.5, 0.7, 0.5, 0.7]), higher_is_better=True).tolist() == [1, 3, 0, 2]


@given(st.integers(ALL + 1, 2000))
def test_many_pictures_are_shown_by_their_ends_and_their_middle(n):
    (_, best), (_, middle), (_, worst) = parts(n)
    assert {len(best), len(middle), len(worst)} == {EACH}
    assert best[0] == 0
    assert worst[-1] == n - 1
    assert (n - 1) // 2 in middle
    assert n // 2 in middle


@given(st.integers(0, ALL))
def test_few_pictures_are_all_shown(n):
    assert parts(n) == [("", range(n))]


@pytest.fixture
def results(recipe):
    return open_results(recipe)


def test_each_picture_has_its_own_score(results):
    (gallery,) = galleries([Contender(results, "s1", "final", "final")])
    (group,) = gallery.groups
    scores = results.scores().score.sel(metric="pixcorr").values[:, 0]
    by_id = dict(zip(results.scores().image_id.values, scores, strict=True))
    shown = [by_id[tile.image_id] for tile in group.tiles]
    assert shown == sorted(scores, reverse=True)
    assert [tile.made[0].score for tile in group.tiles] == [f"{score:.3f}"[1:] for score in shown]
    assert [tile.tag for tile in group.tiles] == ["best", "", "median", "", "", "worst"]
    assert "PixCorr" in gallery.caption


def test_recipes_stand_side_by_side(results, folder, recipe_tables, start):
    said = recipe_tables()
    said["ridge"]["spaces"]["pixels"]["alpha"] = 1000
    other = open_results(start(folder, said))
    contenders = [Contender(one, "s1", "final", str(at), at) for at, one in enumerate([results, other])]
    (gallery,) = galleries(contenders)
    (group,) = gallery.groups
    assert len(group.tiles) == 6
    for tile in group.tiles:
        for made, one in zip(tile.made, (results, other), strict=True):
            scores = one.scores().score.sel(metric="pixcorr").values[:, 0]
            place = one.scores().image_id.values.tolist().index(tile.image_id)
            assert made.score == f"{scores[place]:.3f}"[1:]


def test_equal_ids_of_other_pictures_are_not_mixed(results, tmp_path, data_writer, recipe_tables, start):
    data_writer(tmp_path / "data.npz", channels=3)
    other = open_results(start(tmp_path, recipe_tables()))
    contenders = [Contender(one, "s1", "final", str(at), at) for at, one in enumerate([results, other])]
    assert [len(gallery.contenders) for gallery in galleries(contenders)] == [1, 1]


def test_pictures_without_scores_keep_their_order(folder, recipe_tables, start):
    said = recipe_tables(archive="unscored")
    del said["scores"]
    results = open_results(start(folder, said))
    (gallery,) = galleries([Contender(results, "s1", "final", "final")])
    (group,) = gallery.groups
    assert [tile.image_id for tile in group.tiles] == results.images().image_id.values.tolist()
    assert "order of the test set" in gallery.caption
