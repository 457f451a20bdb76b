"""Recordings: rows of voxels that somebody hands us, looked at before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.npy import mapped

from ..errors import RecipeError, ShapeError
from ..stages.coordinates import voxel_coords

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr

#: Most bytes of rows in float64 that are worked on at once.
PART = 64 * 2**20
#: How responses are standardised by what is stored of each voxel.
BY_VOXEL = ("train", "rows", "all-trials")
#: How they are standardised by what only those who recorded them know.
BY_GROUP = ("session", "run")


@dataclass(frozen=True)
class Recordings:
    """Rows of voxels, as they were recorded.

    Parameters
    ----------
    values
        (row, voxel) numbers, mapped or in memory; in percent signal change, or standardised already.
    name
        What to call them.
    """

    values: np.ndarray
    name: str

    @classmethod
    def of(cls, given: np.ndarray | str | Path, columns: int, subject: str) -> Recordings:
        """Return recordings that are numbers of so many voxels, all of them finite.

        Parameters
        ----------
        given
            An array (row, voxel), or (voxel,) for one row; or a .npy file of one.
        columns
            Voxels of product `responses`.
        subject
            Whose they are, for messages.

        Raises
        ------
        storage.errors.Missing, storage.errors.Invalid
            If there is no such file, or it holds no array of numbers.
        ShapeError
            If the array is none of finite numbers, or not of these voxels.
        """
        if isinstance(given, (str, Path)):
            values, name = mapped(Path(given)), str(given)
        else:
            values, name = np.asarray(given), "the array of voxels"
        if values.dtype.kind not in "fiu":
            raise ShapeError(f"{name} holds {values.dtype}; expected numbers, as np.float32")
        made = cls(_rows(values, name, columns, subject), name)
        made.check_finite()
        return made

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def check_finite(self) -> None:
        """Raise `ShapeError` naming the first number that is none, or that float32 does not hold."""
        for start, part in self._parts():
            with np.errstate(over="ignore"):
                bad = ~np.isfinite(part.astype(np.float32))
            if bad.any():
                row, column = (int(at[0]) for at in np.nonzero(bad))
                place = f"row {start + row}, column {column} (from 0)"
                raise ShapeError(
                    f"{self.name} holds {part[row, column]:g} in {place}; expected finite numbers: leave the "
                    "row out, or give the voxel its mean"
                )

    def standardized(
        self, how: str, responses: xr.Dataset, moments: xr.Dataset | None, *, already: bool
    ) -> np.ndarray:
        """Return (row, voxel) float32 as the run's responses are: standardised by its training trials.

        Parameters
        ----------
        how
            `standardize` of the recipe's ``[responses]``.
        responses
            Product `responses`, with mean and std of each voxel.
        moments
            Product `moments`, for "scalar".
        already
            Whether these rows are standardised.

        Raises
        ------
        RecipeError
            If only those who recorded the rows can standardise them, or they should not be.
        ShapeError
            If a standardised number is more than float32 holds.
        """
        check_standardization(how, already=already)
        made = np.empty(self.values.shape, np.float32)
        mean, std = _moments(how, responses, moments, already=already)
        scale = np.where(std > 0, std, 1.0)
        for start, part in self._parts():
            with np.errstate(over="ignore"):
                made[start : start + len(part)] = np.where(std > 0, (part - mean) / scale, 0.0)
        if not np.isfinite(made).all():
            row, column = (int(at[0]) for at in np.nonzero(~np.isfinite(made)))
            raise ShapeError(
                f"{self.name} holds {self.values[row, column]:g} in row {row}, column {column} (from 0), "
                "which is too large to be standardised; expected percent signal change"
            )
        return made

    def _parts(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first row and (row, voxel) float64 of some rows at a time."""
        step = max(1, PART // (8 * self.values.shape[1]))
        for start in range(0, len(self.values), step):
            yield start, self.values[start : start + step].astype(np.float64)


def _rows(values: np.ndarray, name: str, columns: int, subject: str) -> np.ndarray:
    """Return (row, voxel) of an array of one row or many."""
    if values.ndim not in (1, 2):
        raise ShapeError(f"{name} has shape {values.shape}; expected (row, voxel), or (voxel,) for one row")
    rows = values[None] if values.ndim == 1 else values
    if rows.shape[1] != columns:
        turned = " (it may be transposed)" if len(rows) == columns else ""
        raise ShapeError(
            f"{name} has {rows.shape[1]} columns{turned}, {subject} has {columns} voxels; expected a column "
            f"a voxel, in the order of product `voxels` ({subject}/voxels)"
        )
    if not len(rows):
        raise ShapeError(f"{name} holds no rows; expected one at least")
    return rows


def check_standardization(how: str, *, already: bool) -> None:
    """Raise `RecipeError` where new rows can't be made what the run's responses are."""
    if how in BY_GROUP and not already:
        raise RecipeError(
            f'[responses] standardize = "{how}" goes by the trials of each {how}, and new rows have a {how} '
            "of their own: standardise them by it and say so (--standardized)"
        )
    if how == "none" and already:
        raise RecipeError(
            '[responses] standardize = "none": the run has learned from percent signal change; give that, '
            "without --standardized"
        )


def _moments(
    how: str, responses: xr.Dataset, moments: xr.Dataset | None, *, already: bool
) -> tuple[Any, Any]:
    """Return mean and standard deviation, float64: of each voxel, or of all."""
    if already or how == "none":
        return np.float64(0.0), np.float64(1.0)
    if how in BY_VOXEL:
        return responses["mean"].values.astype(np.float64), responses["std"].values.astype(np.float64)
    assert moments is not None, "product moments is of every run that standardises by it"
    return np.float64(moments["mean"]), np.float64(float(moments["std"]) or 1.0)


def among(trained: xr.Dataset, rows: np.ndarray, names: Sequence[str]) -> xr.Dataset:
    """Return responses whose training rows are a run's and whose test rows are new.

    Parameters
    ----------
    trained
        Product `responses`, in dask arrays.
    rows
        (row, voxel) float32: the new rows, standardised.
    names
        Their ids.
    """
    import dask.array as da
    import xarray as xr

    count, new = int((trained.split.values == "train").sum()), len(rows)
    before = trained.response[:count].data
    after = da.from_array(rows, (-1, before.chunks[1]), name=False)
    ids = {"image_id": np.array(names, object), "split": np.array(["test"] * new, object)}
    beside = {**ids, **{name: np.full(new, -1, np.int16) for name in ("fold", "repeat", "session")}}
    coords: dict[str, Any] = {
        name: ("row", np.concatenate([trained[name].values[:count], values]))
        for name, values in beside.items()
    }
    response = (("row", "voxel"), da.concatenate([before, after]), trained.response.attrs)
    return xr.Dataset({"response": response}, {**coords, **voxel_coords(trained)})
