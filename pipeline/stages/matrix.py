"""The responses as the ridge sees them: rows by the voxels of a region, read in passing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import ridge
from ..errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr


@dataclass(frozen=True)
class Matrix:
    """Training rows, then test rows, by the voxels of one region.

    Nothing is held: every walk over `parts` reads the responses again.
    """

    responses: xr.Dataset
    """Product `responses`."""
    inside: np.ndarray | None = None
    """(voxel) bool: the region, None for all voxels."""

    @classmethod
    def of(cls, responses: xr.Dataset, voxels: xr.Dataset | None, rois: str) -> Matrix:
        """Return the matrix of a region.

        Parameters
        ----------
        responses, voxels
            Products; `voxels` is needed for a region only.
        rois
            Name of the region in `in_roi`, or "all".

        Raises
        ------
        ShapeError
            If the rows do not make a ridge, or the region holds no voxel.
        """
        if rois == "all":
            made = cls(responses)
        else:
            assert voxels is not None, "a region is told by product voxels"
            names = list(map(str, voxels.roi.values))
            made = cls(responses, voxels.in_roi.values[names.index(rois)].astype(bool))
        if not made.voxels:
            raise ShapeError(f"region {rois!r} holds no voxel; a ridge needs one at least")
        made.check()
        return made

    @cached_property
    def training(self) -> int:
        """Number of training rows."""
        return int((self.responses.split.values == "train").sum())

    @property
    def test(self) -> int:
        """Number of test rows."""
        return int(self.responses.sizes["row"]) - self.training

    @cached_property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(self.responses.sizes["voxel"] if self.inside is None else self.inside.sum())

    def check(self) -> None:
        """Raise `ShapeError` if there are under two training rows, or they do not stand first."""
        if self.training < 2:
            raise ShapeError(
                f"{self.training} training row found; a ridge with an intercept needs at least 2"
            )
        if (self.responses.split.values[: self.training] != "train").any():
            raise ShapeError(
                "test rows stand among the training rows; order rows by split, training rows first"
            )

    def parts(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Yield (row, voxel) for voxels `start` to `stop` of the region, from one chunk's width at a time."""
        last = self.voxels if stop is None else stop
        if self.inside is None:
            for left in range(start, last, ridge.WIDTH):
                yield self.responses.response[:, left : min(left + ridge.WIDTH, last)].values
            return
        chosen = np.flatnonzero(self.inside)[start:last]
        for window in np.unique(chosen // ridge.WIDTH):
            left = window * ridge.WIDTH
            columns = chosen[chosen // ridge.WIDTH == window] - left
            yield self.responses.response[:, left : left + ridge.WIDTH].values[:, columns]

    def training_parts(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """Yield the training rows of the same parts."""
        return (part[: self.training] for part in self.parts(start, stop))

    def centred(self) -> tuple[np.ndarray, np.ndarray]:
        """Return training and test rows less the training mean, float64: only where voxels are few."""
        rows = np.concatenate(list(self.parts()), axis=1)
        means = ridge.column_means(rows[: self.training])
        training, test = (ridge.centred(part, means, "float64") for part in np.split(rows, [self.training]))
        return training, test

    @cached_property
    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct training pictures, and for each training row which of them it saw."""
        place: dict[str, int] = {}
        seen = self.responses.image_id.values[: self.training]
        of_row = np.array([place.setdefault(name, len(place)) for name in seen])
        return np.array(list(place), dtype=object), of_row
