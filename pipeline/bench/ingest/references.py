"""What ingestion is held against: the line alone, and the work on the bytes alone."""

from __future__ import annotations

import http.client
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from pipeline.features.resize import resize
from storage.remote import Location
from storage.simulate.nsd.layouts import SUBJECT, session_key
from storage.sources.nsd import NsdSource

from .ours import Options, betas_of, checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..work import Work

PART = 16 * 2**20
"""Bytes a request of the parallel download."""
LINES = 8
"""Its requests at once."""
PIECE = 2**20
"""Bytes that are read and dropped, or inflated, at once."""
PICTURES = 64
"""Pictures that are read and resized at once."""


def plain_download(*, root: str, options: Options, folder: str, key: str) -> Work:  # noqa: ARG001
    """Take a file over one connection, as `curl` does; nothing of it is kept: the line's time alone."""
    place = urlsplit(str(options["endpoint_url"]))

    def work() -> Mapping[str, Any]:
        """Download, a piece after the other."""
        line = http.client.HTTPConnection(place.hostname or "", place.port)
        line.request("GET", f"/{root.removeprefix('s3://')}/{key}")
        reply, size = line.getresponse(), 0
        while piece := reply.read(PIECE):
            size += len(piece)
        line.close()
        return {"size": size}

    return work


def parallel_download(
    *,
    root: str,
    options: Options,
    folder: str,  # noqa: ARG001
    key: str,
    size: int = 0,
) -> Work:
    """Take a file, or its first `size` bytes, by 16 MiB over eight connections; nothing is kept of it."""
    place = Location.of(root, options) / key
    whole = size or place.stat().size

    def work() -> Mapping[str, Any]:
        """Download, some pieces at once."""

        def take(start: int) -> int:
            """Download one piece."""
            return len(place.read(start, min(PART, whole - start)))

        with ThreadPoolExecutor(LINES) as pool:
            return {"size": sum(pool.map(take, range(0, whole, PART)))}

    return work


def inflate_alone(*, root: str, options: Options, folder: str, region: str) -> Work:  # noqa: ARG001
    """Inflate a session's .nii.gz from this disk and pick the voxels of a region."""
    release = Path(folder)
    betas = betas_of(Location.of(release), "voxel-chunks", region, "nifti")
    (part,) = betas.parts
    x, y, z = part.grid
    at, volume = part.places @ np.array([1, x, x * y]), 2 * x * y * z

    def work() -> Mapping[str, Any]:
        """Inflate, and pick the voxels."""
        found = np.empty(betas.shape, np.int16)
        for trial, content in enumerate(
            _volumes(release / session_key("voxel-chunks", 1, ".nii.gz"), volume)
        ):
            found[trial] = np.frombuffer(content, "<i2")[at]
        return {"check": lambda: checked(found)}

    return work


def resize_alone(*, root: str, options: Options, folder: str, sessions: int, size: int) -> Work:  # noqa: ARG001
    """Read a subject's pictures from this disk and resize them, one after the other."""
    pictures = NsdSource(Location.of(folder), sessions=sessions).images(SUBJECT)
    count, *_, channels = pictures.shape

    def work() -> Mapping[str, Any]:
        """Read and resize."""
        found = np.empty((count, size, size, channels), np.uint8)
        for start in range(0, count, PICTURES):
            stop = min(start + PICTURES, count)
            found[start:stop] = resize(pictures.read(start, stop), (size, size))
        return {"check": lambda: checked(found)}

    return work


def _volumes(path: Path, size: int) -> Iterator[bytearray]:
    """Yield the volumes that a .nii.gz inflates to."""
    inflate, held, skip = zlib.decompressobj(wbits=31), bytearray(), 352
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            held += inflate.decompress(piece)
            while len(held) >= skip + size:
                yield held[skip : skip + size]
                del held[: skip + size]
                skip = 0
