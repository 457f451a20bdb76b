"""From the tables of a recipe to the steps of one subject."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .step import Origin, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.sources import Source

    from .recipe import Recipe


class Subject:
    """Strings together the steps of one subject."""

    def __init__(self, recipe: Recipe, source: Source, subject: str) -> None:
        self.recipe = recipe
        self.source = source
        self.subject = subject
        self.made: dict[str, Step] = {}

    def steps(self) -> list[Step]:
        """Return all steps, each after those it needs."""
        self._ingest()
        self._respond()
        self._featurize()
        for space in self.recipe.ridge.spaces:
            self._regress(space)
        for name in self.recipe.images:
            self._reconstruct(name)
        for name in self.recipe.scores:
            self._score(name)
        return list(self.made.values())

    def _add(
        self,
        product: str,
        maker: str,
        inputs: Mapping[str, str] | None = None,
        *,
        owner: str | None = None,
        origin: Origin | None = None,
        **settings: Any,
    ) -> Step:
        """Add the step that makes `product`; `inputs` names products already added."""
        module, _, name = maker.partition(".")
        stage = getattr(import_module(f"pipeline.stages.{module}"), name)
        needed = {key: self.made[given] for key, given in (inputs or {}).items()}
        step = Step(owner or self.subject, product, stage, settings, needed, origin)
        self.made[product] = step
        return step

    def _ingest(self) -> None:
        brain = Origin(self.source, self.subject, self.source.identity(self.subject))
        seen = Origin(self.source, self.subject, self.source.picture_identity(self.subject))
        owner = self.source.picture_owner(self.subject)
        self._add("trials", "ingest.trials", origin=brain)
        self._add("voxels", "ingest.voxels", origin=brain)
        self._add("betas", "ingest.betas", {"trials": "trials", "voxels": "voxels"}, origin=brain)
        self._add("validity", "ingest.validity", {"betas": "betas", "voxels": "voxels"})
        self._add("stimuli", "ingest.stimuli", owner=owner, origin=seen)
        if self.source.captions(self.subject) is not None:
            self._add("captions", "ingest.captions", owner=owner, origin=seen)

    def _respond(self) -> None:
        settings = self.recipe.responses
        inputs = {name: name for name in ("trials", "voxels", "betas", "validity")}
        if settings.standardize == "scalar":
            self._add("moments", "respond.moments", {"trials": "trials", "betas": "betas"})
            inputs["moments"] = "moments"
        self._add(
            "responses",
            "respond.responses",
            inputs,
            standardize=settings.standardize,
            average_repeats=settings.average_repeats,
            folds=self.recipe.ridge.folds,
            seed=self.recipe.seed,
        )

    def _featurize(self) -> None:
        owner = self.made["stimuli"].owner
        for space, settings in self.recipe.features.items():
            given = settings.model_dump()
            inputs = {"stimuli": "stimuli"}
            if settings.model == "pca":
                chosen = {key: given[key] for key in ("size", "components")}
                self._add(
                    f"basis/{space}", "featurize.basis", inputs, owner=owner, seed=self.recipe.seed, **chosen
                )
                inputs["basis"] = f"basis/{space}"
            self._add(f"features/{space}", "featurize.features", inputs, owner=owner, **given)

    def _regress(self, space: str) -> None:
        settings = self.recipe.ridge.spaces[space]
        form, targets = self._form(), self.made[f"features/{space}"].dataset.sizes["feature"]
        gram = self._gram(settings.rois, form, settings.precision)
        self._add(
            f"smoother/{space}",
            "smooth.dual_smoother" if form == "dual" else f"smooth.{self._primal_form(targets)}",
            {"responses": "responses", **gram},
            alpha=settings.alpha,
            held_out=settings.correction == "stored",
            seed=self.recipe.seed,
        )
        self._add(
            f"predictions/{space}",
            "predict.predictions",
            {"responses": "responses", "smoother": f"smoother/{space}", "features": f"features/{space}"},
            correction=settings.correction,
        )

    def _form(self) -> str:
        from .ridge import choose_form

        sizes = self.made["responses"].dataset
        return choose_form(int((sizes.split.values == "train").sum()), sizes.sizes["voxel"])

    def _primal_form(self, targets: int) -> str:
        from .ridge import choose_primal_form

        responses = self.made["responses"].dataset
        training = int((responses.split.values == "train").sum())
        test = responses.sizes["row"] - training
        form = choose_primal_form(training, responses.sizes["voxel"], test, targets)
        return {"smoother": "primal_smoother", "left": "primal_left"}[form]

    def _gram(self, rois: str, form: str, precision: str) -> dict[str, str]:
        """Add the products that all spaces of a set of voxels share, where they are not there yet."""
        name = rois if precision == "auto" else f"{rois}-{precision}"
        inputs = {"responses": "responses"}
        if f"gram/{name}" not in self.made:
            self._add(f"gram/{name}", f"gram.{form}_gram", inputs, precision=precision)
            if form == "dual":
                self._add(f"cross/{name}", "gram.cross", inputs, precision=precision)
        products = {"gram": f"gram/{name}"}
        return products if form == "primal" else {**products, "cross": f"cross/{name}"}

    def _reconstruct(self, name: str) -> None:
        settings = self.recipe.images[name]
        inputs = {"predictions": f"predictions/{settings.features}"}
        if f"basis/{settings.features}" in self.made:
            inputs["basis"] = f"basis/{settings.features}"
        self._add(
            f"images/{name}",
            "reconstruct.images",
            inputs,
            name=name,
            generator=settings.generator,
            samples=settings.samples,
            size=settings.size,
            seed=self.recipe.seed,
        )

    def _score(self, name: str) -> None:
        settings = self.recipe.scores[name]
        self._add(
            f"scores/{name}",
            "score.scores",
            {"stimuli": "stimuli", "images": f"images/{settings.images}"},
            metrics=list(settings.metrics),
            seed=self.recipe.seed,
        )
