"""Presets: complete recipes but for the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import RecipeError
from pipeline.presets import preset_tables, preset_text, presets
from pipeline.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

DATA = {
    "dataset": "arrays",
    "source": "voxels.npz",
    "archive": "archive",
    "subjects": ["s1"],
    "arrays": {name: name for name in ("train_voxels", "test_voxels", "train_images", "test_images")},
}


def test_presets_are_listed_by_name() -> None:
    ours = (
        "basic-ae",
        "brain-diffuser",
        "brain-diffuser-clean",
        "conditional-ddpm",
        "ip-adapter",
        "kandinsky",
    )
    assert presets() == (*ours, "pca", "pixels", "voxel-ddpm")


@pytest.mark.parametrize("name", presets())
def test_a_preset_lacks_nothing_but_the_data(name: str, tmp_path: Path) -> None:
    tables = set(preset_tables(name))
    assert tables - {"train", "responses", "data", "fidelity"} <= {"features", "ridge", "images", "scores"}
    recipe = Recipe.from_mapping({"preset": name, "data": DATA}, tmp_path)
    assert set(recipe.features) == set(recipe.ridge.spaces)
    painted_from = {space for table in recipe.images.values() for space in table.spaces}
    assert set(recipe.features) == painted_from | recipe.held_out
    painter = {"brain-diffuser": "versatile-diffusion", "brain-diffuser-clean": "versatile-diffusion"}
    assert recipe.images["final"].generator == painter.get(name, name)
    assert recipe.scores["final"].images == "final"


@pytest.mark.parametrize("name", presets())
def test_every_constant_of_a_preset_has_its_reason(name: str) -> None:
    constants = [line for line in preset_text(name).splitlines() if "=" in line.partition("#")[0]]
    bare = [line for line in constants if "#" not in line and not line.startswith(("model", "metrics"))]
    assert not bare


def test_unknown_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        RecipeError,
        match=r"'pixls' does not exist; .*kandinsky, pca, pixels, voxel-ddpm; did you mean 'pixels'\?",
    ):
        preset_text("pixls")


def test_a_preset_is_no_path() -> None:
    with pytest.raises(RecipeError, match="does not exist"):
        preset_text("../presets/pixels")


def test_a_preset_chooses_among_the_data_of_nsd_alone(tmp_path: Path) -> None:
    nsd = {"dataset": "nsd", "source": "nsd", "archive": "archive", "subjects": ["subj01"]}
    published = Recipe.from_mapping({"preset": "brain-diffuser", "data": nsd}, tmp_path)
    assert (published.data.sessions, published.data.voxels, published.fidelity) == (
        37,
        "nsdgeneral",
        "faithful",
    )
    clean = Recipe.from_mapping({"preset": "brain-diffuser-clean", "data": nsd}, tmp_path)
    assert (clean.data.sessions, clean.data.voxels, clean.fidelity) == (None, "nsdgeneral", "clean")
    elsewhere = Recipe.from_mapping({"preset": "brain-diffuser", "data": DATA}, tmp_path)
    assert (elsewhere.data.sessions, elsewhere.data.voxels) == (None, "brain")


def test_the_two_brain_diffusers_differ_in_its_quirks_alone() -> None:
    first, second = (preset_tables(name) for name in ("brain-diffuser", "brain-diffuser-clean"))
    assert first.pop("fidelity") == "faithful"
    assert first.pop("data") == {**second.pop("data"), "sessions": 37}
    assert first["responses"].pop("unmeasured") == "zero"
    for name, space in first["ridge"]["spaces"].items():
        assert (space.pop("correction"), second["ridge"]["spaces"][name].pop("correction")) == (
            "test-batch",
            "stored",
        )
    for scores in first.pop("scores").values():
        assert set(scores["metrics"]) - set(second["scores"]["final"]["metrics"]) == {"ssim-columns"}
    second.pop("scores")
    assert first == second


@pytest.mark.parametrize("name", ["brain-diffuser", "brain-diffuser-clean"])
def test_published_constants_are_spelt_out_where_generators_have_them_as_defaults(name: str) -> None:
    """So that a preset says what it does, whatever becomes of the defaults."""
    from pipeline.diffusion.hierarchical import Vdvae
    from pipeline.diffusion.versatile import VersatileDiffusion

    images, features = preset_tables(name)["images"], preset_tables(name)["features"]
    final = VersatileDiffusion()
    for key in ("size", "strength", "mixing", "guidance", "steps"):
        assert images["final"][key] == getattr(final, key)
    assert images["low-level"]["temperature"] == Vdvae().temperature
    assert features["vdvae"]["layers"] == Vdvae().layers


@pytest.mark.parametrize("name", ["ip-adapter", "kandinsky"])
def test_maintained_generators_are_spelt_out_and_calibrated(name: str, tmp_path: Path) -> None:
    from dataclasses import asdict

    from pipeline.diffusion.conditioned import kind

    said, usual = preset_tables(name), asdict(kind(name)())  # type: ignore[call-overload]
    final = said["images"]["final"]
    shared = usual.keys() & final.keys()
    assert shared >= {"size", "strength", "guidance", "steps", "batch"}
    assert {key: final[key] for key in shared} == {key: usual[key] for key in shared}
    assert final["calibrate"] == "norm"
    recipe = Recipe.from_mapping({"preset": name, "data": DATA}, tmp_path)
    (needed,) = kind(name)("random").roles.values() if name == "kandinsky" else (1024,)  # type: ignore[call-arg]
    assert needed == {"vit-h-14": 1024, "vit-bigg-14": 1280}[recipe.features["clip-image"].encoder]
