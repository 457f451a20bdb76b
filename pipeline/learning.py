"""From the tables of a recipe to the steps of the decoders that learn, and to the pictures of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .diffusion.conditioned import settings_of
from .errors import ShapeError
from .generator import generator_of
from .recipe.images import STRENGTH
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
        asked = table.model_dump(exclude={"features", "start", "weights", "log"})
        frozen, places = self._autoencoder(table, table)
        logged = {"log": table.log} if table.log else {}
        self.add(
            f"model/{name}",
            "train.decoder",
            inputs,
            places={**places, **logged},
            name=name,
            voxels=RESPONSES in table.features,
            seed=self.recipe.seed,
            **asked,
            **frozen,
        )

    def _autoencoder(
        self, learned: Learned, table: Learned | Images
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what tells the autoencoder that a table asks for from others, and where its weights lie."""
        if learned.model != "basic-ae":
            return {}, {}
        from .models.autoencoder import Autoencoder

        weights = getattr(table, "weights", None) or learned.weights or self.recipe.weights or "published"
        found = Autoencoder.of(weights)
        found.check_pictures(self.made["stimuli"].dataset.sizes["channel"])
        latent = [found.channels, found.latent_side(learned.size)]
        return {"autoencoder": found.identity(), "latent": latent}, {"weights": weights}

    def reconstruct(self, name: str) -> None:
        """Add pictures, by a decoder that has learned, the inverse of the features, or to compare with."""
        if f"images/{name}" in self.made:
            return
        table = self.recipe.images[name]
        if table.generator == "basic-ae" and table.truth:
            self._autoencode(name, table)
        elif table.learned:
            self._paint(name, table)
        elif table.conditioned:
            self._generate(name, table)
        elif table.linear:
            self._invert(name, table)
        elif table.generator == "mean":
            self._average(name, table)
        else:
            self._look_up(name, table)

    def _show(self, name: str, table: Images, maker: str, inputs: Mapping[str, str], **how: Any) -> None:
        """Add the pictures themselves."""
        said = {"name": name, "size": table.size, "seed": self.recipe.seed}
        self.add(f"images/{name}", maker, inputs, **said, **how)

    def _average(self, name: str, table: Images) -> None:
        if "mean-picture" not in self.made:
            self.add("mean-picture", "bars.mean_picture", {"stimuli": "stimuli", "responses": "responses"})
        inputs = {"responses": "responses", "mean": "mean-picture"}
        self._show(name, table, "unpainted.mean_images", inputs)

    def _look_up(self, name: str, table: Images) -> None:
        told = self._told(str(table.features), truth=table.truth)
        near = told.replace("predictions/", "neighbours/").replace("true-features/", "true-neighbours/")
        if near not in self.made:
            inputs = {"responses": "responses", "features": f"features/{table.features}"}
            self.add(near, "bars.neighbours", {**inputs, "predictions": told})
        inputs = {"stimuli": "stimuli", "responses": "responses", "neighbours": near}
        self._show(name, table, "unpainted.nearest_images", inputs)

    def _told(self, space: str, *, truth: bool) -> str:
        """Return the product that tells a generator of the test rows, added where it is not there yet."""
        if not truth:
            return f"predictions/{space}"
        product = f"true-features/{space}"
        if product not in self.made:
            inputs = {"responses": "responses", "features": f"features/{space}"}
            self.add(product, "bars.true_features", inputs)
        return product

    def _invert(self, name: str, table: Images) -> None:
        inputs = {"predictions": self._told(str(table.features), truth=table.truth)}
        if f"basis/{table.features}" in self.made:
            inputs["basis"] = f"basis/{table.features}"
        if table.calibrate != "none":
            inputs["calibration"] = self._calibration(str(table.features), table.calibrate)
        drawn = {"generator": table.generator, "samples": table.samples}
        self._show(name, table, "reconstruct.images", inputs, **drawn)

    def _calibration(self, space: str, how: str) -> str:
        """Add what a space's predictions are calibrated by, where it is not there yet; return its name."""
        product = f"calibration-{how}/{space}"
        if product not in self.made:
            inputs = {"responses": "responses", "features": f"features/{space}"}
            if how == "std":
                inputs["predictions"] = f"training-predictions/{space}"
            self.add(product, "calibrate.calibration", inputs)
        return product

    def _autoencode(self, name: str, table: Images) -> None:
        """Add the test pictures through the autoencoder and back: no encoder of brains can do better."""
        model = model_of(name, table, self.recipe.train)
        assert model is not None, "the recipe was checked"
        learned = self.recipe.train[model]
        frozen, places = self._autoencoder(learned, table)
        frozen.pop("latent")
        how = {"painted": learned.size, "batch": table.batch or BATCH, **frozen}
        inputs = {"stimuli": "stimuli", "responses": "responses"}
        self._show(name, table, "autoencoded.autoencoded_images", inputs, places=places, **how)

    def _generate(self, name: str, table: Images) -> None:
        """Add pictures by networks that nobody trains here."""
        generator = generator_of(self.recipe, name)
        inputs = {"responses": "responses"}
        for role, space in table.roles.items():
            if role not in generator.roles:
                continue  # it is given no weight: mixing = 1 asks texts alone
            inputs[role] = self._told(space, truth=table.truth)
            if table.calibrate != "none":
                inputs[f"{role}-calibration"] = self._calibration(space, table.calibrate)
        if table.start is not None:
            self.reconstruct(table.start)
            inputs["start"] = f"images/{table.start}"
        self.add(
            f"images/{name}",
            "conditioned.conditioned_images",
            inputs,
            places={"weights": generator.weights},
            name=name,
            generator=table.generator,
            manner=settings_of(generator),
            identity=generator.identity(),
            calibrate=table.calibrate,
            samples=table.samples,
            seed=self.recipe.seed,
        )

    def _paint(self, name: str, table: Images) -> None:
        model = model_of(name, table, self.recipe.train)
        assert model is not None, "the recipe was checked"
        learned = self.recipe.train[model]
        named = [space for space in learned.features if space != RESPONSES]
        spaces = {space: self._told(space, truth=table.truth) for space in named}
        inputs = {"stimuli": "stimuli", "responses": "responses", "model": f"model/{model}", **spaces}
        frozen, places = self._autoencoder(learned, table)
        expected = self.made[f"model/{model}"].settings.get("latent")
        if (latent := frozen.pop("latent", None)) != expected:
            raise ShapeError(
                f"[images.{name}] weights are of an autoencoder with latents of channels and side {latent}; "
                f"[train.{model}] tells {expected}: name one with the same"
            )
        begun = {}
        if table.start is not None:
            self.reconstruct(table.start)
            inputs["start"] = f"images/{table.start}"
            begun["strength"] = STRENGTH if table.strength is None else table.strength
        drawn: dict[str, Any] = (
            {}
            if table.generator == "basic-ae"
            else {
                "sampler": table.sampler or "ddim",
                "steps": table.steps or 25,
                "guidance": 1.0 if table.guidance is None else table.guidance,
            }
        )
        self._show(
            name,
            table,
            "paint.paintings",
            inputs,
            places=places,
            generator=table.generator,
            painted=learned.size,
            samples=table.samples,
            batch=table.batch or BATCH,
            **drawn,
            **begun,
            **frozen,
        )
