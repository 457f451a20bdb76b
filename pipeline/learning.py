"""From the tables of a recipe to the steps of the decoders that learn, and to the pictures of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .recipe.training import RESPONSES, model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recipe import Recipe
    from .recipe.images import Images
    from .recipe.training import Learned
    from .step import Step

#: Pictures a network paints at once, where the recipe doesn't say.
BATCH = 16


@dataclass(frozen=True)
class Learning:
    """Adds the steps of training and of reconstruction to those of a subject."""

    recipe: Recipe
    made: Mapping[str, Step]
    """The steps so far, by product."""
    add: Callable[..., Step]
    """Adds a step: product, maker, inputs by product, settings."""

    def train(self, name: str) -> None:
        """Add a decoder, after the one it begins from."""
        if f"model/{name}" in self.made:
            return
        table = self.recipe.train[name]
        inputs = {"stimuli": "stimuli", "responses": "responses"}
        start = getattr(table, "start", None)
        if start is not None:
            self.train(start)
            inputs["start"] = f"model/{start}"
        inputs |= {space: f"training-predictions/{space}" for space in table.features if space != RESPONSES}
        asked = table.model_dump(exclude={"features", "start", "weights"})
        frozen, places = self._autoencoder(table)
        self.add(
            f"model/{name}",
            "train.decoder",
            inputs,
            places=places,
            name=name,
            voxels=RESPONSES in table.features,
            seed=self.recipe.seed,
            **asked,
            **frozen,
        )

    def _autoencoder(self, table: Learned) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what tells a table's autoencoder from others, and where its weights lie."""
        if table.model != "basic-ae":
            return {}, {}
        from .models.autoencoder import Autoencoder

        weights = table.weights or self.recipe.weights or "published"
        found = Autoencoder.of(weights)
        side = found.latent_side(table.size)
        return {"autoencoder": found.identity(), "latent": [found.channels, side]}, {"weights": weights}

    def reconstruct(self, name: str) -> None:
        """Add pictures, by the inverse of their features or by a decoder that has learned."""
        table = self.recipe.images[name]
        if table.linear:
            self._invert(name, table)
        else:
            self._paint(name, table)

    def _invert(self, name: str, table: Images) -> None:
        inputs = {"predictions": f"predictions/{table.features}"}
        if f"basis/{table.features}" in self.made:
            inputs["basis"] = f"basis/{table.features}"
        self.add(
            f"images/{name}",
            "reconstruct.images",
            inputs,
            name=name,
            generator=table.generator,
            samples=table.samples,
            size=table.size,
            seed=self.recipe.seed,
        )

    def _paint(self, name: str, table: Images) -> None:
        model = model_of(name, table, self.recipe.train)
        assert model is not None, "the recipe was checked"
        learned = self.recipe.train[model]
        spaces = {space: f"predictions/{space}" for space in learned.features if space != RESPONSES}
        inputs = {"stimuli": "stimuli", "responses": "responses", "model": f"model/{model}", **spaces}
        _, places = self._autoencoder(learned)
        drawn: dict[str, Any] = (
            {}
            if table.generator == "basic-ae"
            else {
                "sampler": table.sampler or "ddim",
                "steps": table.steps or 25,
                "guidance": 1.0 if table.guidance is None else table.guidance,
            }
        )
        self.add(
            f"images/{name}",
            "paint.paintings",
            inputs,
            places=places,
            name=name,
            generator=table.generator,
            painted=learned.size,
            samples=table.samples,
            size=table.size,
            batch=table.batch or BATCH,
            seed=self.recipe.seed,
            **drawn,
        )
