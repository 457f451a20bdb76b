"""What all tables of a recipe share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of a recipe: read-only, with no unknown key and no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
