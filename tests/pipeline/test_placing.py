"""A product is computed on one kind of device: torch on the CPU stands in for a GPU, the rest is real."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from cluster import Local, Threads
from pipeline import run
from pipeline.device import CPU, Device
from pipeline.outcome import Listener
from pipeline.placing import Placing
from pipeline.ridge import accelerator
from pipeline.ridge.device import VARIABLE

CHANGES = {"images": None, "scores": None, "features": {"pca": None}, "ridge": {"spaces": {"pca": None}}}
GPU = Local(workers=1, options={"resources": {"GPU": 1}})


class Notes(Listener):
    def __init__(self) -> None:
        self.kept: list[str] = []

    def note(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def made(make_recipe):
    def make(cluster, archive, **more):
        notes = Notes()
        changes = {**CHANGES, "data": {"archive": archive}, **more}
        planned = run(make_recipe(changes), cluster=cluster, listener=notes).plan
        products = {step.product: step.in_archive(planned.archive) for step in planned}
        return products, [note for note in notes.kept if "GPU" in note or "begun" in note]

    return make


def devices(products):
    return {name: product.about()["device"] for name, product in products.items()}


SPACES = {
    "pixels": {"alpha": 30, "weights": True},
    "few": {"alpha": {"from": 1, "to": 1e4, "per": "feature"}, "weights": True},
    "small": {"alpha": {"from": 1, "to": 1e4, "count": 3, "by": "loo"}, "correction": "stored"},
    "pca": None,
}
EVERYTHING = {
    "features": {"pca": None, "few": {"model": "pixels", "size": 4}, "small": {"model": "pixels", "size": 3}},
    "ridge": {"spaces": SPACES},
}


@pytest.mark.slow
def test_networks_learn_and_paint_on_gpu_workers(made, monkeypatch):
    monkeypatch.setenv(VARIABLE, "torch:cpu")
    net = {"model": "conditional-ddpm", "features": ["pca"], "size": 8, "steps": 1, "batch": 2}
    more = {
        "train": {"net": net},
        "images": {"net": {"generator": "conditional-ddpm", "steps": 1, "batch": 2}},
        "features": {"latents": {"model": "vdvae", "layers": 2, "batch": 4, "weights": "random"}},
        "ridge": {},
    }
    products, notes = made(GPU, "gpu", **more)
    found = devices(products)
    assert not notes
    assert {found[name] for name in ("model/net", "images/net", "features/latents")} == {"torch:cpu"}
    assert {found[name] for name in ("stimuli", "responses", "features/pca")} == {CPU.name}


def test_the_ridge_runs_on_gpu_workers_and_nothing_else_does(made, monkeypatch):
    monkeypatch.setenv(VARIABLE, "torch:cpu")
    assert accelerator().name == "torch:cpu"
    products, notes = made(GPU, "gpu", **EVERYTHING)
    found = devices(products)
    assert not notes
    of_ridges = (
        "condition",
        "gram",
        "cross",
        "spectrum",
        "projection",
        "alpha",
        "smoother",
        "predictions",
        "left",
        "weights",
    )
    on_gpu = {name for name in found if name.partition("/")[0] in of_ridges}
    assert {name.partition("/")[0] for name in on_gpu} == set(of_ridges)
    assert {name for name, device in found.items() if device == "torch:cpu"} == on_gpu
    assert {found[name] for name in found.keys() - on_gpu} == {CPU.name}
    plain, _ = made(Threads(workers=1), "cpu", **EVERYTHING)
    assert set(devices(plain).values()) == {CPU.name}
    for space in ("pixels", "few", "small"):
        ours, theirs = (each[f"predictions/{space}"].open() for each in (products, plain))
        np.testing.assert_array_equal(ours.alpha.values, theirs.alpha.values)
        for name in ("predicted", "r", "r2"):
            np.testing.assert_allclose(ours[name].values, theirs[name].values, atol=2e-5)


def test_without_a_library_for_the_gpu_all_is_computed_on_cpus(made, monkeypatch):
    monkeypatch.setenv(VARIABLE, "cupy")
    products, notes = made(GPU, "archive")
    assert set(devices(products).values()) == {CPU.name}
    assert len(notes) == 1
    assert notes[0].startswith("the workers' GPUs are not used: ")


def test_without_cupy_torch_is_asked_for_the_gpu(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    if find_spec("cupy"):
        assert accelerator().name == "cupy"
    elif torch.cuda.is_available():
        assert accelerator().name == "torch:cuda"
    else:
        with pytest.raises((RuntimeError, AssertionError), match=r"CUDA|NVIDIA"):
            accelerator()


@pytest.fixture
def a_gpu_among_threads(monkeypatch):
    """Return a function that has threads of this process say they have a GPU: faults here are theirs too."""
    from cluster.threads import ThreadWorkers

    def pretend(device):
        built = ThreadWorkers.__init__
        monkeypatch.setattr(ThreadWorkers, "__init__", lambda self, *args: built(self, *args, gpus=1))
        monkeypatch.setattr(Placing, "_found", lambda _self, _workers: device)

    return pretend


def test_a_product_that_fails_on_the_gpu_is_made_on_the_cpu_as_a_whole(
    made, monkeypatch, a_gpu_among_threads
):
    from pipeline.ridge.kernels import on_torch

    def fail(*_args):
        raise RuntimeError("out of memory")

    monkeypatch.setenv(VARIABLE, "torch:cpu")
    monkeypatch.setattr(on_torch, "rank_k_update", fail)
    a_gpu_among_threads(accelerator())
    products, notes = made(Threads(workers=1), "archive")
    found = devices(products)
    assert found.pop("condition/all") == "torch:cpu"  # it was whole
    assert set(found.values()) == {CPU.name}
    assert len(notes) == 1
    assert "gram/all failed on the GPU and is computed on the CPU" in notes[0]
    assert "out of memory" in notes[0]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here, so nothing fails")
def test_networks_that_fail_on_the_gpu_leave_it_alone_on_a_worker_that_has_one(
    made, monkeypatch, a_gpu_among_threads
):
    """Torch says that it has a GPU, and fails on it, as one does whose memory is full."""
    a_gpu_among_threads(Device("torch:cuda", "a card"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    latents = {"model": "vdvae", "layers": 2, "batch": 4, "weights": "random"}
    products, notes = made(Threads(workers=1), "archive", features={"latents": latents}, ridge=None)
    assert set(devices(products).values()) == {CPU.name}
    (note,) = notes
    assert "features/latents failed on the GPU and is computed on the CPU, as is what follows" in note
    assert np.isfinite(products["features/latents"].open().value).all()
