"""The penalty of a ridge: one number, or candidates to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from .table import Table

#: What float32 holds, with room for its squares and reciprocals.
LEAST, MOST = 1e-18, 1e18


def _computable(penalty: float) -> float:
    if not LEAST <= penalty <= MOST:
        raise ValueError(f"expected {LEAST:g} to {MOST:g}, beyond which a penalty is none or leaves nothing")
    return penalty


Penalty = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_computable)]


class Alphas(Table):
    """Candidate penalties, evenly spaced in their logarithm, and what the choice goes by.

    The defaults reach from next to no shrinkage to nearly nothing but the mean for some 15,000 standardised
    voxels, two candidates a decade; penalties count in voxels, so few voxels want lower ones.
    """

    from_: Penalty = Field(default=1e2, alias="from")
    to: Penalty = 1e7
    count: Annotated[int, Field(ge=2, le=1000)] = 11
    per: Literal["space", "feature"] = "space"
    by: Literal["gcv", "loo", "kfold", "retrieval"] = "gcv"

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Alphas:
        if not self.from_ < self.to:
            _refuse(f"goes from {self.from_:g} to {self.to:g}; expected from below to")
        if (self.per, self.by) == ("feature", "retrieval"):
            _refuse(
                "cannot be chosen by retrieval per feature: a picture is told by all of them; take per space"
            )
        return self


def _refuse(text: str) -> None:
    raise PydanticCustomError("mistake", "{text}", {"text": text})


def _kind(given: object) -> str:
    return "table" if isinstance(given, (Mapping, Alphas)) else "number"


def _number(given: object) -> object:
    if isinstance(given, str):
        _refuse('is no number; take one, or a table to have it chosen, such as { by = "gcv" }')
    return given


#: In scikit-learn's units: not divided by the number of rows.
Alpha = Annotated[
    Annotated[Penalty, BeforeValidator(_number), Tag("number")] | Annotated[Alphas, Tag("table")],
    Discriminator(_kind),
]
