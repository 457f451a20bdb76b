"""What is looked at on the way, when, and what is left to be looked at afterwards."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.diffusion.process import PROCESSES
from pipeline.training import validation
from pipeline.training.decoders import Decoder, train
from pipeline.training.examples import Examples
from pipeline.training.settings import Settings
from pipeline.training.sheets import noised, sheet
from pipeline.training.validation import Validation, due, painted_after, rows_kept_back
from storage.remote import Location
from storage.workspace import Workspace

SMALL = Decoder("conditional-ddpm", {"size": 8, "channels": 1, "width": 3})


def examples(pictures=30, repeats=2):
    chance = np.random.default_rng(0)
    seen = np.repeat(np.arange(pictures), repeats)
    condition = chance.normal(size=(len(seen), 3)).astype(np.float32)
    return Examples(chance.integers(0, 256, (pictures, 8, 8, 1)).astype(np.uint8), seen, condition)


@given(steps=st.integers(1, 5000))
def test_looks_are_few_apart_and_end_with_the_training(steps):
    looks = [step for step in range(1, steps + 1) if due(step, steps)]
    assert looks[-1] == steps
    assert len(looks) <= validation.VALIDATIONS + 2 + validation.VALIDATIONS // 2
    assert all(after - before >= validation.APART for before, after in pairwise(looks[:-1]))
    moments = painted_after(steps)
    assert moments == sorted(set(moments))
    assert moments[-1] == steps


def test_pictures_painted_are_different_ones_that_are_kept_back():
    kept = np.zeros(60, bool)
    kept[20:44] = True
    rows = rows_kept_back(examples(), kept)
    assert kept[rows].all()
    assert examples().seen[rows].tolist() == [10, 11, 12, 13, 14, 15]
    assert len(rows_kept_back(examples(), np.zeros(60, bool))) == 0


def test_the_loss_of_many_rows_is_taken_of_some(monkeypatch):
    asked = []
    batch = Examples.batch
    monkeypatch.setattr(Examples, "batch", lambda self, rows: asked.append(rows) or batch(self, rows))
    given_ = examples(pictures=60)
    settings = Settings(steps=1, batch=10, learning_rate=1e-3)
    network = SMALL.network(given_, settings)
    kept_back = Validation(given_, SMALL.objective(), settings, np.ones(120, bool), dict)
    assert kept_back.loss(network) == pytest.approx(kept_back.loss(network))
    assert len(np.unique(np.concatenate(asked))) == 50 * 10 // validation.LOOKED_AT
    assert np.isnan(Validation(given_, SMALL.objective(), settings, np.zeros(120, bool), dict).loss(network))


def test_a_training_leaves_what_it_painted_and_how_its_noise_looks(tmp_path):
    settings = Settings(steps=4, batch=4, learning_rate=1e-3)
    given_ = examples()
    train("n", SMALL, given_, settings, Workspace(Location.of(tmp_path)))
    shown = _picture(tmp_path / "files" / "progression.png")
    assert shown.shape == (2 * 8 + 2, 3 * 8 + 2 * 2)  # a tenth of 30 pictures; seen, and painted at the end
    kept = validation.rows_kept_back(given_, _kept_back(given_, settings))
    np.testing.assert_array_equal(shown[:8, :8], given_.pictures_of(kept)[0, :, :, 0])
    on_the_way = _picture(tmp_path / "files" / "denoising.png")
    assert on_the_way.shape == (3 * 8 + 2 * 2, 8 * 8 + 7 * 2)  # three pictures, eight moments
    np.testing.assert_array_equal(on_the_way[:8, -8:], shown[10:18, :8])  # in the end, what was painted
    noise = _picture(tmp_path / "files" / "noise-steps.png")
    assert noise.shape == (8, 8 * 8 + 7 * 2)


def test_a_training_without_a_condition_shows_what_it_paints_alone(tmp_path):
    base = Decoder("voxel-ddpm", {"size": 8, "channels": 1})
    plain = Examples(examples().pictures, np.arange(30))
    train("n", base, plain, Settings(steps=1, batch=2, learning_rate=1e-3), Workspace(Location.of(tmp_path)))
    assert _picture(tmp_path / "files" / "progression.png").shape == (8, 3 * 8 + 2 * 2)


def test_without_pictures_kept_back_nothing_is_painted(tmp_path):
    settings = Settings(steps=1, batch=2, learning_rate=1e-3, validation=0.0)
    train("n", SMALL, examples(), settings, Workspace(Location.of(tmp_path)))
    assert not (tmp_path / "files" / "progression.png").exists()
    assert (tmp_path / "files" / "noise-steps.png").exists()


def _kept_back(given_, settings):
    from pipeline.training.loop import Training

    return Training("n", SMALL.network(given_, settings), {}, given_, SMALL.objective(), settings).kept_back


def _picture(path):
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))


def test_a_sheet_has_white_between_pictures():
    rows = [np.full((3, 4, 5, 3), 10 * at, np.uint8) for at in (1, 2)]
    made = sheet(rows)
    assert made.shape == (4 + 2 + 4, 3 * 5 + 2 * 2, 3)
    assert (made[:4, :5] == 10).all()
    assert (made[4:6] == 255).all()
    assert (made[6:, 5:7] == 255).all()
    assert (made[6:, 14:] == 20).all()


@pytest.mark.parametrize("model", sorted(PROCESSES))
def test_noise_grows_until_nothing_is_left_of_the_picture(model):
    y, x = np.mgrid[:16, :16]
    picture = (8 * y + 7 * x).astype(np.uint8)[..., None].repeat(3, axis=2)
    levels = noised(PROCESSES[model], picture, seed=0)
    assert levels.shape == (8, 16, 16, 3)
    like = [np.corrcoef(level.ravel(), picture.ravel())[0, 1] for level in levels]
    assert like[0] > 0.98
    assert abs(like[-1]) < 0.2
    assert like == sorted(like, reverse=True)
