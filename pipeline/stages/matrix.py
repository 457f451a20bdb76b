"""The responses as the ridge sees them: rows by the voxels of a region, read in passing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import ridge
from ..errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import xarray as xr


@dataclass(frozen=True)
class Matrix:
    """Training rows, then test rows, by the voxels of one region.

    Nothing is held: every walk over `parts` reads the responses again.
    """

    responses: xr.Dataset
    """Product `responses`."""
    inside: np.ndarray | xr.DataArray | None = None
    """(voxel) bool: the region, None for all voxels; of a subset, attribute `count` says how many."""

    @classmethod
    def of(cls, responses: xr.Dataset, voxels: xr.Dataset | None, rois: str) -> Matrix:
        """Return the matrix of a region.

        Parameters
        ----------
        responses, voxels
            Products; `voxels` is needed for a region only, or is product `subset`, which is one by itself.
        rois
            Name of the region in `in_roi`, or "all".

        Raises
        ------
        ShapeError
            If the rows do not make a ridge, or the region holds no voxel.
        """
        if voxels is not None and "kept" in voxels:
            made = cls(responses, voxels.kept)
        elif rois == "all":
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
        if isinstance(self.inside, np.ndarray) or self.inside is None:
            return int(self.mask.sum())
        return int(self.inside.attrs["count"])  # told before the subset is drawn

    @property
    def known(self) -> bool:
        """Whether it can be told which voxels these are: in a plan, a subset is still to be drawn."""
        return getattr(self.inside, "chunks", None) is None

    @property
    def mask(self) -> np.ndarray:
        """(voxel) bool: the region; of a subset, only once it is drawn."""
        return np.asarray(
            np.ones(self.responses.sizes["voxel"], bool) if self.inside is None else self.inside
        )

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
        """Yield (row, voxel) for voxels `start` to `stop` of the region, `ridge.WIDTH` voxels at a time.

        Each chunk is read once. Raises `ShapeError` at the first voxel that holds no finite number.
        """
        return (part for (part,) in ridge.recut((part,) for part in self._chunks(start, stop)))

    def _chunks(self, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the region's voxels as they lie in the chunks of the responses."""
        chosen = np.flatnonzero(self.mask)[start:stop]
        for positions in np.split(chosen, np.flatnonzero(np.diff(chosen // ridge.WIDTH)) + 1):
            if len(positions):
                yield self._read(positions)

    def _read(self, positions: np.ndarray) -> np.ndarray:
        first, last = positions[0], positions[-1] + 1
        part: np.ndarray = self.responses.response[:, first:last].values
        if last - first > len(positions):
            part = part[:, positions - first]
        with np.errstate(over="ignore"):
            sums = part.sum(axis=0)
        if not np.isfinite(sums).all():
            self._check_finite(part, positions)
        return part

    def _check_finite(self, part: np.ndarray, positions: np.ndarray) -> None:
        """Raise `ShapeError` naming the first voxel with NaN or infinity, and where it is in the brain."""
        bad = ~np.isfinite(part)
        if not bad.any():
            return  # large numbers, whose sum overflowed
        column = int(bad.any(axis=0).argmax())
        row, voxel = int(bad[:, column].argmax()), int(positions[column])
        place = ", ".join(
            f"{axis} {int(self.responses[axis][voxel])}" for axis in "ijk" if axis in self.responses.coords
        )
        which = f"row {row} (picture {self.responses.image_id.values[row]})"
        if bad[row].all():
            raise ShapeError(f"the responses hold no finite number in {which}; leave that trial out")
        raise ShapeError(
            f"the responses hold {part[row, column]} in voxel {voxel}{place and f' ({place})'}, {which}; "
            "a ridge needs finite numbers: leave the voxel out"
        )

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
        return _numbered(self.responses.image_id.values[: self.training])

    @property
    def test_pictures(self) -> np.ndarray:
        """The picture each test row saw, as a number."""
        return _numbered(self.responses.image_id.values[self.training :])[1]


def walked(parts: Iterable[np.ndarray], voxels: int, number: int = 0, of: int = 1) -> Iterator[np.ndarray]:
    """Yield the parts of a walk over voxels, and have it heard how far that is.

    Parameters
    ----------
    parts
        (row, voxel), consecutive voxels.
    voxels
        How many there are in all.
    number, of
        Which walk this is, from 0, of how many that a task makes.
    """
    from cluster import share_done

    passed = 0
    for part in parts:
        yield part
        passed += part.shape[1]
        share_done((number + passed / voxels) / of)


def _numbered(image_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct pictures in order of first appearance, and for each row which of them it saw."""
    place: dict[str, int] = {}
    of_row = np.array([place.setdefault(name, len(place)) for name in image_ids], dtype=int)
    return np.array(list(place), dtype=object), of_row
