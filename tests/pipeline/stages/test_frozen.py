"""Frozen networks: what products say of them, and that a worker has those the plan was made with."""

from __future__ import annotations

import pytest

from pipeline.models.autoencoder import Autoencoder
from pipeline.models.weights import WeightsMissing
from pipeline.stages.frozen import RANDOM_WEIGHTS, insist_autoencoder, of_autoencoder, of_networks


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "ours"))
    place = tmp_path / "vae"
    place.mkdir()
    (place / "config.json").write_text("{}")
    (place / "diffusion_pytorch_model.safetensors").write_bytes(b"numbers")
    return place


def test_another_autoencoder_than_the_plan_was_made_with_is_refused(folder):
    planned = Autoencoder.of(str(folder)).identity()
    insist_autoencoder(str(folder), planned)
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"other numbers")
    says = r"autoencoder on this machine are diffusion_.*safetensors \(\w{12}\), the run was planned with d"
    with pytest.raises(WeightsMissing, match=says) as told:
        insist_autoencoder(str(folder), planned)
    assert "config.json" not in str(told.value)  # that is the same
    with pytest.raises(WeightsMissing, match=r"planned with weights \(random\); put the same on every"):
        insist_autoencoder(str(folder), {"weights": "random"})


def test_none_is_asked_for_where_a_decoder_has_none():
    insist_autoencoder("published", None)
    assert of_autoencoder(None) == {}


def test_random_weights_are_said():
    for said in (of_autoencoder({"weights": "random"}), of_networks({"weights": "random"})):
        assert said["note"] == RANDOM_WEIGHTS
