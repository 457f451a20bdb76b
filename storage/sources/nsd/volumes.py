"""Volumes of one subject: the brain mask, atlases with the names of their labels, noise ceilings."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.fingerprint import fingerprint
from storage.looks import together
from storage.reading import reading

from .anatomical import ANATOMIES, functional_labels
from .atlases import Atlases, whole
from .betas import Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

ENDING = ".nii.gz"


def read_volume(location: Location) -> NDArray[Any]:
    """Read a small .nii.gz volume whole, (x, y, z) as NIfTI has it.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If it is damaged, or has not three axes.
    """
    return _volume(location, location.stat().etag)


def _volume(location: Location, etag: str) -> NDArray[Any]:
    return _image(location, etag)[0]


# One subject has some forty atlases of 0.7 M voxels; those of an expression are wanted again for its masks.
@lru_cache(maxsize=8)
def _image(location: Location, _etag: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return a volume and its affine, from voxel indices to millimetres."""
    return _decoded(location, location.read())


def _decoded(location: Location, content: bytes) -> tuple[NDArray[Any], NDArray[np.float64]]:
    import nibabel

    with reading(str(location)):
        image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
        volume, affine = np.asanyarray(image.dataobj), np.asarray(image.affine, np.float64)
    if volume.ndim == 4 and volume.shape[3] == 1:
        volume = volume[..., 0]
    if volume.ndim != 3:
        raise Invalid(f"{location} has shape {volume.shape}, expected three axes: get it again")
    volume.setflags(write=False)
    return volume, affine


@dataclass(frozen=True)
class Volumes(Atlases):
    """The volumes of a subject on one grid, that of the brain mask.

    Atlases in anatomical volumes are regions too, by the name of their file, where no functional volume has
    that name (see `storage.sources.nsd.anatomical`).
    """

    @cached_property
    def found(self) -> Mapping[str, Stat]:
        """Size and etag of each atlas of the subject."""
        listed = (self.root / self.files.rois).files(recursive=False)
        return {name.removesuffix(ENDING): stat for name, stat in listed if name.endswith(ENDING)}

    @cached_property
    def anatomical(self) -> Mapping[str, Stat]:
        """Size and etag of each atlas that is in an anatomical volume only; none where no transform is."""
        if not any((self.root / self.files.transform(each)).exists() for each in ANATOMIES.values()):
            return {}
        listed = (self.root / self.files.anatomical_rois).files(recursive=False)
        named = {name.removesuffix(ENDING): stat for name, stat in listed if name.endswith(ENDING)}
        return {name: stat for name, stat in named.items() if name not in self.found}

    def names(self) -> list[str]:
        """Return the names of the subject's atlases, sorted."""
        return sorted([*self.found, *self.anatomical])

    def brain(self) -> NDArray[np.bool_]:
        """Return the mask (x, y, z) of the brain."""
        return np.asarray(read_volume(self.root / self.files.brainmask) > 0)

    def volume(self, atlas: str, packed: bytes | None = None) -> NDArray[np.int32]:
        """Return the labels (x, y, z) of an atlas; regions have labels above 0."""
        if atlas in self.anatomical:
            return self._from_anatomy(atlas)
        place = self._place(atlas)
        volume = _volume(place, self.found[atlas].etag) if packed is None else _decoded(place, packed)[0]
        return whole(place, self._on_grid(place, volume))

    def _place(self, atlas: str) -> Location:
        return self.root / f"{self.files.rois}/{atlas}{ENDING}"

    def packed(self) -> dict[str, bytes]:
        """Return the content of each file of the subject's atlases: some 40 of 100 KB."""
        return dict(zip(self.found, together(*(self._place(each).read for each in self.found)), strict=True))

    def _from_anatomy(self, atlas: str) -> NDArray[np.int32]:
        place = self.root / f"{self.files.anatomical_rois}/{atlas}{ENDING}"
        transforms = {space: self.root / self.files.transform(space) for space in ANATOMIES.values()}
        labels = functional_labels(place, self.anatomical[atlas], transforms)
        return np.asarray(self._on_grid(place, labels))

    def noise_ratio(self) -> NDArray[np.float32]:
        """Return the noise-ceiling signal-to-noise ratio (x, y, z); NaN where the release does not tell."""
        place = self.root / self.files.ncsnr[0]
        if place.stat_or_none() is None:
            return np.full(self.grid, np.nan, np.float32)
        return np.asarray(self._on_grid(place, read_volume(place)), np.float32)

    def places(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return x, y, z of what is in a mask."""
        return np.argwhere(mask).astype(np.int32)

    def at(self, places: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
        """Return x, y and z."""
        return tuple(places.T)

    def parts(self, places: NDArray[np.int32]) -> tuple[Part, ...]:
        """Return the places as they are: there is one file a session."""
        return (Part(self.grid, places),)

    def own_stamps(self) -> dict[str, str]:
        """Return the etags of the brain mask, of atlases and their folders, and of transforms."""
        files = self.files
        mask = (self.root / files.brainmask).stat_or_none()
        found = {files.brainmask: "" if mask is None else mask.etag}
        for folder, listed in ((files.rois, self.found), (files.anatomical_rois, self.anatomical)):
            found |= {f"{folder}/{name}{ENDING}": stat.etag for name, stat in listed.items()}
            found[f"{folder}/"] = fingerprint(sorted(listed))
        there = {name: (self.root / name).stat_or_none() for name in map(files.transform, ANATOMIES.values())}
        found |= {name: "" if stat is None else stat.etag for name, stat in there.items()}
        return found

    @cached_property
    def grid(self) -> tuple[int, int, int]:
        """How many places along x, y and z."""
        x, y, z = read_volume(self.root / self.files.brainmask).shape
        return x, y, z

    def space(self) -> dict[str, list[Any]]:
        """Return where the volumes lie, as attributes: `grid` (x, y, z) and `affine` (4, 4), in mm."""
        place = self.root / self.files.brainmask
        affine = _image(place, place.stat().etag)[1]
        return {"grid": list(self.grid), "affine": affine.tolist()}

    def _on_grid(self, place: Location, volume: NDArray[Any]) -> NDArray[Any]:
        if volume.shape != self.grid:
            found = f"{place} has shape {volume.shape}, the brain mask {self.grid}"
            raise Invalid(f"{found}; they must be of one subject and space: get them again")
        return volume
