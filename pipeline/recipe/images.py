"""The tables ``[images.X]``: how predictions become pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .table import Table
from .tables import Count, Name, Samples, Side

#: Generators whose features are the picture.
LINEAR = ("pixels", "pca")
#: Keys that the others alone have.
LEARNED_ONLY = {"model", "sampler", "steps", "guidance", "batch"}


class Images(Table):
    """How predicted features become pictures."""

    generator: Literal["pixels", "pca", "conditional-ddpm", "voxel-ddpm", "basic-ae"]
    features: Name | None = None
    samples: Samples = 1
    size: Side | None = None
    model: Name | None = None
    """The [train.X] that paints; default the one of this table's name, or the only one of that kind."""
    sampler: Literal["ddpm", "ddim", "plms"] | None = None
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    batch: Count | None = None

    @property
    def linear(self) -> bool:
        """Whether the features are the picture, so that nothing is learned, drawn or sampled."""
        return self.generator in LINEAR

    @model_validator(mode="before")
    @classmethod
    def _own_space(cls, table: Any) -> Any:
        """Take the space that is named like the generator, where none is named."""
        if isinstance(table, Mapping) and table.get("generator") in LINEAR:
            return {"features": table["generator"], **table}
        return table

    @model_validator(mode="after")
    def _keys_fit_the_generator(self) -> Images:
        given = self.model_dump(exclude_none=True).keys()
        strange = sorted(given & (LEARNED_ONLY if self.linear else {"features"}))
        if strange and self.linear:
            raise ValueError(f"generator {self.generator!r} paints without {strange[0]!r}; leave it out")
        if strange:
            raise ValueError("features are those the decoder was trained on; name them in [train]")
        return self
