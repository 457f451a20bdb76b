"""A block of a feature space as the targets of a ridge: its pictures' rows, read in passing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import ridge
from .featurize import IMAGES
from .positions import positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr

    from ..ridge.namespace import Array


@dataclass(frozen=True)
class Targets:
    """Features of the training pictures, and beside them those of the test rows.

    Parameters
    ----------
    features
        Product `features`.
    columns
        Position of each training picture in it, in the order of a smoother's columns.
    test
        Position of each test row's picture.
    """

    features: xr.Dataset
    columns: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, features: xr.Dataset, pictures: Sequence[str], test_pictures: Sequence[str]) -> Targets:
        """Return the targets for training pictures and test rows, by their ids.

        Raises
        ------
        ShapeError
            If a picture has no features.
        """
        found = positions(features, (*pictures, *test_pictures))
        return cls(features, *np.split(found, [len(pictures)]))

    @cached_property
    def order(self) -> np.ndarray | None:
        """The smoother's columns in the order in which `walk` meets their pictures; None if it is theirs."""
        order = np.argsort(self.columns, kind="stable")
        return None if (order == np.arange(len(order))).all() else order

    def walk(self, start: int, stop: int, true: np.ndarray) -> Iterator[Array]:
        """Yield the training pictures' rows of features `start` to `stop`, as stored, a chunk at a time.

        Parameters
        ----------
        start, stop
            The block of features.
        true
            (test row, feature) float32, on the host: filled as the test rows' pictures come by.

        Yields
        ------
        (picture, feature)
            On the device in use, in `order`.
        """
        return ridge.stream(part for part in self._parts(start, stop, true) if len(part))

    def _parts(self, start: int, stop: int, true: np.ndarray) -> Iterator[np.ndarray]:
        columns = np.sort(self.columns, kind="stable")
        for first in range(0, self.features.sizes["image"], IMAGES):
            inside = columns[slice(*np.searchsorted(columns, (first, first + IMAGES)))] - first
            tested = np.flatnonzero((self.test >= first) & (self.test < first + IMAGES))
            if not (len(inside) or len(tested)):
                continue
            chunk = self.features.value[first : first + IMAGES, start:stop].values
            true[tested] = chunk[self.test[tested] - first]
            yield chunk if len(inside) == len(chunk) else chunk[inside]
