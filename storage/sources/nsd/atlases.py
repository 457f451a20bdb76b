"""What volumes and surfaces of a subject have in common: atlases, and tables that name their labels."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.fingerprint import fingerprint
from storage.looks import together
from storage.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from storage.remote import Location
    from storage.transfer import Stat

    from .betas import Part
    from .layout import SubjectFiles

    Mask = NDArray[np.bool_]
    Places = NDArray[np.int32]

MOST = 1000
"""Labels of an atlas: more are a map of something."""
ROUNDED = 1e-3
"""How far from a whole number a label may be that a tool stored as a float."""
_COLOURS = re.compile(r"(?:\s+-?\d+(?:\.\d+)?){3,4}\s*$")


@dataclass(frozen=True)
class Atlases(ABC):
    """The atlases of a subject in one space.

    Attributes
    ----------
    root : Location
        The release.
    files : SubjectFiles
        Its names of the subject's files.
    """

    root: Location
    files: SubjectFiles

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the atlases, sorted."""

    @abstractmethod
    def volume(self, atlas: str, packed: bytes | None = None) -> NDArray[np.int32]:
        """Return an atlas' labels, of its file's content if that is at hand; regions have labels above 0."""

    @abstractmethod
    def brain(self) -> Mask:
        """Return the mask of the brain."""

    @abstractmethod
    def noise_ratio(self) -> NDArray[np.float32]:
        """Return noise-ceiling signal-to-noise ratios; NaN where the release does not tell."""

    @abstractmethod
    def places(self, mask: Mask) -> Places:
        """Return i, j, k (voxel, axis) int32 of what is in a mask, in C order."""

    @abstractmethod
    def at(self, places: Places) -> Any:
        """Return the index that takes these places out of a mask or a volume."""

    @abstractmethod
    def parts(self, places: Places) -> tuple[Part, ...]:
        """Return which places these are of each file of a session."""

    @abstractmethod
    def space(self) -> dict[str, Any]:
        """Return the attributes that say where the places lie."""

    @abstractmethod
    def own_stamps(self) -> dict[str, str]:
        """Return the etags of the atlases and of what else is read here but tables, by name."""

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

    def table(self, atlas: str) -> str | None:
        """Return the name of the file that names an atlas' labels; those of one hemisphere share it."""
        bare = re.sub(r"^[lr]h\.", "", atlas)
        return self.tables.get(atlas) or self.tables.get(bare)

    def labels(self, atlas: str) -> dict[int, str]:
        """Return the names of an atlas' labels above 0, by number; a label without a name has its number."""
        return self.labelled(atlas, self.volume(atlas))

    def labelled(self, atlas: str, volume: NDArray[np.int32]) -> dict[int, str]:
        """Return the same of an atlas that was read."""
        table = self.table(atlas)
        named = {} if table is None else self._named(table)
        present = np.unique(volume)
        if len(present) > MOST:
            found = f"{atlas} of {self.files.subject} has {len(present)} different values"
            cure = "it is no atlas; take it out of the folder"
            raise Invalid(f"{found}, expected at most {MOST} labels: {cure}")
        numbered = {int(number): str(number) for number in present[present > 0]}
        return dict(sorted({**numbered, **named}.items()))

    def _named(self, table: str) -> Mapping[int, str]:
        folder, _, name = table.rpartition("/")
        return read_labels(self.root / table, self.colours[folder][name].etag)

    def every(self) -> Iterator[tuple[str, NDArray[np.int32]]]:
        """Yield each atlas by name with its labels, in order; tables that name them are read at once."""
        tables = dict.fromkeys(filter(None, map(self.table, self.names())))
        together(*(partial(self._named, table) for table in tables))
        packed = self.packed()
        for atlas in self.names():
            yield atlas, self.volume(atlas, packed.pop(atlas, None))

    def packed(self) -> dict[str, bytes]:
        """Return the files of atlases that are worth reading at once, by atlas."""
        return {}

    def stamps(self) -> dict[str, str]:
        """Return the etags of atlases and of the tables that name their labels, and of both's folders."""
        places = filter(None, map(self.table, self.names()))
        split = {place: place.rpartition("/") for place in places}
        tables = {place: self.colours[folder][name].etag for place, (folder, _, name) in split.items()}
        folders = {f"{folder}/": fingerprint(sorted(listed)) for folder, listed in self.colours.items()}
        return {**tables, **folders, **self.own_stamps()}


def whole(place: Location, labels: NDArray[Any]) -> NDArray[np.int32]:
    """Return a file's labels as integers, from floats that a tool stored, with NaN where there is none.

    Raises
    ------
    Invalid
        If a value is no whole number: masks that were resampled, and maps, are no labels.
    """
    if labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), 0, labels)
        with np.errstate(invalid="ignore"):  # infinity less infinity is no number, and odd
            odd = labels[~(np.abs(labels - np.rint(labels)) <= ROUNDED)]
        if odd.size:
            found = f"{place} has the label {odd[0]:g}, expected whole numbers"
            raise Invalid(f"{found}: round them, or take the file out of the folder")
        labels = np.rint(labels)
    return np.asarray(labels.astype(np.int32, copy=False))


@lru_cache(maxsize=64)
def read_labels(location: Location, _etag: str) -> Mapping[int, str]:
    """Read a FreeSurfer colour table, once a version of it: the names of labels above 0, by number.

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
    return MappingProxyType(found)
