"""Which voxels a recipe means, where they lie, which regions hold them, how well they can be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from storage.errors import NotInSource

from .evaluation import BRAIN, Evaluation

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from .atlases import Atlases

    Places = NDArray[np.int32]


@dataclass(frozen=True)
class Selection:
    """The voxels of an expression, in C order of the NIfTI volumes: x slowest, z fastest; or vertices.

    They are taken as the expression says. Outside the brain mask NSD's betas are 0, which the product
    `validity` shows; an atlas reaches hardly beyond it.

    Attributes
    ----------
    volumes : Atlases
        The subject's volumes or surfaces.
    voxels : str
        The expression.
    rois : tuple
        (alias, expression) pairs.
    """

    volumes: Atlases
    voxels: str
    rois: tuple[tuple[str, str], ...]

    def places(self) -> Places:
        """Return the voxels' places (voxel, axis) int32: x, y, z from 0; or hemisphere, vertex and 0.

        Raises
        ------
        NotInSource
            If there is none, or the expression names what the subject does not have.
        """
        aliases = self._aliases()
        places = self.volumes.places(Evaluation(self.volumes, aliases).mask(self.voxels))
        if not len(places):
            subject = self.volumes.files.subject
            raise NotInSource(f"data.voxels = {self.voxels!r} holds no voxel of {subject}: widen it")
        return places

    def _aliases(self) -> dict[str, str]:
        for alias, _ in self.rois:
            if alias == BRAIN or alias in self.volumes.names():
                raise NotInSource(f"alias {alias!r} is the name of a region of NSD: give it another name")
        return dict(self.rois)

    def table(self, per_showing: float, stamps: tuple[tuple[str, str], ...]) -> xr.Dataset:
        """Return i, j, k, noise_ceiling (voxel) and in_roi (roi, voxel) with a row a named region.

        Attributes `grid` and `affine` of `i` say which volume the places are of; on surfaces `vertices`
        how many each hemisphere has.

        Parameters
        ----------
        per_showing : float
            What single-trial noise variance shrinks to by averaging the showings at hand, 1/n.
        stamps : tuple
            (URL, etag) of every file it is read from. A subject has some forty atlases, and several products
            ask for the table: it is read once a process and version of the files.
        """
        return _table(self, per_showing, stamps).copy()

    def read_table(self, per_showing: float) -> xr.Dataset:
        """Read the same."""
        import xarray as xr

        places = self.places()
        regions = self.regions(places)
        names = np.array(list(regions), object)
        in_roi = np.empty((len(regions), len(places)), bool)
        for row in in_roi:  # each mask is let go once it is in its row: there may be hundreds
            row[:] = regions.pop(next(iter(regions)))
        at = self.volumes.at(places)
        return xr.Dataset(
            {
                "i": ("voxel", places[:, 0].copy(), self.volumes.space()),
                "j": ("voxel", places[:, 1].copy()),
                "k": ("voxel", places[:, 2].copy()),
                "noise_ceiling": ("voxel", noise_ceiling(self.volumes.noise_ratio()[at], per_showing)),
                "in_roi": (("roi", "voxel"), in_roi),
            },
            coords={"roi": names},
        )

    def regions(self, places: Places) -> dict[str, NDArray[np.bool_]]:
        """Return which voxels lie in each alias, atlas, label (as ATLAS/LABEL) and in the brain."""
        at = self.volumes.at(places)
        evaluation = Evaluation(self.volumes, self._aliases())
        found = {alias: evaluation.mask(text, (alias,))[at] for alias, text in self.rois}
        for atlas, volume in self.volumes.every():
            here = volume[at]
            found[atlas] = here > 0
            for number, name in self.volumes.labelled(atlas, volume).items():
                row = f"{atlas}/{name}"
                found[row] = found.get(row, False) | (here == number)
        return {**found, BRAIN: self.volumes.brain()[at]}


@lru_cache(maxsize=4)
def _table(selection: Selection, per_showing: float, _stamps: tuple[tuple[str, str], ...]) -> xr.Dataset:
    return selection.read_table(per_showing)


def noise_ceiling(ratio: NDArray[np.float32], per_showing: float) -> NDArray[np.float32]:
    """Return the share of variance that a picture can explain, in percent: 100 s^2 / (s^2 + 1/n).

    The formula of the NSD data paper (Allen et al. 2022, Methods, Noise ceiling estimation).

    Parameters
    ----------
    ratio : ndarray
        (voxel) float32, s: standard deviation of the signal over that of a single trial's noise.
    per_showing : float
        1/n, the mean over pictures where they were shown differently often.

    Returns
    -------
    ndarray
        (voxel) float32; NaN where the ratio is.
    """
    square = ratio.astype(np.float64) ** 2
    return np.asarray(100 * square / (square + per_showing), np.float32)
