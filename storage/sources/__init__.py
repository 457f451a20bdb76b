"""One adapter a data set, all with one small protocol: what was shown, where, and the responses to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    import xarray as xr

#: What is ingested from a source, by the name of the product.
Ingested = Literal["trials", "voxels", "betas", "stimuli", "captions"]


class Betas(Protocol):
    """A lazy reader of one subject's responses."""

    @property
    def shape(self) -> tuple[int, int]:
        """(trial, voxel)."""

    @property
    def dtype(self) -> str:
        """What `read` returns and what is stored: int16 for NSD, float32 for ready-made voxels."""

    @property
    def scale(self) -> float:
        """Factor from stored numbers to percent signal change."""

    @property
    def block(self) -> int:
        """Trials a block: a session where all have equal length, else a fixed count."""

    @property
    def moved(self) -> int:
        """Bytes that reading all of them takes from the source, wherever it lies; an estimate."""

    def files(self, start: int, stop: int) -> Sequence[str]:
        """Return the files that trials start to stop are read from, named as in `Source.stamps`."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return trials start to stop, (trial, voxel)."""


class Pictures(Protocol):
    """A lazy reader of the distinct pictures."""

    @property
    def ids(self) -> Sequence[str]:
        """The data set's own id of each picture."""

    @property
    def test(self) -> np.ndarray:
        """(image) bool: held out for testing."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(image, y, x, channel)."""

    @property
    def moved(self) -> int:
        """Bytes that reading all of them takes from the source, wherever it lies; an estimate."""

    def files(self, start: int, stop: int) -> Sequence[str]:
        """Return the files that pictures start to stop are read from, named as in `Source.stamps`."""

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return pictures start to stop, (image, y, x, channel) uint8."""

    def walk(self, spans: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
        """Yield pictures start to stop of each span, (y, x, channel) uint8, others on their way meanwhile."""


class Source(Protocol):
    """A data set as vox2pix sees it. Picklable; files are opened by the process that reads."""

    def identity(self, subject: str, product: Ingested) -> Mapping[str, Any]:
        """Return what enters a product's fingerprint: what its numbers depend on, never where they lie."""

    def picture_owner(self, subject: str) -> str:
        """Return who owns the pictures: "all" for a common stimulus set, else the subject."""

    def stamps(self, subject: str, product: Ingested) -> Mapping[str, str]:
        """Return the etag of each file that a product is read from, by its URL.

        A file that is looked for and not there has "", so that it is noticed when it comes. A folder whose
        files are all read has a stamp of its own (its URL ends with a slash), of the names in it.
        """

    def restamp(self, subject: str, product: Ingested, names: Collection[str]) -> Mapping[str, str]:
        """Return the stamps of some of those files as they are now: of the files a block was read from."""

    def trials(self, subject: str) -> xr.Dataset:
        """Return session, run, repeat, test and image_id of each trial, in order of time.

        And `used` (trial) bool, where there are trials that are neither trained on nor tested.
        """

    def voxels(self, subject: str) -> xr.Dataset:
        """Return i, j, k and noise_ceiling (voxel), and in_roi (roi, voxel)."""

    def betas(self, subject: str) -> Betas:
        """Return the reader of the responses."""

    def images(self, subject: str) -> Pictures:
        """Return the reader of the pictures."""

    def labels(self, subject: str) -> xr.Dataset | None:
        """Return label (image), or None where there are none."""

    def captions(self, subject: str) -> xr.Dataset | None:
        """Return caption (image, slot), or None where there are none."""

    def check(self, subject: str) -> None:
        """Read all responses once and raise `Invalid`, naming the voxels, where one is NaN or infinite."""
