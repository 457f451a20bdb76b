"""The ridge tables of a recipe: how feature spaces are predicted from responses."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from .alphas import Alpha, Alphas
from .table import Table
from .tables import Name, Precision, with_default


class RidgeSpace(Table):
    """How one feature space is predicted from responses."""

    estimator: Literal["ridge"]
    alpha: Alpha
    correction: Literal["none", "stored", "test-batch"] = "none"
    rois: Name = "all"
    precision: Precision = "auto"
    weights: bool = False
    """Whether to keep the weights too, which predictions do not need."""

    @property
    def least_alpha(self) -> float:
        """The smallest penalty that may be used."""
        return self.alpha.from_ if isinstance(self.alpha, Alphas) else self.alpha


class NetworkSpace(Table):
    """A network in mini-batches instead: a published workaround, to be compared with the ridge."""

    estimator: Literal["mlp"]
    correction: Literal["none", "test-batch"] = "none"
    rois: Name = "all"


Space = Annotated[RidgeSpace | NetworkSpace, Field(discriminator="estimator")]


class Ridge(Table):
    """What all ridges share, and the feature spaces to predict."""

    folds: Annotated[int, Field(ge=2)] = 5
    precision: Precision = "auto"
    spaces: Mapping[Name, Space] = {}

    def least_alpha(self, rois: str) -> float:
        """Return the power of ten at or below the smallest penalty that uses a region's Gram.

        The Gram's precision goes by it: penalties of one decade share one Gram.
        """
        ridges = (one for one in self.spaces.values() if isinstance(one, RidgeSpace))
        sharing = (one for one in ridges if (one.rois, one.precision) == (rois, "auto"))
        return float(10.0 ** floor(log10(min(one.least_alpha for one in sharing))))

    @field_validator("spaces", mode="before")
    @classmethod
    def _ridge_unless_told(cls, spaces: object, info: ValidationInfo) -> object:
        """Let a space be a ridge, and a ridge have the precision of all, unless it says otherwise."""
        ridge = {"estimator": "ridge", "precision": info.data.get("precision", "auto")}
        networks = _networks(spaces)
        return with_default(spaces, lambda name: {} if name in networks else ridge)


def _networks(spaces: object) -> set[str]:
    """Return the spaces that name another estimator than the ridge."""
    told = spaces.items() if isinstance(spaces, Mapping) else ()
    return {
        name
        for name, table in told
        if isinstance(table, Mapping) and table.get("estimator", "ridge") != "ridge"
    }


def without_penalties(preset: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a preset's tables without the alpha of spaces that a recipe makes networks, which have none."""
    told, ridge = over.get("ridge"), preset.get("ridge", {})
    networks = _networks(told.get("spaces")) if isinstance(told, Mapping) else set()
    spaces = {
        name: {key: value for key, value in table.items() if key != "alpha" or name not in networks}
        for name, table in ridge.get("spaces", {}).items()
    }
    return {**preset, "ridge": {**ridge, "spaces": spaces}} if networks else preset
