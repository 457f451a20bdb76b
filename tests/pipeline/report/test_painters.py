"""What the page says of who painted: enough to tell bars from decoders, and a ceiling from both."""

from __future__ import annotations

import pytest

from pipeline.recipe import Recipe
from pipeline.report.painters import painters

PCA = {"model": "pca", "size": 8, "components": 2}
VISION = {"vision": "v", "text": "t"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"generator": "mean"}, "The mean of the training pictures, whatever was seen."),
        ({"generator": "nearest", "features": "pca"}, "whose pca is nearest to the predicted one."),
        ({"generator": "pca"}, "The picture that the predicted pca stands for."),
        ({"generator": "pca", "truth": True}, "The picture that the true pca stands for."),
        (
            {"generator": "conditional-ddpm", "steps": 1},
            "by conditional-ddpm, which learned here as net, from the predicted pca, in 1 step.",
        ),
        ({"generator": "conditional-ddpm", "truth": True, "steps": 8}, "from the true pca, in 8 steps."),
        ({"generator": "basic-ae"}, "by basic-ae, which learned here as ae, from the voxels."),
        ({"generator": "basic-ae", "truth": True}, "What was seen, through the autoencoder of basic-ae"),
        (
            {"generator": "versatile-diffusion", "features": VISION, "start": "low"},
            "by versatile-diffusion from the predicted v and t, over the pictures of low.",
        ),
    ],
)
def test_a_table_in_words(recipe_tables, table, said):
    tables = recipe_tables()
    more = {
        "features": {"pca": PCA, "v": {"model": "clip-vision"}, "t": {"model": "clip-text"}},
        "ridge": {"spaces": {name: {"alpha": 10} for name in ("pca", "v", "t")}},
        "train": {
            "net": {"model": "conditional-ddpm", "features": ["pca"]},
            "ae": {"model": "basic-ae"},
        },
        "images": {"low": {"generator": "pca"}, "x": table},
        "scores": {},
    }
    assert said in dict(painters(Recipe.from_mapping({**tables, **more})))["x"]
