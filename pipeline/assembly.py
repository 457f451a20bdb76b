"""From the tables of a recipe to the steps of one subject."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import RecipeError
from .recipe.alphas import Alphas
from .region import Region
from .step import Origin, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.sources import Ingested, Source

    from .recipe import Recipe


def _candidates(alpha: Alphas) -> dict[str, Any]:
    return {"candidates": (alpha.from_, alpha.to, alpha.count), "by": alpha.by}


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
        owner = self.source.picture_owner(self.subject)
        self._read("trials")
        self._read("voxels")
        self._read("betas")
        self._add("validity", "ingest.validity", {"betas": "betas"})
        self._read("stimuli", owner)
        if self.source.captions(self.subject) is not None:
            self._read("captions", owner)

    def _read(self, product: Ingested, owner: str | None = None) -> None:
        origin = Origin(self.source, self.subject, product)
        self._add(product, f"ingest.{product}", owner=owner, origin=origin)

    def _respond(self) -> None:
        settings = self.recipe.responses
        inputs = {name: name for name in ("trials", "betas", "validity")}
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

    def _featurize(self) -> None:
        owner = self.made["stimuli"].owner
        for space, settings in self.recipe.features.items():
            if settings.model == "words":
                self._count_words(space, settings.least, settings.dtype)
                continue
            given = settings.model_dump()
            inputs = {"stimuli": "stimuli"}
            if settings.model == "pca":
                chosen = {key: given[key] for key in ("size", "components")}
                self._add(
                    f"basis/{space}", "featurize.basis", inputs, owner=owner, seed=self.recipe.seed, **chosen
                )
                inputs["basis"] = f"basis/{space}"
            self._add(f"features/{space}", "featurize.features", inputs, owner=owner, **given)

    def _count_words(self, space: str, least: int, dtype: str) -> None:
        if "captions" not in self.made:
            data = self.recipe.data
            arrays = "name them in [data.arrays] train_captions, test_captions"
            cure = arrays if data.arrays else "put COCO_73k_annots_curated.npy there"
            raise RecipeError(
                f"[features.{space}] model = 'words' counts the words of captions, and {data.source} "
                f"has none; {cure}, or take another model"
            )
        self._add(
            f"features/{space}",
            "words.word_features",
            {"stimuli": "stimuli", "captions": "captions"},
            owner=self.made["captions"].owner,
            least=least,
            dtype=dtype,
        )

    def _regress(self, space: str) -> None:
        settings = self.recipe.ridge.spaces[space]
        region = self._region(settings.rois)
        shared = self._gram(region, settings.precision)
        alpha = settings.alpha
        if isinstance(alpha, Alphas) and alpha.per == "feature":
            self._tune(space, region, shared)
            return
        given: dict[str, Any] = {}
        if isinstance(alpha, Alphas):
            self._choose(space, region, shared)
            shared = {**shared, "chosen": f"alpha/{space}"}
        else:
            given["alpha"] = alpha
        maker = region.smoother(self._targets(space))
        told = maker != "dual_smoother"  # the dual meets voxels in gram and cross alone
        self._add(
            f"smoother/{space}",
            f"smooth.{maker}",
            {**(region.inputs if told else {"responses": "responses"}), **shared},
            held_out=settings.correction == "stored",
            seed=self.recipe.seed,
            precision=settings.precision,
            **given,
            **(region.settings if told else {}),
        )
        told = maker == "primal_left"
        self._add(
            f"predictions/{space}",
            "predict.predictions",
            {
                **(region.inputs if told else {"responses": "responses"}),
                "smoother": f"smoother/{space}",
                "features": f"features/{space}",
            },
            correction=settings.correction,
            **(region.settings if told else {}),
        )

    def _targets(self, space: str) -> int:
        return int(self.made[f"features/{space}"].dataset.sizes["feature"])

    def _choose(self, space: str, region: Region, shared: Mapping[str, str]) -> None:
        """Add the choice of one alpha for a space, by factors where those are cheaper than a spectrum."""
        settings = self.recipe.ridge.spaces[space]
        alpha = settings.alpha
        assert isinstance(alpha, Alphas)
        matrix = {"gram": shared["gram"]}
        if region.spectral(self._targets(space), alpha.count, gcv=alpha.by == "gcv"):
            matrix = {"spectrum": self._spectrum(region, settings.precision, shared)}
        inputs = {"responses": "responses", "features": f"features/{space}", **matrix}
        self._add(f"alpha/{space}", "choose.alpha", inputs, seed=self.recipe.seed, **_candidates(alpha))

    def _tune(self, space: str, region: Region, shared: Mapping[str, str]) -> None:
        """Add predictions with an alpha a feature, and what their blocks share."""
        settings = self.recipe.ridge.spaces[space]
        assert isinstance(settings.alpha, Alphas)
        spectrum = self._spectrum(region, settings.precision, shared)
        projection = spectrum.replace("spectrum/", "projection/")
        inputs = {"responses": "responses", "spectrum": spectrum}
        if projection not in self.made:
            given = {"cross": shared["cross"]} if "cross" in shared else region.inputs
            self._add(projection, "spectrum.projection", {**inputs, **given}, **region.unless_dual)
        self._add(
            f"predictions/{space}",
            "tune.tuned_predictions",
            {**inputs, "projection": projection, "features": f"features/{space}"},
            correction=settings.correction,
            seed=self.recipe.seed,
            **_candidates(settings.alpha),
        )

    def _spectrum(self, region: Region, precision: str, shared: Mapping[str, str]) -> str:
        """Add the spectrum of a Gram, where it is not there yet; return its name."""
        name = shared["gram"].replace("gram/", "spectrum/")
        if name not in self.made:
            given = {"responses": "responses"} if region.form == "dual" else region.inputs
            inputs = {**given, "gram": shared["gram"]}
            maker = f"spectrum.{region.form}_spectrum"
            self._add(name, maker, inputs, precision=precision, **region.unless_dual)
        return name

    def _region(self, rois: str) -> Region:
        responses, voxels = self.made["responses"].dataset, self.made["voxels"].dataset
        training = int((responses.split.values == "train").sum())
        count = responses.sizes["voxel"]
        if rois != "all":
            count = int(voxels.in_roi.values[list(voxels.roi.values).index(rois)].sum())
            if not count:
                raise RecipeError(
                    f"[rois] {rois} = {self.recipe.rois.get(rois)!r} holds none of {self.subject}'s voxels "
                    f"in data.voxels = {self.recipe.data.voxels!r}: widen one of them"
                )
        return Region(rois, training, responses.sizes["row"] - training, count)

    def _gram(self, region: Region, precision: str) -> dict[str, str]:
        """Add the products that all spaces of a region share, where they are not there yet."""
        name = region.rois if precision == "auto" else f"{region.rois}-{precision}"
        how: dict[str, Any] = {"precision": precision, **region.settings}
        inputs = dict(region.inputs)
        if precision == "auto":
            inputs["condition"] = f"condition/{name}"
            how["least_alpha"] = self.recipe.ridge.least_alpha(region.rois)
        if f"gram/{name}" not in self.made:
            if precision == "auto":
                self._add(f"condition/{name}", "condition.condition", region.inputs, **region.settings)
            self._add(f"gram/{name}", f"gram.{region.form}_gram", inputs, **how)
            if region.form == "dual":
                self._add(f"cross/{name}", "gram.cross", inputs, **how)
        products = {"gram": f"gram/{name}"}
        return {**products, "cross": f"cross/{name}"} if region.form == "dual" else products

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
