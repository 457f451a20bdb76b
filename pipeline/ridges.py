"""The steps of one subject's ridges: what spaces share is added once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import RecipeError
from .recipe.alphas import Alphas
from .recipe.ridge import NetworkSpace, RidgeSpace
from .region import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recipe import Recipe
    from .step import Step


@dataclass(frozen=True)
class Ridges:
    """Adds the steps of ridges to those of a subject."""

    recipe: Recipe
    made: Mapping[str, Step]
    """The steps so far, by product."""
    add: Callable[..., Step]
    """Adds a step: product, maker, inputs by product, settings."""

    def regress(self, space: str) -> None:
        """Add the steps from responses and features to a space's predictions, and its weights if asked."""
        if isinstance(network := self.recipe.ridge.spaces[space], NetworkSpace):
            self._learn(space, network)
            return
        settings = self._settings(space)
        region = self._dropped(space, self._region(settings.rois))
        shared = self._gram(region, settings.precision)
        alpha = settings.alpha
        if isinstance(alpha, Alphas) and alpha.per == "feature":
            self._tune(space, region, shared)
            if settings.weights:
                spectrum = self._spectrum(region, settings.precision, shared)
                self._weigh(space, region, {"spectrum": spectrum, "predictions": f"predictions/{space}"})
            return
        given: dict[str, Any] = {}
        if isinstance(alpha, Alphas):
            self._choose(space, region, shared)
            shared = {**shared, "chosen": f"alpha/{space}"}
        else:
            given["alpha"] = alpha
        smoother = self._smooth(space, region, shared, **given)
        told = self._is_left(smoother)
        self.add(
            f"predictions/{space}",
            "predict.predictions",
            {
                **(region.inputs if told else {"responses": "responses"}),
                "smoother": smoother,
                "features": f"features/{space}",
            },
            correction=settings.correction,
            **(region.settings if told else {}),
        )
        if space in self.recipe.held_out:
            self._hold_out(space, region, shared, **given)
        if settings.weights:
            through = {"left": smoother} if told else self._weigher(space, region, shared, **given)
            self._weigh(space, region, through)

    def _smooth(self, space: str, region: Region, shared: Mapping[str, str], **alpha: Any) -> str:
        """Add the smoother of a space; return its name."""
        settings, maker = self._settings(space), region.smoother(self._targets(space))
        told = maker != "dual_smoother"  # the dual meets voxels in gram and cross alone
        return self._once(
            f"smoother/{space}",
            f"smooth.{maker}",
            {**(region.inputs if told else {"responses": "responses"}), **shared},
            held_out=settings.correction == "stored",
            seed=self.recipe.seed,
            precision=settings.precision,
            **alpha,
            **(region.settings if told else {}),
        )

    def _once(self, product: str, maker: str, inputs: Mapping[str, str], **settings: Any) -> str:
        """Add a step, or return the name of the same step that an earlier space has under its own name.

        No target enters a smoother: spaces with the same region, alpha, correction and precision share it.
        """
        needed = {role: self.made[given] for role, given in inputs.items()}
        kind, title = product.partition("/")[0], maker.partition(".")[2]
        for name, step in self.made.items():
            same = step.maker.title == title and step.inputs == needed and step.settings == settings
            if same and name.startswith(f"{kind}/"):
                return name
        self.add(product, maker, inputs, **settings)
        return product

    def _is_left(self, smoother: str) -> bool:
        return "left" in self.made[smoother].maker.schema.variables

    def _settings(self, space: str) -> RidgeSpace:
        found = self.recipe.ridge.spaces[space]
        assert isinstance(found, RidgeSpace)
        return found

    def _learn(self, space: str, settings: NetworkSpace) -> None:
        """Add a network in mini-batches, and its predictions in the form of a ridge's."""
        region, features = self._region(settings.rois), f"features/{space}"
        inputs = {**region.inputs, "features": features}
        self.add(f"network/{space}", "network.network", inputs, seed=self.recipe.seed, **region.settings)
        inputs = {"responses": "responses", "network": f"network/{space}", "features": features}
        self.add(
            f"predictions/{space}", "network.network_predictions", inputs, correction=settings.correction
        )

    def _hold_out(self, space: str, region: Region, shared: Mapping[str, str], **alpha: Any) -> None:
        """Add what the ridge says of training rows whose picture it never saw: decoders learn from it."""
        inputs = {name: given for name, given in shared.items() if name != "cross"}
        inputs |= {"responses": "responses"} if region.form == "dual" else region.inputs
        maker = f"unseen.{region.form}_held_out"
        held_out = self._once(f"held-out/{space}", maker, inputs, **alpha, **region.unless_dual)
        inputs = {"responses": "responses", "held_out": held_out, "features": f"features/{space}"}
        self.add(f"training-predictions/{space}", "unseen.training_predictions", inputs)

    def _weigher(self, space: str, region: Region, shared: Mapping[str, str], **alpha: Any) -> dict[str, str]:
        """Add what all tiles of weights share, where it is not there yet; return its role and name."""
        inputs = {name: given for name, given in shared.items() if name != "cross"}
        how = {"precision": self._settings(space).precision, **alpha}
        if region.form == "dual" and self._targets(space) < region.voxels:
            inputs = {"responses": "responses", **inputs}
            return {"inverse": self._once(f"inverse/{space}", "invert.inverse", inputs, **how)}
        maker = "invert.dual_left" if region.form == "dual" else "smooth.primal_left"
        inputs = {**region.inputs, **inputs}
        return {"left": self._once(f"left/{space}", maker, inputs, **how, **region.settings)}

    def _weigh(self, space: str, region: Region, through: Mapping[str, str]) -> None:
        inputs = {**region.inputs, "features": f"features/{space}", **through}
        self.add(f"weights/{space}", "weigh.weights", inputs, **region.settings)

    def _targets(self, space: str) -> int:
        return int(self.made[f"features/{space}"].dataset.sizes["feature"])

    def _choose(self, space: str, region: Region, shared: Mapping[str, str]) -> None:
        """Add the choice of one alpha for a space, by factors where those are cheaper than a spectrum."""
        settings = self._settings(space)
        alpha = settings.alpha
        assert isinstance(alpha, Alphas)
        matrix = {"gram": shared["gram"]}
        if region.spectral(self._targets(space), alpha.count, gcv=alpha.by == "gcv"):
            matrix = {"spectrum": self._spectrum(region, settings.precision, shared)}
        inputs = {"responses": "responses", "features": f"features/{space}", **matrix}
        self.add(f"alpha/{space}", "choose.alpha", inputs, seed=self.recipe.seed, **_candidates(alpha))

    def _tune(self, space: str, region: Region, shared: Mapping[str, str]) -> None:
        """Add predictions with an alpha a feature, and what their blocks share."""
        settings = self._settings(space)
        assert isinstance(settings.alpha, Alphas)
        spectrum = self._spectrum(region, settings.precision, shared)
        projection = spectrum.replace("spectrum/", "projection/")
        inputs = {"responses": "responses", "spectrum": spectrum}
        if projection not in self.made:
            given = {"cross": shared["cross"]} if "cross" in shared else region.inputs
            self.add(projection, "spectrum.projection", {**inputs, **given}, **region.unless_dual)
        self.add(
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
            self.add(name, maker, inputs, precision=precision, **region.unless_dual)
        return name

    def _region(self, rois: str) -> Region:
        responses, voxels = self.made["responses"].dataset, self.made["voxels"].dataset
        training = int((responses.split.values == "train").sum())
        count = responses.sizes["voxel"]
        if rois != "all":
            count = int(voxels.in_roi.values[list(voxels.roi.values).index(rois)].sum())
            if not count:
                owner = self.made["responses"].owner
                raise RecipeError(
                    f"[rois] {rois} = {self.recipe.rois.get(rois)!r} holds none of {owner}'s voxels "
                    f"in data.voxels = {self.recipe.data.voxels!r}: widen one of them"
                )
        return Region(rois, training, responses.sizes["row"] - training, count)

    def _dropped(self, space: str, region: Region) -> Region:
        """Add the random removal of voxels, where it is asked for; return what is left of the region."""
        drop = self.recipe.data.drop
        if drop is None:
            return region
        if drop.count >= region.voxels:
            raise RecipeError(
                f"[data.drop] count = {drop.count} leaves none of the {region.voxels} voxels that "
                f"[ridge.spaces.{space}] has of {self.made['responses'].owner}; lower it"
            )
        self.add(
            f"subset/{space}",
            "subset.subset",
            {**region.inputs, "features": f"features/{space}"},
            drop=drop.count,
            seed=drop.seed,
            tries=drop.tries,
            alpha=self._settings(space).alpha,
            **region.settings,
        )
        return replace(region, voxels=region.voxels - drop.count, subset=space)

    def _gram(self, region: Region, precision: str) -> dict[str, str]:
        """Add the products that all spaces of a region share, where they are not there yet."""
        name = region.name if precision == "auto" else f"{region.name}-{precision}"
        how: dict[str, Any] = {"precision": precision, **region.settings}
        inputs = dict(region.inputs)
        if precision == "auto":
            inputs["condition"] = f"condition/{name}"
            how["least_alpha"] = self.recipe.ridge.least_alpha(region.rois)
        if f"gram/{name}" not in self.made:
            if precision == "auto":
                self.add(f"condition/{name}", "condition.condition", region.inputs, **region.settings)
            self.add(f"gram/{name}", f"gram.{region.form}_gram", inputs, **how)
            if region.form == "dual":
                self.add(f"cross/{name}", "gram.cross", inputs, **how)
        products = {"gram": f"gram/{name}"}
        return {**products, "cross": f"cross/{name}"} if region.form == "dual" else products


def _candidates(alpha: Alphas) -> dict[str, Any]:
    return {"candidates": (alpha.from_, alpha.to, alpha.count), "by": alpha.by}
