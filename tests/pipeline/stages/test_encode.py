"""Features of networks that others have trained: through a run, block by block, on any number of workers."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from cluster import Threads
from pipeline import plan, run
from pipeline.errors import RecipeError, ShapeError
from pipeline.features.captions import Texts
from pipeline.features.encoders import Latents, Patches, encoded, memory
from pipeline.models.weights import WeightsMissing
from pipeline.stages import encode
from pipeline.stages.encode import feature_seed
from pipeline.stages.frozen import RANDOM_WEIGHTS
from storage.archive import Archive

SPACES = {
    "latents": {"model": "vdvae", "layers": 6},
    "clip-vision": {"model": "clip-vision"},
    "clip-text": {"model": "clip-text", "dtype": "float16"},
    "clip-image": {"model": "clip-image", "batch": 5},
}
TABLES = {
    "weights": "random",
    "data": {"arrays": {"train_captions": "train_captions", "test_captions": "test_captions"}},
    "features": {"pixels": None, "pca": None, **SPACES},
    "ridge": {"spaces": {"pixels": None, "pca": None, **{name: {"alpha": 10} for name in SPACES}}},
    "images": None,
    "scores": None,
}
TRAIN, TEST = 14, 5


def described(given):
    """Add captions; every third picture has one, the others two."""
    for split in ("train", "test"):
        count = len(given[f"{split}_images"])
        texts = [[f"picture {at} of a disc", "a disc, again" if at % 3 else " "] for at in range(count)]
        given[f"{split}_captions"] = np.array(texts)
    return given


@pytest.fixture
def made(make_recipe, arrays):
    """Return a function that makes a recipe of a small release with captions."""

    def make(changes=None, **how):
        given = {"voxels": 20, "train": TRAIN, "test": TEST, **how}
        return make_recipe({**TABLES, **(changes or {})}, described(arrays(**given)))

    return make


def opened(recipe, product, owner="all"):
    return Archive(recipe.data.archive).open(product, subject=owner)


def step(recipe, product):
    return next(one for one in plan(recipe) if one.product == product)


def test_features_are_what_the_networks_tell_and_are_predicted(made):
    recipe = made()
    outcome = run(recipe, cluster=Threads(workers=2))
    assert outcome.computed > 0
    stimuli, captions = opened(recipe, "stimuli"), opened(recipe, "captions")
    pictures, texts, ids = stimuli.picture.values, captions.caption.values, stimuli.image_id.values
    drawn, seen, read = Latents("random", 6), Patches("random"), Texts("random", 2)
    seeds = np.array([feature_seed(0, "latents", one) for one in ids])
    expected = {
        "latents": encoded(drawn, lambda a, b: [drawn.shown(pictures[a:b]), seeds[a:b]], len(ids), 19),
        "clip-vision": encoded(seen, lambda a, b: [seen.shown(pictures[a:b])], len(ids), 19),
        "clip-text": encoded(read, lambda a, b: read.numbers(texts[a:b]), len(ids), 19),
    }
    shapes = {"latents": [1056], "clip-vision": [257, 16], "clip-text": [77, 16], "clip-image": [1024]}
    for name, shape in shapes.items():
        value = opened(recipe, f"features/{name}").value
        assert value.attrs["unflattened"] == shape
        assert value.attrs["model"] == SPACES[name]["model"]
        assert value.attrs["weights"] == {"weights": "random"}
        assert value.attrs["note"] == RANDOM_WEIGHTS
        assert value.dtype == SPACES[name].get("dtype", "float32")
        if name in expected:
            atol = 1e-3 if value.dtype == "float16" else 1e-5
            np.testing.assert_allclose(value.values, expected[name], atol=atol)
        predicted = opened(recipe, f"predictions/{name}", "s1").predicted
        assert predicted.shape == (TEST, np.prod(shape))
        assert np.isfinite(predicted.values).all()
    assert opened(recipe, "features/clip-image").value.attrs["batch"] == 5
    assert run(recipe, cluster=Threads(workers=1)).computed == 0


def test_batches_and_workers_change_nothing_beyond_rounding(made, monkeypatch, tmp_path):
    monkeypatch.setattr(encode, "IMAGES", 8)
    archives = []
    for at, (batch, workers) in enumerate([(3, 1), (4, 2)]):
        spaces = {name: {**space, "batch": batch, "dtype": "float32"} for name, space in SPACES.items()}
        recipe = made({"features": {"pixels": None, "pca": None, **spaces}})
        recipe = recipe.model_copy(
            update={"data": recipe.data.model_copy(update={"archive": str(tmp_path / f"archive-{at}")})}
        )
        run(recipe, cluster=Threads(workers=workers), until="featurize")
        archives.append(recipe)
    for name in SPACES:
        one, other = (opened(recipe, f"features/{name}").value for recipe in archives)
        np.testing.assert_allclose(other.values, one.values, atol=1e-5, err_msg=name)


def test_a_block_that_is_missing_is_made_alone(made, monkeypatch):
    monkeypatch.setattr(encode, "IMAGES", 8)
    recipe = made()
    run(recipe, cluster=Threads(workers=2), until="featurize")
    before = opened(recipe, "features/clip-vision").value.values
    product = step(recipe, "features/clip-vision").in_archive(Archive(recipe.data.archive))
    product.revoke(["00001"])  # as a run that was stopped leaves it
    counted = []
    monkeypatch.setattr(encode, "encoded", lambda *given: counted.append(given[2]) or encoded(*given))
    assert run(recipe, cluster=Threads(workers=1), until="featurize").computed == 1
    assert counted == [8]
    np.testing.assert_array_equal(opened(recipe, "features/clip-vision").value.values, before)


def test_what_is_drawn_is_by_recipe_space_and_picture(made):
    text = sha256(b"0|latents|3").digest()
    assert feature_seed(0, "latents", "3") == int.from_bytes(text[:8], "big") % 2**63
    latents = step(made(), "features/latents")
    assert (latents.settings["seed"], latents.settings["space"]) == (0, "latents")
    mean = made({"features": {"latents": {**SPACES["latents"], "draw": "mean"}}, "ridge": {}})
    assert not {"seed", "space"} & step(mean, "features/latents").settings.keys()


def test_settings_enter_the_fingerprint_and_places_do_not(made):
    one = step(made(), "features/clip-vision")
    assert one.settings == {
        "model": "clip-vision",
        "batch": 32,
        "dtype": "float32",
        "faithful": False,
        "network": {"weights": "random"},
    }
    assert one.places == {"weights": "random"}
    spaces = {**SPACES, "clip-text": {"model": "clip-text"}}
    exact = step(made({"fidelity": "faithful", "features": {"pca": None, **spaces}}), "features/clip-vision")
    assert exact.settings["faithful"]
    assert exact.fingerprint != one.fingerprint
    assert step(made(), "features/clip-text").owner == "all"


def test_memory_is_told_by_shapes(made):
    few, many = (
        step(made({"features": {"v": {"model": "clip-vision", "batch": batch}}, "ridge": {}}), "features/v")
        for batch in (4, 40)
    )
    layers = [memory(Patches("random"), batch)[1] for batch in (4, 40)]
    assert many.cost.memory - few.cost.memory > 2 * (layers[1] - layers[0]) > 0
    assert few.cost.resident == many.cost.resident == Patches("random").pretrained.nbytes


def test_networks_that_do_not_fit_a_worker_are_refused(made):
    planned = plan(made())
    (refused,) = [one for one in planned.refusals(20_000_000) if "features/clip-vision" in one]
    assert "a worker has 20.0 MB: lower [cluster] workers or raise [cluster] memory" in refused


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ({"model": "vdvae", "layers": 76}, "layers = 76, .*less than or equal to 75"),
        ({"model": "vdvae", "draw": "mode"}, "draw = 'mode'"),
        (
            {"model": "vdvae", "size": 64},
            "'size' .* takes batch, dtype, weights, model, layers, draw",
        ),
        ({"model": "clip-vision", "layers": 3}, "takes no 'layers'"),
        ({"model": "clip-vison"}, "did you mean 'clip-vision'"),
        ({"model": "clip-text", "batch": 0}, "batch = 0"),
    ],
)
def test_mistakes_are_told_in_one_line(made, features, says):
    with pytest.raises(RecipeError, match=says) as caught:
        made({"features": {"x": features}})
    assert "\n" not in str(caught.value)


def test_half_precision_is_refused_where_all_digits_are_promised(made):
    with pytest.raises(RecipeError, match=r"\[features.clip-text\] dtype = 'float16' loses digits"):
        made({"fidelity": "faithful"})


def test_captions_are_asked_for_before_anything_is_written(make_recipe, arrays):
    bare = make_recipe({**TABLES, "data": {}})
    with pytest.raises(RecipeError, match=r"\[features.clip-text\] model = 'clip-text' reads captions, and"):
        run(bare, cluster=Threads(workers=1))
    assert not Path(bare.data.archive).exists()
    given = described(arrays(voxels=20, train=TRAIN, test=TEST))
    given["test_captions"][2] = ["", " "]
    lacking = make_recipe(TABLES, given)
    with pytest.raises(ShapeError, match=rf"picture {TRAIN + 2} has no caption \(1 such\)"):
        run(lacking, cluster=Threads(workers=1))
    assert not Path(lacking.data.archive).exists()


def test_weights_that_are_not_here_are_told_with_what_gets_them(made, monkeypatch, tmp_path):
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    recipe = made({"weights": "published"})
    with pytest.raises(WeightsMissing, match="vox2pix weights fetch vdvae"):
        run(recipe, cluster=Threads(workers=1))
    assert not Path(recipe.data.archive).exists()
