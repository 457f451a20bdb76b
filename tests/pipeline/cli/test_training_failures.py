"""Trainings that go wrong: one sentence, the right exit code, and the last good checkpoint stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pipeline.models.networks import from_bytes
from pipeline.training import loop
from tests.pipeline.cli.conftest import ROOT, SIDE, Said

LEARNER = f"""
[features.pca]
model = "pca"
components = 4
size = {SIDE}
[ridge.spaces.pca]
alpha = 10
[train.net]
model = "conditional-ddpm"
features = ["pca"]
size = {SIDE}
steps = 12
batch = 4
decay = "none"
"""
WEIGHTS = ("network.", "average.")
RUN = ("run", "recipe.toml", "--until", "train", "--no-progress")


@pytest.fixture
def learner(lab, monkeypatch):
    """Return the working folder: its recipe trains a decoder, which keeps a checkpoint of every step."""
    monkeypatch.setattr(loop, "EVERY", 0.0)
    monkeypatch.setattr(loop, "LOOK", 1)
    with (lab / "recipe.toml").open("a") as file:
        file.write(LEARNER)
    return lab


def kept_in(lab, pattern):
    """Return the files of that pattern that the training under way keeps."""
    return [path for made in lab.glob("archive/s1/model/net/*") for path in (made / "work").glob(pattern)]


def checkpoints(lab):
    """Return the markers of the checkpoints, the last one at the end."""
    return [json.loads(path.read_text()) for path in sorted(kept_in(lab, "step-*.json"))]


def weights(lab):
    (path,) = lab.glob("archive/s1/model/net/*/files/model.safetensors")
    return path.read_bytes()


def failed(said, code, *words):
    """Assert that a command ended with an exit code and one sentence, and return it."""
    assert said.code == code, said.err
    told = said.err.strip().splitlines()[-1]
    assert sum(line.startswith("vox2pix: ") for line in said.err.splitlines()) == 1
    assert "Traceback" not in said.err
    assert "unexpected" not in said.err
    assert told.count("s1/model/net") == told.count("model/net") == 1
    for word in words:
        assert word in told
    return told


@pytest.mark.parametrize(("rate", "found"), [("1e10", "the loss is "), ("0.3", "the loss has grown from ")])
def test_a_training_that_diverges(vox2pix, learner, monkeypatch, rate, found):
    monkeypatch.setattr(loop, "WINDOW", 1)
    monkeypatch.setattr(loop, "GROWN", 2.0)
    said = vox2pix(*RUN, "--set", f"train.net.learning_rate={rate}", "--json")
    told = failed(
        said, 1, found, f"lower `learning_rate` (it is {float(rate):g})", "or raise `batch` (it is 4)"
    )
    assert said.json["error"]["kind"] == "diverged"
    assert said.json["error"]["product"] == "s1/model/net"
    last = checkpoints(learner)[-1]
    assert f"the checkpoint of step {last['step']} is kept" in told
    (path,) = kept_in(learner, last["name"])
    kept = {name: one for name, one in from_bytes(path.read_bytes()).items() if name.startswith(WEIGHTS)}
    assert kept
    assert all(one.isfinite().all() for one in kept.values())
    assert not list(learner.glob("archive/s1/model/net/*/product.json"))
    assert vox2pix(*RUN, "-q").code == 0  # with a rate that suits, it begins anew beside


def test_a_checkpoint_of_another_network(vox2pix, learner):
    other = ("--set", f"train.net.size={2 * SIDE}", "--set", "train.net.learning_rate=1e10")
    assert vox2pix(*RUN, *other).code == 1
    (work,) = learner.glob("archive/s1/model/net/*/work")
    assert vox2pix(*RUN, "-q").code == 0
    whole = weights(learner)
    (seal,) = learner.glob("archive/s1/model/net/*/product.json")
    (begun := seal.with_name("work")).parent.joinpath("product.json").unlink()
    for marker in begun.with_name("done").glob("*.json"):
        marker.unlink()
    shutil.copytree(work, begun)
    said = failed(vox2pix(*RUN), 3, "is of the network", f'"size": {2 * SIDE}', "expected", f'"size": {SIDE}')
    assert "remove the folder it lies in, and the training begins anew" in said
    assert len(list(begun.glob("step-*.safetensors"))) == len(list(work.glob("step-*.safetensors"))) > 0
    shutil.rmtree(begun)
    assert vox2pix(*RUN, "-q").code == 0
    assert weights(learner) == whole


LIMITED = """
import resource, sys, diffusers, sklearn.decomposition, sklearn.linear_model, torch
from pipeline.cli.program import answer
from pipeline.training import loop
loop.EVERY, loop.LOOK = 0.0, 1
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, resource.RLIM_INFINITY))
sys.exit(answer(sys.argv[1:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is Linux that limits a process's memory")
@pytest.mark.slow
def test_memory_that_does_not_hold_a_batch(learner):
    """The machine has it all, so nothing is refused beforehand; this process may have a gigabyte more."""
    large = ("--set", "train.net.size=128", "--set", "train.net.batch=32")
    command = [sys.executable, "-c", LIMITED, *RUN, *large, "--set", "cluster.memory=1TB"]
    done = subprocess.run(
        command,
        cwd=learner,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    failed(
        said, 1, "memory does not hold a training batch of 32; lower `batch` or `size`", "no checkpoint was"
    )
    assert not list(learner.glob("archive/s1/model/net/*/files/*"))


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow), (signal.SIGINT, 130)]
)
def test_a_training_that_is_stopped(learner, start, number, code):
    process = start(learner, *RUN, "--set", "train.net.steps=100000")
    _until_it_learns(learner, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert f"finished blocks are kept, go on with: vox2pix {' '.join(RUN)}" in err
    assert "Traceback" not in err
    assert checkpoints(learner)  # none was due yet: it left one when it was told to end


def _until_it_learns(lab, process):
    while not kept_in(lab, "progress.json"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_workers_that_die_while_they_train(learner, start):
    """Killed once, the training is done by the next worker; killed always, it is given up with a sentence."""
    local = ("--cluster", "local", "--set", "cluster.workers=1", "--set", "train.net.steps=3000")
    for always in (False, True):
        shutil.rmtree(learner / "archive", ignore_errors=True)
        process = start(learner, *RUN, *local)
        killed = 0
        while process.poll() is None and (always or not killed):
            killed += _kill_one_that_learns(learner, process)
            time.sleep(0.05)
        out, err = process.communicate(timeout=200)
        said = Said(process.returncode, out, err)
        if always:
            failed(
                said,
                1,
                "every worker that ran it died",
                "raise memory or lower workers in [cluster]",
                "Log: ",
            )
        else:
            assert said.code == 0, said.err
            assert len(weights(learner)) > 1000


def _kill_one_that_learns(lab, process):
    """Kill the worker once the training has said how far it is, and forget what it said."""
    told = kept_in(lab, "progress.json")
    if not told:
        return 0
    workers = [
        one
        for one in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in str(one.cmdline())
    ]
    for worker in workers:
        worker.kill()
    told[0].unlink(missing_ok=True)
    return len(workers)
