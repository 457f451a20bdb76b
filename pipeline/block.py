"""What computes the blocks of a product, and checks them against what was declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Block:
    """Computes blocks and checks what comes out against what was declared."""

    compute: Callable[..., Any]
    declared: Mapping[str, tuple[tuple[str, ...], tuple[int, ...], np.dtype[Any]]] = field(repr=False)
    along: str | None
    joint: bool = False

    @property
    def blocked(self) -> list[str]:
        """The variables that each block has a part of; others stand in the product's frame."""
        return [name for name in self.declared if self.along is None or self.along in self.dims(name)]

    def dims(self, name: str) -> tuple[str, ...]:
        """Return a variable's dimensions."""
        return self.declared[name][0]

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the arrays of the block from `start` to `stop`.

        Raises
        ------
        TypeError
            If an array's shape or dtype is not what was declared: a fault of the stage.
        """
        return next(self.several([(start, stop)]))

    def several(self, spans: Sequence[tuple[int, int]]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the arrays of some blocks in turn; joint ones are made in one walk over the inputs.

        No block is held here once it was given out.
        """
        made = iter(self.compute(spans)) if self.joint else (self.compute(*span) for span in spans)
        for start, stop in spans:
            yield self._checked(next(made), stop - start)

    def _checked(self, found: Mapping[str, Any], size: int) -> dict[str, np.ndarray]:
        arrays = {}
        for name, (dims, shape, dtype) in self.declared.items():
            array = np.asarray(found[name])
            expected = tuple(
                size if dim == self.along else length for dim, length in zip(dims, shape, strict=True)
            )
            if array.shape != expected or array.dtype != dtype:
                raise TypeError(
                    f"{name} came out as {array.dtype} {array.shape}, declared {dtype} {expected}"
                )
            arrays[name] = array
        return arrays
