"""The recipe as a whole: its tables, how they fit each other, and its name among recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from pipeline.errors import RecipeError
from pipeline.presets import faithful_tables, preset_tables
from storage.fingerprint import fingerprint

from .contradictions import contradictions, miscast, undroppable, unnamed
from .datasets import misplaced
from .features import FeatureSpace
from .images import Images, calibrated, misbegun, uncalibrated
from .layers import overlay
from .mistakes import tell
from .origin import Origin
from .ridge import Ridge, without_penalties
from .table import Table
from .tables import Data, Name, Responses, Scores, Text, Weights, named_like
from .training import Learned, learned_from, unlearnable, unlearned


class Recipe(Table):
    """What is to be done: data, features, ridges, pictures and scores.

    A table that is absent is a stage not run. Make one with `load_recipe` or
    `Recipe.from_mapping`; both put the preset underneath.
    """

    preset: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    fidelity: Literal["clean", "faithful"] = "clean"
    data: Data
    responses: Responses = Responses()
    rois: Mapping[Name, Text] = {}
    features: Mapping[Name, FeatureSpace] = {}
    ridge: Ridge = Ridge()
    train: Mapping[Name, Learned] = {}
    images: Mapping[Name, Images] = {}
    scores: Mapping[Name, Scores] = {}
    weights: Weights | None = None
    """Where networks that are not trained here come from; default "published"."""
    cluster: Mapping[str, Any] = {}

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], base: Path | None = None) -> Recipe:
        """Make a recipe from tables as `tomllib` reads them.

        Parameters
        ----------
        mapping
            The tables; those of the preset they name are put underneath.
        base
            The folder that relative paths are taken from, by default the working folder.

        Raises
        ------
        RecipeError
            If the tables say what this version cannot do.
        """
        return cls.from_origin(mapping, Origin(base.absolute() if base else Path.cwd()))

    @classmethod
    def from_origin(cls, mapping: Mapping[str, Any], origin: Origin) -> Recipe:
        """Make a recipe from tables whose mistakes are told with the place they come from."""
        try:
            return cls.model_validate(_on_preset(mapping, origin), context=origin)
        except ValidationError as error:
            raise RecipeError(tell(error, cls, origin)) from None

    def model_post_init(self, context: Any, /) -> None:
        """Remember where the recipe came from."""
        if isinstance(context, Origin):
            self._origin = context

    @property
    def base(self) -> Path:
        """The folder that relative paths were taken from."""
        return self._origin.base

    @property
    def path(self) -> Path | None:
        """The file the recipe was read from."""
        return self._origin.path

    @field_validator("scores", mode="before")
    @classmethod
    def _own_images(cls, scores: object) -> object:
        """Score the images of the same name, where none are named."""
        return named_like(scores, "images")

    @field_validator("cluster")
    @classmethod
    def _known_to_the_cluster(cls, cluster: Mapping[str, Any]) -> Mapping[str, Any]:
        from cluster.kinds import described

        return described(dict(cluster)).model_dump(exclude_unset=True) if cluster else {}

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        mistakes = [
            *misplaced(self.data, self.rois),
            *contradictions(self.features, self.ridge, self.images, self.scores, self.fidelity),
            *unnamed(self.ridge, self.rois),
            *unlearnable(self.train, self.ridge.spaces),
            *unlearned(self.images, self.train),
            *miscast(self.images, self.features, self.ridge),
            *misbegun(self.images),
            *uncalibrated(self.images, self.ridge.spaces),
            *undroppable(self.data, self.ridge),
        ]
        if mistakes:
            raise ValidationError.from_exception_data("Recipe", mistakes)
        return self

    @property
    def held_out(self) -> set[str]:
        """The feature spaces whose ridges are asked of training rows that they never saw."""
        return learned_from(self.train) | calibrated(self.images)

    def meaning(self) -> dict[str, Any]:
        """Return the tables with all defaults spelt out.

        Left out are the preset, whose values are here, and what only says who works and how to reach a
        store: cluster and storage options.
        """
        tables = self.model_dump(by_alias=True, exclude_none=True, exclude={"preset", "cluster"})
        tables["data"].pop("storage_options")
        return _sorted(tables)

    def as_toml(self) -> str:
        """Return the resolved recipe as TOML; it reads back as an equal one, equal ones have equal text."""
        import tomli_w

        return tomli_w.dumps(self.meaning())

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that name what the recipe means.

        However its numbers were written, and wherever source and archive lie.
        """
        meaning = self.meaning()
        for place in ("source", "archive"):
            meaning["data"].pop(place)
        return fingerprint(meaning)


def _on_preset(mapping: Mapping[str, Any], origin: Origin) -> Mapping[str, Any]:
    preset = mapping.get("preset")
    if not isinstance(preset, str):
        return mapping
    try:
        data = mapping.get("data")
        dataset = data.get("dataset") if isinstance(data, Mapping) else None
        tables = preset_tables(preset, dataset)
        if mapping.get("fidelity") == "faithful":
            tables = overlay(tables, faithful_tables(preset, dataset))
        return overlay(without_penalties(tables, mapping), mapping)
    except RecipeError as error:
        raise RecipeError(f"{origin.name}: {origin.say_where(str(error), ['preset'])}") from None


def _sorted(tables: dict[str, Any]) -> dict[str, Any]:
    """Return tables without the empty ones, and those that users name in alphabetical order."""
    for named in (
        tables["rois"],
        tables["features"],
        tables["ridge"]["spaces"],
        tables["train"],
        tables["images"],
        tables["scores"],
    ):
        for name in sorted(named):
            named[name] = named.pop(name)
    return {key: value for key, value in tables.items() if value != {}}
