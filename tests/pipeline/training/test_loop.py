"""Trainings: they learn, they go on where they were, and two processes learn what one does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster import Local, connect, together
from pipeline.models.batches import OutOfMemory
from pipeline.models.networks import from_bytes
from pipeline.training import loop, telling, validation
from pipeline.training.chance import held_back, rows_of
from pipeline.training.decoders import Decoder, train
from pipeline.training.examples import Examples, ahead
from pipeline.training.loop import Diverged
from pipeline.training.objectives import Denoising
from pipeline.training.settings import Settings
from pipeline.training.sketch import moments
from pipeline.training.state import WrongCheckpoint
from storage.attached import Attached
from storage.remote import Location
from storage.workspace import Workspace

ROOT = Path(__file__).parents[3]
SMALL = Decoder("conditional-ddpm", {"size": 8, "channels": 1, "width": 3}, dropout=0.1)
SETTINGS = Settings(steps=12, batch=4, learning_rate=2e-3, ema=0.9, seed=3)


def examples(count=24, size=8, seed=0):
    """Bright discs, and where each is and how bright."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    told = chance.uniform(0.2, 0.8, (count, 3)).astype(np.float32)
    discs = [255 * b * np.exp(-((y - r * size) ** 2 + (x - c * size) ** 2) / 6) for r, c, b in told]
    pictures = np.array(discs, np.uint8)[..., None]
    return Examples(pictures, np.arange(count), 10 * told + 5)


def weights(folder):
    return from_bytes((Path(folder) / "files" / "model.safetensors").read_bytes())


def made(folder, settings=SETTINGS, decoder=SMALL, given=None):
    return train("s1/model/net", decoder, given or examples(), settings, Workspace(Location.of(folder), "m"))


def same(one, other, tolerance=0.0):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=tolerance, atol=tolerance, msg=name)


def test_it_learns(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "APART", 3)
    curves = made(tmp_path, Settings(steps=150, batch=8, learning_rate=3e-3, ema=0.95))
    assert curves["loss"][-30:].mean() < 0.7 * curves["loss"][:5].mean()  # it begins from the sketch
    seen = np.isfinite(curves["val_loss"])
    assert seen.sum() == validation.VALIDATIONS
    assert curves["val_loss"][seen][-1] < 0.8 * curves["val_loss"][seen][0]
    assert curves["learning_rate"][0] == pytest.approx(3e-3)
    assert curves["learning_rate"][-1] < 1e-5


def test_rows_come_once_an_epoch_in_an_order_of_their_own():
    rows = np.arange(10, 20)
    seen = np.concatenate([rows_of(step, rows, 4, seed=1) for step in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == rows.tolist()
    assert not np.array_equal(seen[:10], seen[10:])
    assert not np.array_equal(seen[:4], rows_of(0, rows, 4, seed=2))


def test_validation_pictures_are_not_learned_from(monkeypatch):
    given = examples()
    given = Examples(given.pictures, np.repeat(given.seen, 2), np.repeat(given.condition, 2, axis=0))
    kept = held_back(24, 0.25, seed=3)
    assert kept.sum() == 6
    asked = []
    batch = Examples.batch

    def watched(self, rows):
        asked.append(rows)
        return batch(self, rows)

    monkeypatch.setattr(Examples, "batch", watched)
    settings = Settings(steps=20, batch=4, learning_rate=1e-3, validation=0.25, seed=3)
    training = loop.Training("n", SMALL.network(given, settings), {}, given, SMALL.objective(), settings)
    list(training.batches(0))
    assert not kept[given.seen[np.concatenate(asked)]].any()
    assert kept[given.seen[np.flatnonzero(training.kept_back)]].all()


def test_conditions_are_standardised_by_what_was_learned_from(tmp_path):
    made(tmp_path)
    given = examples()
    mean, std = moments(given.condition[~loop.kept_back(given, SETTINGS)])
    found = weights(tmp_path)
    np.testing.assert_allclose(found["mean"], mean)
    np.testing.assert_allclose(found["std"], std)


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_training_goes_on_to_the_same_weights(tmp_path, monkeypatch, stop):
    monkeypatch.setattr(validation, "APART", 1)
    expected = made(tmp_path / "whole")
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 1)
    step = loop._Steps._step

    def broken(self, batch):
        if self.state.step == stop and not (tmp_path / "broke").exists():
            (tmp_path / "broke").touch()
            raise KeyboardInterrupt
        step(self, batch)

    monkeypatch.setattr(loop._Steps, "_step", broken)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "cut")
    assert Workspace(Location.of(tmp_path / "cut"), "m").latest().step == stop
    curves = made(tmp_path / "cut")
    same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))
    for name in ("loss", "learning_rate"):
        np.testing.assert_array_equal(curves[name], expected[name])
    np.testing.assert_array_equal(curves["val_loss"], expected["val_loss"])
    for name in ("progression.png", "denoising.png", "noise-steps.png", "config.json"):
        found, whole = (tmp_path / one / "files" / name for one in ("cut", "whole"))
        assert found.read_bytes() == whole.read_bytes(), name


DRIVER = """
import sys
from tests_of_loop import SETTINGS, made
from dataclasses import replace
from pipeline.training import loop
loop.EVERY, loop.LOOK = 0.0, 1
made(sys.argv[1], replace(SETTINGS, steps=40))
"""


@pytest.mark.slow
def test_a_training_killed_three_times_ends_in_the_same_weights(tmp_path):
    (tmp_path / "tests_of_loop.py").write_text(Path(__file__).read_text())
    (tmp_path / "driver.py").write_text(DRIVER)
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}

    def start(folder):
        return subprocess.Popen([sys.executable, str(tmp_path / "driver.py"), str(folder)], env=where)

    assert start(tmp_path / "whole").wait() == 0
    chance, killed = random.Random(1), []
    for _ in range(3):
        process, before = start(tmp_path / "killed"), _steps(tmp_path / "killed")
        goal = before + chance.randint(2, 9)
        while process.poll() is None and _steps(tmp_path / "killed") < goal:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.append(_steps(tmp_path / "killed"))
    assert 0 < killed[0] < killed[1] < killed[2] < 40
    assert start(tmp_path / "killed").wait() == 0
    same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    pictures = [(tmp_path / one / "files" / "progression.png").read_bytes() for one in ("killed", "whole")]
    assert pictures[0] == pictures[1]


def _steps(folder):
    found = [int(path.stem.split("-")[1]) for path in (folder / "work").glob("step-*.json")]
    return max(found, default=0)


def exactly(folder, shared=True):
    """Train in float64: AdamW turns the rounding of a gradient near 0 into a step of full length."""
    import cluster.places

    here = cluster.places._here
    if not shared:  # as between machines: the first opens a port, and tells it
        here.seat = replace(here.seat, shared=False, meeting=Path(here.seat.meeting).name)
    torch.set_default_dtype(torch.float64)
    try:
        return made(folder)["loss"]
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("shared", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_two_processes_learn_what_one_does(tmp_path, shared):
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    one = exactly(tmp_path / "one")
    try:
        with connect(Local(workers=2, memory="2GB")) as workers:
            losses = together(workers, "train", exactly, (str(tmp_path / "two"), shared), size=2)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    np.testing.assert_allclose(losses[0], one, rtol=1e-5)
    np.testing.assert_array_equal(losses[1], losses[0])
    same(weights(tmp_path / "two"), weights(tmp_path / "one"), 1e-5)


def test_a_loss_that_is_no_number_is_told_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 2)
    batch = Examples.batch
    given = examples()

    def spoilt(self, rows):
        made_ = batch(self, rows)
        spoilt.calls += 1
        return {**made_, "condition": made_["condition"] * (np.nan if spoilt.calls == 8 else 1)}

    spoilt.calls = 0
    monkeypatch.setattr(Examples, "batch", spoilt)
    settings = Settings(steps=12, batch=4, learning_rate=2e-3, validation=0.0)
    with pytest.raises(
        Diverged, match=r"s1/model/net: the loss is nan at step 8; lower `learning_rate` .*step 6 is"
    ):
        made(tmp_path, settings, given=given)
    assert Workspace(Location.of(tmp_path), "m").latest().step == 6


def test_weights_that_are_no_numbers_are_never_kept(tmp_path, monkeypatch):
    loss = Denoising.loss

    def steep(self, network, batch):
        """Add 0, whose slope is no number."""
        return loss(self, network, batch) + (0 * next(network.parameters())).square().sum().sqrt()

    monkeypatch.setattr(Denoising, "loss", steep)
    with pytest.raises(
        Diverged, match=r"weights are no numbers any more after step 1; lower `learning_rate`"
    ):
        made(tmp_path, replace(SETTINGS, steps=1, validation=0.0))  # the only loss was taken before them
    assert Workspace(Location.of(tmp_path), "m").latest() is None
    assert not (tmp_path / "files").exists()


def test_a_loss_that_grows_is_told(tmp_path, monkeypatch):
    loss, times = Denoising.loss, count()
    monkeypatch.setattr(Denoising, "loss", lambda *given: loss(*given) * 2.0 ** next(times))
    monkeypatch.setattr(loop, "WINDOW", 3)
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 2)
    said = r"has grown from .* to .* by step 8; lower `learning_rate`.* the checkpoint of step 6 is kept"
    with pytest.raises(Diverged, match=said):
        made(tmp_path)
    assert Workspace(Location.of(tmp_path), "m").latest().step == 6


def test_a_learning_rate_out_of_reach_ends_in_a_sentence(tmp_path):
    settings = replace(SETTINGS, steps=60, learning_rate=1e6, decay="none", validation=0.0)
    with pytest.raises(Diverged, match=r"s1/model/net: the loss (is|has grown).*\(it is 1e\+06\)"):
        made(tmp_path, settings)


def test_a_full_memory_is_told_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 2)
    step = loop._Steps._step

    def full(self, batch):
        if self.state.step == 5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        step(self, batch)

    monkeypatch.setattr(loop._Steps, "_step", full)
    said = r"does not hold a training batch of 4; lower `batch`.* the checkpoint of step 4 is kept"
    with pytest.raises(OutOfMemory, match=said):
        made(tmp_path)
    assert Workspace(Location.of(tmp_path), "m").latest().step == 4


def test_a_checkpoint_of_another_network_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVERY", 0.0)
    made(tmp_path)
    other = Decoder("conditional-ddpm", {"size": 8, "channels": 1, "width": 3, "widths": [16, 32]})
    with pytest.raises(
        WrongCheckpoint, match=r"is of the network .*\"width\": 3.*expected .*\"widths\": \[16"
    ):
        made(tmp_path, decoder=other)


def test_progress_is_told(tmp_path):
    made(tmp_path)
    told = Workspace(Location.of(tmp_path)).told()
    assert (told["step"], told["steps"]) == (12, 12)
    assert told["loss"] > 0
    assert told["val_loss"] > 0
    assert told["seconds_left"] == 0
    assert time.time() - told["at"] < 60


def test_progress_is_told_now_and_then_and_at_the_end(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(loop, "LOOK", 1)
    monkeypatch.setattr(Workspace, "tell", lambda _, told: said.append(told["step"]))
    made(tmp_path / "slow")
    assert said[0] == 1
    assert len(said) < 12
    assert said[-1] == 12
    said.clear()
    monkeypatch.setattr(telling, "EVERY", 0.0)
    made(tmp_path / "always")
    assert said == list(range(1, 13))


def test_it_starts_from_another_training(tmp_path):
    plain = Examples(examples().pictures, np.arange(24))
    base = Decoder("voxel-ddpm", {"size": 8, "channels": 1})
    made(tmp_path / "base", Settings(steps=2, batch=2, learning_rate=1e-3), base, plain)
    decoder = Decoder("voxel-ddpm", {"size": 8, "channels": 1, "width": 3})
    start = Attached(Location.of(tmp_path / "base" / "files"), {})
    found = decoder.network(examples(), SETTINGS, start).state_dict()
    for name, one in weights(tmp_path / "base").items():
        assert torch.equal(found[name], one)
    assert set(found) - set(weights(tmp_path / "base")) == {"condition.weight", "condition.bias"}


def test_batches_are_made_ahead_but_not_far():
    asked = []

    def items():
        for at in range(100):
            asked.append(at)
            yield at

    found = ahead(items())
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    time.sleep(0.3)
    assert len(asked) <= 3 + 2 + 1
    found.close()

    def failing():
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(ahead(failing()))
