"""Sessions beside the core ones that serve as test sets: nsdimagery and nsdsynthetic.

All of the core's pictures are training pictures then, but for those that the test set shows as well: a test
picture must not have been trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.errors import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from storage.remote import Location

    from .layout import SubjectFiles
    from .stimuli import NsdPictures

NONE = -1
"""The picture of a trial that is not tested, and the NSD number of a picture that has none."""


class OtherPictures(Protocol):
    """The pictures of such a session, each of its own size."""

    @property
    def ids(self) -> Sequence[str]:
        """The pictures' ids."""

    @property
    def nsd_id(self) -> NDArray[np.int32]:
        """(image) 0-based NSD picture numbers, -1 for a picture that is none of NSD's."""

    def file(self, at: int) -> Location:
        """Return the file that a picture is read from."""

    def read(self, at: int) -> NDArray[np.uint8]:
        """Return a picture, (y, x, channel)."""


@dataclass(frozen=True, eq=False)
class OtherSession:
    """What happened in such a session.

    Attributes
    ----------
    name : str
        As the release has it: nsdimagery, nsdsynthetic.
    run : ndarray
        (trial) int16, 1-based.
    picture : ndarray
        (trial) int64, which of the pictures; -1 for a trial that is not tested.
    pictures : OtherPictures
        Those that are tested.
    read_from : tuple of Location
        The files that say so.
    """

    name: str
    run: NDArray[np.int16]
    picture: NDArray[np.int64]
    pictures: OtherPictures
    read_from: tuple[Location, ...]

    @property
    def trials(self) -> int:
        """How many there are; their files hold as many."""
        return len(self.run)

    @cached_property
    def repeat(self) -> NDArray[np.int16]:
        """(trial) int16, the 0-based showing of the picture."""
        seen: dict[int, int] = {}
        found = np.empty(self.trials, np.int16)
        for trial, picture in enumerate(self.picture.tolist()):
            found[trial] = seen.get(picture, 0)
            seen[picture] = found[trial] + 1
        return found

    def of_pictures(self, values: Sequence[Any], without: Any, dtype: Any) -> NDArray[Any]:
        """Return what is known of pictures for each trial."""
        return np.array([values[at] if at >= 0 else without for at in self.picture.tolist()], dtype)

    def in_core(self, picture: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which NSD pictures are among those tested."""
        numbers = self.pictures.nsd_id
        return np.isin(picture, numbers[numbers >= 0])


@dataclass(frozen=True, eq=False)
class JoinedPictures:
    """The core's pictures for training, then those of a test set, all of the core's size.

    Attributes
    ----------
    core : NsdPictures
        Those that are trained on.
    other : OtherPictures
        Those that are tested.
    """

    core: NsdPictures
    other: OtherPictures

    @property
    def ids(self) -> list[str]:
        """The pictures' ids."""
        return [*self.core.ids, *self.other.ids]

    @property
    def nsd_id(self) -> NDArray[np.int32]:
        """(image) 0-based NSD picture numbers, -1 for a picture that is none of NSD's."""
        return np.concatenate([self.core.nsd_id, self.other.nsd_id])

    @property
    def test(self) -> NDArray[np.bool_]:
        """(image) bool, held out for testing."""
        return np.arange(len(self.ids)) >= len(self.core.ids)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(image, y, x, channel)."""
        return (len(self.ids), *self.core.shape[1:])

    @property
    def moved(self) -> int:
        """Bytes of the core's pictures, and about those of the others, taken for as large."""
        return int(np.prod(self.shape))

    def files(self, start: int, stop: int) -> list[str]:
        """Return the URLs of the files that pictures start to stop are read from."""
        count = len(self.core.ids)
        others = {str(self.other.file(at - count)) for at in range(max(start, count), stop)}
        return [*(self.core.files(start, stop) if start < count else ()), *sorted(others)]

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return pictures start to stop, (image, y, x, channel) uint8."""
        count = len(self.core.ids)
        found = np.empty((max(0, stop - start), *self.shape[1:]), np.uint8)
        inside = max(0, min(stop, count) - start)
        if inside:
            found[:inside] = self.core.read(start, start + inside)
        for at in range(max(start, count), stop):
            found[at - start] = self._other(at - count)
        return found

    def walk(self, spans: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.uint8]]:
        """Yield pictures start to stop of each span, (y, x, channel) uint8, others on their way meanwhile."""
        count = len(self.core.ids)
        core = self.core.walk([(min(start, count), min(stop, count)) for start, stop in spans])
        for start, stop in spans:
            yield from islice(core, max(0, min(stop, count) - start))
            yield from (self._other(at - count) for at in range(max(start, count), stop))

    def _other(self, at: int) -> NDArray[np.uint8]:
        return fitted(self.other.read(at), self.shape[1], self.shape[2])


def joined_trials(core: xr.Dataset, other: OtherSession) -> xr.Dataset:
    """Return the core's trials, all for training but those of tested pictures, and then the session's own."""
    import xarray as xr

    used = ("trial", ~other.in_core(core.nsd_id.values))
    return xr.concat([core.assign(used=used), tested_trials(other)], "trial")


def tested_trials(other: OtherSession) -> xr.Dataset:
    """Return the trials of such a session, which is session 0: the release does not number it."""
    import xarray as xr

    used, pictures = other.picture >= 0, other.pictures
    return xr.Dataset(
        {
            "session": ("trial", np.zeros(other.trials, np.int16)),
            "run": ("trial", other.run),
            "repeat": ("trial", other.repeat),
            "test": ("trial", used),
            "image_id": ("trial", other.of_pictures(pictures.ids, "", object)),
            "used": ("trial", used),
        },
        coords={"nsd_id": ("trial", other.of_pictures(pictures.nsd_id.tolist(), NONE, np.int32))},
    )


def fitted(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the middle square of a picture, resized (bicubic, antialiased)."""
    from PIL import Image

    tall, wide = picture.shape[:2]
    side = min(tall, wide)
    top, left = (tall - side) // 2, (wide - side) // 2
    square = Image.fromarray(picture[top : top + side, left : left + side])
    if (height, width) != square.size[::-1]:
        square = square.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(square)


def other_files(root: Location, files: SubjectFiles, name: str, form: str) -> tuple[Location, ...]:
    """Return the files of the betas of such a session.

    Raises
    ------
    Missing
        If they are not there, in no format that was asked for.
    """
    forms = tuple(files.formats) if form == "auto" else (form,)
    named = [tuple(root / each for each in files.other_session(name, one)) for one in forms]
    for places in named:
        if all(place.exists() for place in places):
            return places
    absent = next(place for place in named[0] if not place.exists())
    raise Missing(f"{absent} does not exist, which data.test asks for: get it, or test on other pictures")
