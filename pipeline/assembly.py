"""From the tables of a recipe to the steps of one subject."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from storage.looks import Looks

from .learning import Learning
from .ridges import Ridges
from .spaces import Spaces
from .step import Origin, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.sources import Ingested, Source

    from .recipe import Recipe


class Subject:
    """Strings together the steps of one subject."""

    def __init__(self, recipe: Recipe, source: Source, subject: str) -> None:
        self.recipe = recipe
        self.source = source
        self.subject = subject
        self.made: dict[str, Step] = {}
        self.looks = Looks()

    def steps(self) -> list[Step]:
        """Return all steps, each after those it needs."""
        self._ingest()
        self._respond()
        spaces = Spaces(self.recipe, self.made, self._add)
        for space in self.recipe.features:
            spaces.featurize(space)
        ridges = Ridges(self.recipe, self.made, self._add)
        for space in self.recipe.ridge.spaces:
            ridges.regress(space)
        learning = Learning(self.recipe, self.made, self._add)
        for name in self.recipe.train:
            learning.train(name)
        for name in self.recipe.images:
            learning.reconstruct(name)
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
        places: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Step:
        """Add the step that makes `product`; `inputs` names products already added."""
        module, _, name = maker.partition(".")
        stage = getattr(import_module(f"pipeline.stages.{module}"), name)
        needed = {key: self.made[given] for key, given in (inputs or {}).items()}
        step = Step(owner or self.subject, product, stage, settings, needed, origin, places or {})
        self.made[product] = step
        return step

    def _ingest(self) -> None:
        owner, data = self.source.picture_owner(self.subject), self.recipe.data
        shrunk = {"size": data.picture_size, "stride": data.picture_stride}
        self._read("trials", "ingest")
        self._read("voxels", "ingest")
        self._read("betas", "ingest")
        self._add("validity", "ingest.validity", {"betas": "betas"})
        self._read(
            "stimuli", "pictures", owner, **{key: value for key, value in shrunk.items() if value is not None}
        )
        with self.looks:
            captioned = self.source.captions(self.subject) is not None
        if captioned:
            self._read("captions", "pictures", owner)

    def _read(self, product: Ingested, module: str, owner: str | None = None, **settings: Any) -> None:
        origin = Origin(self.source, self.subject, product, self.looks)
        self._add(product, f"{module}.{product}", owner=owner, origin=origin, **settings)

    def _respond(self) -> None:
        settings = self.recipe.responses
        inputs = {name: name for name in ("trials", "betas", "validity")}
        if settings.unmeasured == "zero":
            del inputs["validity"]
        if settings.standardize == "scalar":
            self._add("moments", "respond.moments", inputs.copy())
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

    def _score(self, name: str) -> None:
        settings = self.recipe.scores[name]
        self._add(
            f"scores/{name}",
            "score.scores",
            {"stimuli": "stimuli", "images": f"images/{settings.images}"},
            metrics=list(settings.metrics),
            seed=self.recipe.seed,
        )
