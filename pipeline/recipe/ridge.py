"""The ridge tables of a recipe: how feature spaces are predicted from responses."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from .alphas import Alpha, Alphas
from .table import Table
from .tables import Name, Precision, with_default


class RidgeSpace(Table):
    """How one feature space is predicted from responses."""

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


class Ridge(Table):
    """What all ridges share, and the feature spaces to predict."""

    folds: Annotated[int, Field(ge=2)] = 5
    precision: Precision = "auto"
    spaces: Mapping[Name, RidgeSpace] = {}

    def least_alpha(self, rois: str) -> float:
        """Return the power of ten at or below the smallest penalty that uses a region's Gram.

        The Gram's precision goes by it: penalties of one decade share one Gram.
        """
        spaces = (one for one in self.spaces.values() if (one.rois, one.precision) == (rois, "auto"))
        return float(10.0 ** floor(log10(min(one.least_alpha for one in spaces))))

    @field_validator("spaces", mode="before")
    @classmethod
    def _own_precision(cls, spaces: object, info: ValidationInfo) -> object:
        """Let a space that names no precision have the one of all."""
        return with_default(spaces, lambda _: {"precision": info.data.get("precision", "auto")})
