"""Atlases in anatomical space, brought to functional voxels through the release's own transforms.

A transform (``ppdata/subjXX/transforms/anat0pt8-to-func1pt8.nii.gz``) is a volume on the functional grid with
three numbers a voxel: where it lies in the anatomical volume, in voxels counted from 1; 9999 where it lies
outside. The nearest anatomical voxel gives the label. Names, counting and 9999 are those of the release's
authors' own code (github.com/cvnlab/nsdcode: parse_case.py, transform_data.py; what lies beyond the volume's
first or last voxel is outside there too, interp_wrapper.py). The real files were not seen. That an atlas lies
in ``ppdata/subjXX/anat/roi``, and that its header's voxel size tells which of the three anatomical volumes it
is of, is assumed.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid, Missing
from storage.reading import reading

from .atlases import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

ANATOMIES: Mapping[float, str] = MappingProxyType({0.5: "anat0pt5", 0.8: "anat0pt8", 1.0: "anat1pt0"})
"""What the names of transforms call an anatomical volume, by the edge of its voxels in millimetres."""
NOWHERE = 9999
"""What a transform says of a voxel that the anatomical volume does not reach."""
OUTSIDE = -1
"""The label of such a voxel, as NSD's volumes have it for what an atlas does not cover."""


def functional_labels(
    location: Location, stat: Stat, transforms: Mapping[str, Location]
) -> NDArray[np.int32]:
    """Return the labels of an anatomical volume on the functional grid, (x, y, z).

    Parameters
    ----------
    location, stat : Location, Stat
        The atlas, a .nii.gz volume.
    transforms : mapping
        The transform from each of `ANATOMIES`.

    Raises
    ------
    Missing
        If the transform is not there.
    Invalid
        If a file is damaged, or the atlas is of no anatomical volume that there are transforms from.
    """
    edge = _edge(location, stat)
    if edge not in ANATOMIES:
        known = ", ".join(map(str, ANATOMIES))
        raise Invalid(f"{location} has voxels of {edge} mm, expected one of {known}: resample it")
    transform = transforms[ANATOMIES[edge]]
    if (found := transform.stat_or_none()) is None:
        raise Missing(f"{transform} does not exist, which says where functional voxels lie: get it")
    return _labels(location, stat, transform, found)


@lru_cache(maxsize=64)
def _edge(location: Location, stat: Stat) -> float:
    image = _image(location, stat)
    return round(float(image.header.get_zooms()[0]), 2)


# One anatomical volume has 33 M voxels: only what is made of it is kept.
@lru_cache(maxsize=64)
def _labels(location: Location, stat: Stat, transform: Location, found: Stat) -> NDArray[np.int32]:
    where = np.asanyarray(_image(transform, found).dataobj)
    if where.ndim == 5 and where.shape[3] == 1:  # NIfTI keeps vectors along its fifth axis
        where = where[:, :, :, 0]
    if where.ndim != 4 or where.shape[3] != 3:
        raise Invalid(f"{transform} has shape {where.shape}, expected three numbers a voxel: get it again")
    volume = np.asanyarray(_image(location, stat).dataobj)
    if volume.ndim == 4 and volume.shape[3] == 1:
        volume = volume[..., 0]
    if volume.ndim != 3:
        raise Invalid(f"{location} has shape {volume.shape}, expected three axes: get it again")
    return nearest(whole(location, volume), where)


def nearest(labels: NDArray[np.int32], where: NDArray[Any]) -> NDArray[np.int32]:
    """Return the label of the voxel that is nearest to each place, -1 outside.

    Parameters
    ----------
    labels : ndarray
        (x, y, z) int32.
    where : ndarray
        (..., axis) numbers, in voxels of `labels` counted from 1; 9999 or NaN for nowhere.
    """
    at = np.where(where == NOWHERE, np.nan, where.astype(np.float64)) - 1
    inside = ((at >= 0) & (at <= np.array(labels.shape) - 1)).all(axis=-1)  # NaN is not
    found = np.full(inside.shape, OUTSIDE, np.int32)
    found[inside] = labels[tuple(np.floor(at[inside] + 0.5).astype(np.int64).T)]
    return found


def _image(location: Location, stat: Stat) -> Any:
    import nibabel

    with reading(str(location)):
        return nibabel.Nifti1Image.from_bytes(gzip.decompress(location.read(0, stat.size, stat.etag)))
