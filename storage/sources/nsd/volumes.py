"""Volumes of one subject: the brain mask, atlases with the names of their labels, noise ceilings."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.fingerprint import fingerprint
from storage.reading import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    from .layout import SubjectFiles

ENDING = ".nii.gz"
_COLOURS = re.compile(r"(?:\s+-?\d+(?:\.\d+)?){3,4}\s*$")


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
    import nibabel

    content = location.read()
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
class Volumes:
    """The volumes of a subject on one grid, that of the brain mask.

    Attributes
    ----------
    root : Location
        The release.
    files : SubjectFiles
        Its names of the subject's files.
    """

    root: Location
    files: SubjectFiles

    @cached_property
    def found(self) -> Mapping[str, Stat]:
        """Size and etag of each atlas of the subject."""
        listed = (self.root / self.files.rois).files(recursive=False)
        return {name.removesuffix(ENDING): stat for name, stat in listed if name.endswith(ENDING)}

    @cached_property
    def colours(self) -> Mapping[str, Mapping[str, Stat]]:
        """Size and etag of each colour table by its name, by folder; the subject's own before common ones."""
        return {
            folder: {name: stat for name, stat in listed if name.endswith(".ctab")}
            for folder in self.files.labels
            for listed in [(self.root / folder).files(recursive=False)]
        }

    @property
    def tables(self) -> Mapping[str, str]:
        """The file that names the labels of an atlas, by the atlas."""
        return {
            name.removesuffix(".ctab").removesuffix(".mgz"): f"{folder}/{name}"
            for folder in reversed(self.files.labels)
            for name in self.colours[folder]
        }

    def stamps(self) -> dict[str, str]:
        """Return the etags of atlases and of the tables that name their labels, and of both's folders."""
        atlases = {f"{self.files.rois}/{name}{ENDING}": stat.etag for name, stat in self.found.items()}
        folders = {self.files.rois: self.found, **self.colours}
        tables = {
            place: self.colours[folder][name].etag
            for place in filter(None, map(self.table, self.found))
            for folder, _, name in [place.rpartition("/")]
        }
        names = {f"{folder}/": fingerprint(sorted(listed)) for folder, listed in folders.items()}
        return {**atlases, **tables, **names}

    def names(self) -> list[str]:
        """Return the names of the subject's atlases, sorted."""
        return sorted(self.found)

    def brain(self) -> NDArray[np.bool_]:
        """Return the mask (x, y, z) of the brain."""
        return np.asarray(read_volume(self.root / self.files.brainmask) > 0)

    def volume(self, atlas: str) -> NDArray[np.int32]:
        """Return the labels (x, y, z) of an atlas; regions have labels above 0."""
        place = self.root / f"{self.files.rois}/{atlas}{ENDING}"
        return _whole(self._on_grid(place, _volume(place, self.found[atlas].etag)))

    def labels(self, atlas: str) -> dict[int, str]:
        """Return the names of an atlas' labels above 0, by number; a label without a name has its number."""
        table = self.table(atlas)
        named = {} if table is None else read_labels(self.root / table)
        present = np.unique(self.volume(atlas))
        numbered = {int(number): str(number) for number in present[present > 0]}
        return dict(sorted((numbered | named).items()))

    def table(self, atlas: str) -> str | None:
        """Return the name of the file that names an atlas' labels; those of one hemisphere share it."""
        bare = re.sub(r"^[lr]h\.", "", atlas)
        return self.tables.get(atlas) or self.tables.get(bare)

    def noise_ratio(self) -> NDArray[np.float32]:
        """Return the noise-ceiling signal-to-noise ratio (x, y, z); NaN where the release does not tell."""
        if (self.root / self.files.ncsnr).stat_or_none() is None:
            return np.full(self.grid, np.nan, np.float32)
        place = self.root / self.files.ncsnr
        return np.asarray(self._on_grid(place, read_volume(place)), np.float32)

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


def _whole(volume: NDArray[Any]) -> NDArray[np.int32]:
    if volume.dtype.kind == "f":  # labels that a tool stored as floats, and NaN where there is none
        volume = np.rint(np.nan_to_num(volume))
    return np.asarray(volume.astype(np.int32, copy=False))


def read_labels(location: Location) -> dict[int, str]:
    """Read a FreeSurfer colour table: the names of labels above 0, by number.

    A line is a number, a name that may hold blanks, and three or four numbers of a colour.

    Raises
    ------
    Invalid
        If it is no text.
    """
    with reading(str(location)):
        lines = location.read().decode().splitlines()
    found = {}
    for line in lines:
        number, _, rest = line.strip().partition(" ") if " " in line.strip() else line.strip().partition("\t")
        name = _COLOURS.sub("", f"{rest.strip()}")
        if number.isdecimal() and int(number) > 0 and name:
            found[int(number)] = name.strip()
    return found
