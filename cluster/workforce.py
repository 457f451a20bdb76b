"""What the kinds of clusters have in common: which keys they take, how many workers and of what size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cluster.sizes import parse_bytes

Count = Annotated[int, Field(ge=1, le=10_000, strict=True)]
"""How many; the most is far beyond what one scheduler bears, and short of what would fell a machine."""


class Keys(BaseModel):
    """Keys that can not be changed, and no others than those named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ours: ClassVar[frozenset[str]] = frozenset()
    """Options that vox2pix sets itself."""

    @model_validator(mode="after")
    def _options_are_free(self) -> Self:
        given: dict[str, Any] = getattr(self, "options", {})
        if taken := sorted(self.ours & given.keys()):
            raise ValueError(f"options must not hold {', '.join(taken)}: vox2pix sets that itself")
        return self


class Limited(Keys):
    """Workers with a limit of memory."""

    memory: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("memory")
    @classmethod
    def _memory_is_a_size(cls, value: str | None) -> str | None:
        if value is not None:
            parse_bytes(value)
        return value

    @property
    def memory_bytes(self) -> int | None:
        """The limit in bytes, where one is given."""
        return None if self.memory is None else parse_bytes(self.memory)


class Sized(Limited):
    """Workers of a given number and size.

    Parameters
    ----------
    workers
        Number of workers, see the kinds for what it is where not given.
    threads
        Tasks a worker does at once. Whatever it is, BLAS runs on one thread a task: a matrix product on two
        threads may round otherwise, and the bits of a product must not depend on who computed it.
    memory
        Limit a worker, like "2GB".
    options
        Passed on unchanged to what starts the workers.
    """

    workers: Count | None = None
    threads: Count = 1
