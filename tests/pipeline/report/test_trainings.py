"""Trainings in the report: curves that fall where losses do, and the pictures that were left."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import open_results, write_report
from pipeline.report.curves import POINTS, curves
from pipeline.report.trainings import training_cards

NAN = np.nan


@given(steps=st.integers(1, 2000), decay=st.floats(1e-4, 1e-2))
def test_a_loss_that_falls_goes_down_in_the_plot(steps, decay):
    loss = np.exp(-decay * np.arange(steps))
    val_loss = np.where(np.arange(steps) % 50 == 49, 2 * loss, NAN)
    drawn = curves(loss, val_loss)
    assert len(drawn.loss) <= POINTS
    x, y = np.array(drawn.loss).T
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert ((np.array(drawn.loss) >= 0) & (np.array(drawn.loss) <= 100)).all()
    assert len(drawn.val_loss) == steps // 50
    assert all(validation[1] < 60 or steps > 100 for validation in drawn.val_loss)


def test_heights_are_those_of_powers_of_ten():
    drawn = curves(np.array([1.0, 0.1, 0.01]), np.array([NAN, NAN, 0.1]))
    assert [y for _, y in drawn.loss] == [0, 50, 100]
    assert drawn.val_loss == ((100.0, 50.0),)
    assert drawn.ticks == ((100.0, "0.01"), (50.0, "0.1"), (0.0, "1"))
    assert drawn.told == "Learning curve over 3 steps: loss from 1 to 0.01; validation loss from 0.1 to 0.1"


@pytest.mark.parametrize("loss", [[NAN, NAN], [0.0, 0.0], []])
def test_nothing_to_draw(loss):
    assert curves(np.array(loss), np.full(len(loss), NAN)) is None


def test_a_loss_that_stays_is_drawn_in_the_middle():
    drawn = curves(np.full(4, 0.3), np.full(4, NAN))
    assert {y for _, y in drawn.loss} == {50.0}
    assert all(math.isfinite(place) for place, _ in drawn.ticks)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, start, recipe_tables, data_writer):
    folder = tmp_path_factory.mktemp("trained")
    data_writer(folder / "data.npz")
    said = recipe_tables()
    said["features"]["pca"] = {"model": "pca", "size": 8, "components": 4}
    said["ridge"]["spaces"]["pca"] = {"alpha": 10}
    net = {"model": "conditional-ddpm", "features": ["pca"], "size": 8, "steps": 3, "batch": 4}
    said["train"] = {"net": net}
    return lambda until: start(folder, said, until)


def test_a_report_shows_how_a_decoder_learned(trained, parse, tmp_path):
    recipe = trained("regress")
    (card,) = training_cards(open_results(recipe), "r", 0)
    assert card.facts == ()
    assert "Not trained yet." in write_report([recipe], tmp_path / "before.html").read_text()
    recipe = trained("train")
    (card,) = training_cards(open_results(recipe), "r", 0)
    assert dict(card.facts) == {"network": "conditional-ddpm", "told": "pca", "steps": "3", "batch": "4"}
    captions = [sheet.caption for sheet in card.sheets]
    assert captions[0].endswith("; below them, what it painted from their conditions after 3 steps.")
    assert captions[1] == "The first of these on their way from noise, after all steps."
    assert captions[2] == "Such a picture from the first noise step to the last."
    text = write_report([recipe], tmp_path / "report.html").read_text()
    page = parse(text)
    assert len([one for one in page.all("img") if one["alt"] in captions]) == 3
    styles = [one["style"] for one in page.all("figure") if "style" in one]
    assert styles[0] == "--wide: 72px"  # of 18 pixels: two pictures of 8 and a gap
    (line,) = page.all("polyline")[:1]
    assert line["points"].split() == [f"{x},{y}" for x, y in card.curves.loss]
    assert card.curves.told in text


def test_a_recipe_without_training_has_no_such_section(recipe, tmp_path):
    assert 'id="training"' not in write_report([recipe], tmp_path / "plain.html").read_text()
