"""Surfaces of one subject: labels of the vertices of both hemispheres, and their noise ceilings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid, Missing
from storage.fingerprint import fingerprint

from .atlases import Atlases, whole
from .betas import Part
from .layout import ATLASES
from .mgh import read_surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.transfer import Stat

    Mask = NDArray[np.bool_]
    Places = NDArray[np.int32]

ENDING = ".mgz"


@dataclass(frozen=True)
class Surfaces(Atlases):
    """The vertices of a subject's own surface or of fsaverage: the left hemisphere's, then the right's.

    An atlas is a file of labels a hemisphere, ``lh.NAME.mgz`` and ``rh.NAME.mgz``; besides NAME, which is
    both, ``lh.NAME`` and ``rh.NAME`` are regions. The folders also hold maps that are no labels: an atlas has
    a colour table, or a name that NSD's volumes give to one. The brain is every vertex.
    """

    @cached_property
    def listed(self) -> Mapping[str, Stat]:
        """Size and etag of each file of the folder of labels."""
        return dict((self.root / self.files.rois).files(recursive=False))

    def names(self) -> list[str]:
        """Return the names of the atlases of both hemispheres and of each, sorted."""
        left, right = (self._sided(side) for side in self.files.sides)
        known = {name for name in left & right if name in ATLASES or name in self.tables}
        return sorted([*known, *(f"{side}{name}" for side in self.files.sides for name in known)])

    def _sided(self, side: str) -> set[str]:
        names = (name for name in self.listed if name.startswith(side) and name.endswith(ENDING))
        return {name.removeprefix(side).removesuffix(ENDING) for name in names}

    def volume(self, atlas: str, packed: bytes | None = None) -> NDArray[np.int32]:  # noqa: ARG002
        """Return the labels (vertex) of an atlas; -1 in the hemisphere that one of a side leaves out."""
        only = [side for side in self.files.sides if atlas.startswith(side)]
        bare = atlas.removeprefix(only[0]) if only else atlas
        halves = zip(self.files.sides, self.counts, strict=True)
        return np.concatenate(
            [
                self._labels(side, bare, count)
                if side in (only or self.files.sides)
                else np.full(count, -1, np.int32)
                for side, count in halves
            ]
        )

    def _labels(self, side: str, atlas: str, count: int) -> NDArray[np.int32]:
        name = f"{self.files.rois}/{side}{atlas}{ENDING}"
        return whole(self.root / name, self._of(name, count))

    def _of(self, name: str, count: int) -> NDArray[Any]:
        values = read_surface(self.root / name)
        if len(values) != count:
            found = f"{self.root / name} has {len(values)} vertices, other files of the hemisphere {count}"
            raise Invalid(f"{found}; they must be of one subject and space: get them again")
        return values

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many vertices each hemisphere has, as one of its files tells.

        Raises
        ------
        Missing
            If there is neither a file of labels nor one of noise ceilings.
        """
        return tuple(len(read_surface(self.root / self._one(side))) for side in self.files.sides)

    def _one(self, side: str) -> str:
        bare = [name for name in self.names() if not name.startswith(self.files.sides)]
        if bare:
            return f"{self.files.rois}/{side}{bare[0]}{ENDING}"
        ncsnr = next(name for name in self.files.ncsnr if f"/{side}" in name)
        if (self.root / ncsnr).stat_or_none() is None:
            found = f"{self.root / self.files.rois} holds no labels of {side.strip('.')}"
            raise Missing(f"{found}, so nothing tells how many vertices there are: get them")
        return ncsnr

    def brain(self) -> Mask:
        """Return the mask (vertex) of all vertices."""
        return np.ones(sum(self.counts), bool)

    def noise_ratio(self) -> NDArray[np.float32]:
        """Return the noise-ceiling signal-to-noise ratio (vertex); NaN where the release does not tell."""
        return np.concatenate(
            [
                np.full(count, np.nan, np.float32)
                if (self.root / name).stat_or_none() is None
                else np.asarray(self._of(name, count), np.float32)
                for name, count in zip(self.files.ncsnr, self.counts, strict=True)
            ]
        )

    def places(self, mask: Mask) -> Places:
        """Return the hemisphere (0 left, 1 right), the vertex within it, and 0, of those in a mask."""
        vertex = np.flatnonzero(mask)
        right = vertex >= self.counts[0]
        return np.stack([right, vertex - right * self.counts[0], 0 * vertex], axis=1).astype(np.int32)

    def at(self, places: Places) -> NDArray[np.int64]:
        """Return the numbers of vertices, the right hemisphere's after the left's."""
        return places[:, 0].astype(np.int64) * self.counts[0] + places[:, 1]

    def parts(self, places: Places) -> tuple[Part, ...]:
        """Return the vertices of each hemisphere."""
        return tuple(
            Part((count,), places[places[:, 0] == side, 1:2]) for side, count in enumerate(self.counts)
        )

    def space(self) -> dict[str, Any]:
        """Return how many vertices the left and the right hemisphere have."""
        return {"vertices": list(self.counts)}

    def own_stamps(self) -> dict[str, str]:
        """Return the etags of the files of labels, and of their folder."""
        names = {f"{self.files.rois}/{name}": stat.etag for name, stat in self.listed.items()}
        read = {f"{self.files.rois}/{name}{ENDING}" for name in self.names()}
        folder = {f"{self.files.rois}/": fingerprint(sorted(self.listed))}
        return {**folder, **{name: etag for name, etag in names.items() if name in read}}
