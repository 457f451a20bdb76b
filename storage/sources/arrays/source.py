"""The data set `arrays`: ready-made voxels and pictures under names that the recipe gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.remote import Location

from .container import files_of
from .opening import open_container
from .pictures import ArraysPictures, open_pictures
from .places import read_places
from .responses import ArraysBetas, check_finite, open_betas
from .shown import pictures_seen, showings
from .words import join_words, read_words

if TYPE_CHECKING:
    from collections.abc import Collection

    import xarray as xr
    from numpy.typing import NDArray

    from storage.sources import Ingested

    from .container import Container

PICTURE_KEYS = (
    "train_images",
    "test_images",
    "train_labels",
    "test_labels",
    "train_captions",
    "test_captions",
)
BRAIN_KEYS = ("train_voxels", "test_voxels", "train_index", "test_index", "voxel_ijk")


@dataclass(frozen=True)
class ArraysSource:
    """Voxels and pictures in a .npz, .mat, .h5 or .zarr, or a folder of .npy files, local or on S3.

    Trials are the rows of the training voxels, then those of the test voxels; pictures likewise, and a
    picture's id is its row number in that order. "{subject}" in the location or a key stands for the
    subject's name.

    Attributes
    ----------
    location : Location
        The file or folder.
    train_voxels, test_voxels : str
        Names of the voxels (row, voxel), any real numbers.
    train_images, test_images : str
        Names of the pictures: (image, y, x), (image, y, x, channel) or flattened (image, y*x*channel).
    train_index, test_index : str, optional
        Names of (row) 0-based rows of train_images and test_images; without them row k saw picture k.
    train_labels, test_labels, train_captions, test_captions : str, optional
        Names of a label, or one or more captions, an image.
    voxel_ijk : str, optional
        Name of the voxels' places (voxel, 3), whole numbers.
    image_shape : tuple of int, optional
        (y, x) or (y, x, channel) of flattened pictures.
    image_order : str
        How they were flattened: "C", the last axis fastest, or "F", the first, as MATLAB does.
    """

    location: Location
    train_voxels: str
    test_voxels: str
    train_images: str
    test_images: str
    train_index: str | None = None
    test_index: str | None = None
    train_labels: str | None = None
    test_labels: str | None = None
    train_captions: str | None = None
    test_captions: str | None = None
    voxel_ijk: str | None = None
    image_shape: tuple[int, ...] | None = None
    image_order: str = "C"

    def _location(self, subject: str) -> Location:
        return Location(self.location.url.replace("{subject}", subject), self.location.options)

    def _key(self, role: str, subject: str) -> str | None:
        name: str | None = getattr(self, role)
        return None if name is None else name.replace("{subject}", subject)

    def _pair(self, what: str, subject: str) -> tuple[str, str]:
        """Return the keys of a training and a test array that must be there."""
        return self._key(f"train_{what}", subject) or "", self._key(f"test_{what}", subject) or ""

    def _keys(self, roles: tuple[str, ...], subject: str) -> dict[str, str]:
        found = {role: self._key(role, subject) for role in roles}
        return {role: key for role, key in found.items() if key is not None}

    def _open(self, subject: str) -> Container:
        return open_container(self._location(subject))

    def identity(self, subject: str, product: Ingested) -> dict[str, Any]:
        """Return what enters a fingerprint: sha256 of the file or files, and what is read from them.

        In a folder of .npy, pictures and captions are of their files alone.
        """
        keys = self._keys_of(subject, product)
        return {
            "dataset": "arrays",
            "sha256": self._open(subject).digests(keys.values()),
            "arrays": keys,
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            "image_order": self.image_order,
        }

    def picture_owner(self, subject: str) -> str:  # noqa: ARG002  (the protocol's)
        """Return "all": no brain entered the pictures."""
        return "all"

    def stamps(self, subject: str, product: Ingested) -> dict[str, str]:
        """Return the first 16 digits of the sha256 of each file, by its name."""
        keys = self._keys_of(subject, product)
        digests = self._open(subject).digests(keys.values())
        names = files_of(self._location(subject), digests)
        return {name: f"sha256:{digest[:16]}" for name, digest in zip(names, digests.values(), strict=True)}

    def restamp(self, subject: str, product: Ingested, names: Collection[str]) -> dict[str, str]:
        """Return the same of some of them, as they are now."""
        now = self.stamps(subject, product)
        return {name: now[name] for name in names if name in now}

    def _keys_of(self, subject: str, product: Ingested) -> dict[str, str]:
        seen = product in ("stimuli", "captions")
        return self._keys(PICTURE_KEYS if seen else PICTURE_KEYS + BRAIN_KEYS, subject)

    def trials(self, subject: str) -> xr.Dataset:
        """Return session, run, repeat, test and image_id (trial); there is one session and one run.

        Raises
        ------
        Invalid
            If rows and pictures do not pair up, or an index is out of range.
        """
        import xarray as xr

        betas, images = self.betas(subject), self.images(subject)
        train, test = (self._seen(split, subject, betas, images) for split in (0, 1))
        ones = np.ones(len(train) + len(test), np.int16)
        numbers = np.concatenate([train, test + images.sets[0].count])
        return xr.Dataset(
            {
                "session": ("trial", ones),
                "run": ("trial", ones.copy()),
                "repeat": ("trial", np.concatenate([showings(train), showings(test)])),
                "test": ("trial", np.repeat([False, True], betas.rows)),
                "image_id": ("trial", np.array([str(number) for number in numbers], object)),
            }
        )

    def _seen(
        self, split: int, subject: str, betas: ArraysBetas, images: ArraysPictures
    ) -> NDArray[np.int64]:
        index = self._key(("train_index", "test_index")[split], subject)
        voxels = betas.keys[split], (betas.rows[split], betas.voxels)
        return pictures_seen(
            self._open(subject), index, voxels, (images.sets[split].key, images.sets[split].count)
        )

    def voxels(self, subject: str) -> xr.Dataset:
        """Return i, j, k and noise_ceiling (voxel) and in_roi (roi, voxel), where the one region is "brain".

        Without places, i is the column's number and j = k = 0. Noise ceilings are not known: NaN.

        Raises
        ------
        Invalid
            If there is not one place for each voxel, or not in whole numbers.
        """
        import xarray as xr

        count = self.betas(subject).voxels
        places = read_places(self._open(subject), self._key("voxel_ijk", subject), count)
        return xr.Dataset(
            {
                **{axis: ("voxel", places[:, column].copy()) for column, axis in enumerate("ijk")},
                "noise_ceiling": ("voxel", np.full(count, np.nan, np.float32)),
                "in_roi": (("roi", "voxel"), np.ones((1, count), bool)),
            },
            coords={"roi": np.array(["brain"], object)},
        )

    def betas(self, subject: str) -> ArraysBetas:
        """Return the reader of the voxels (trial, voxel) float32."""
        return open_betas(self._location(subject), self._pair("voxels", subject))

    def images(self, subject: str) -> ArraysPictures:
        """Return the reader of the pictures (image, y, x, channel) uint8."""
        return open_pictures(
            self._location(subject), self._pair("images", subject), self.image_shape, self.image_order
        )

    def labels(self, subject: str) -> xr.Dataset | None:
        """Return label (image), or None where there are none; one label an image, else `Invalid`."""
        import xarray as xr

        words = self._words("labels", subject)
        if words is not None and words.shape[1] != 1:
            raise Invalid(
                f"labels of {self._location(subject)} have {words.shape[1]} entries an image, expected one"
            )
        return None if words is None else xr.Dataset({"label": ("image", words[:, 0])})

    def captions(self, subject: str) -> xr.Dataset | None:
        """Return caption (image, slot), "" where an image has fewer; or None where there are none."""
        import xarray as xr

        words = self._words("captions", subject)
        return None if words is None else xr.Dataset({"caption": (("image", "slot"), words)})

    def _words(self, what: str, subject: str) -> NDArray[np.object_] | None:
        keys = [self._key(f"{split}_{what}", subject) for split in ("train", "test")]
        if keys == [None, None]:
            return None
        container = self._open(subject)
        counts = [container.array(key).shape[0] for key in self._pair("images", subject)]
        parts = [
            None if key is None else read_words(container, key, n)
            for key, n in zip(keys, counts, strict=True)
        ]
        return join_words(parts, counts)

    def check(self, subject: str) -> None:
        """Read everything once, so that whatever is wrong is said before anything is written.

        Raises
        ------
        Invalid
            If a shape, an index, a picture or a voxel is not what it should be; NaN voxels are named.
        """
        self.trials(subject)
        self.voxels(subject)
        self.labels(subject)
        self.captions(subject)
        betas, key = self.betas(subject), self._key("voxel_ijk", subject)
        check_finite(betas, None if key is None else read_places(self._open(subject), key, betas.voxels))
