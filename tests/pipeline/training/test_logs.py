"""Logs: what is written for TensorBoard and Weights & Biases, and what is said where they are missing."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from pipeline.errors import RecipeError
from pipeline.training import logs, validation
from pipeline.training.logs import folder_of, insist_installed
from pipeline.training.settings import Settings
from pipeline.training.state import CURVES
from pipeline.training.telling import Telling
from storage.remote import Location
from storage.workspace import Workspace


class Notes:
    """A log that remembers."""

    def __init__(self):
        self.said = []

    def numbers(self, step, values):
        self.said.append((step, values))

    def picture(self, step, picture):
        self.said.append((step, picture.shape))


class Somewhere:
    """A training's state, without a network."""

    def __init__(self, step, steps=6):
        self.step, self.steps = step, steps
        self.curves = {name: np.arange(1, steps + 1, dtype=np.float32) for name in CURVES}
        self.curves["val_loss"][:5] = np.nan
        self.painted = {4: np.zeros((3, 8, 8, 1), np.uint8)}


def test_every_step_is_logged_once_and_pictures_with_theirs(tmp_path):
    notes, state = Notes(), Somewhere(2)
    telling = Telling(state, Workspace(Location.of(tmp_path)), [notes])
    telling.tell()
    assert notes.said == []  # what a training goes on from was logged before
    state.step = 5
    telling.tell()
    state.step = 6
    telling.tell()
    telling.tell()
    assert notes.said == [
        (3, {"loss": 3.0, "learning_rate": 3.0}),
        (4, {"loss": 4.0, "learning_rate": 4.0}),
        (4, (8, 3 * 8 + 2 * 2, 1)),
        (5, {"loss": 5.0, "learning_rate": 5.0}),
        (6, {"loss": 6.0, "val_loss": 6.0, "learning_rate": 6.0}),
    ]


def test_a_package_that_is_missing_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(logs, "find_spec", lambda _: None)
    with pytest.raises(RecipeError, match="'wandb' needs a package that is not installed; pip install wandb"):
        insist_installed(["wandb"])
    monkeypatch.setattr(logs, "find_spec", lambda name: ModuleSpec(name, None))
    insist_installed(["wandb", "tensorboard"])


def test_where_event_files_lie(tmp_path):
    assert folder_of(Workspace(Location.of(tmp_path / "s1"))) == tmp_path / "s1" / "logs"
    far = Workspace(Location.of("s3://lab/archive/s1/model/net/abc"))
    assert folder_of(far).parts == ("runs", "s1", "model", "net", "abc")


def _trained(folder, name, steps=3):
    from pipeline.training.decoders import Decoder, train
    from pipeline.training.examples import Examples

    chance = np.random.default_rng(0)
    given = Examples(
        chance.integers(0, 256, (24, 8, 8, 1)).astype(np.uint8),
        np.arange(24),
        chance.normal(size=(24, 3)).astype(np.float32),
    )
    small = Decoder("conditional-ddpm", {"size": 8, "channels": 1, "width": 3})
    settings = Settings(steps=steps, batch=4, learning_rate=1e-3)
    return train("s1/model/net", small, given, settings, Workspace(Location.of(folder), "m"), logs=name)


def test_tensorboard_reads_what_was_written(tmp_path, monkeypatch):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setattr(validation, "APART", 1)
    curves = _trained(tmp_path, ["tensorboard"])
    found = accumulators.EventAccumulator(str(tmp_path / "logs"))
    found.Reload()
    for name in CURVES:
        events = found.Scalars(name)
        assert [event.step for event in events] == [1, 2, 3]
        np.testing.assert_allclose([event.value for event in events], curves[name])
    assert [event.step for event in found.Images("painted")] == [1, 3]


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_weights_and_biases_work_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    _trained(tmp_path / "net", ["wandb"])
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
