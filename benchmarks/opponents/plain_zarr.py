"""Our reader with a plain Zarr array behind it: no checksums, no markers, no look at etags, no seal."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from pipeline.bench.ingest.ours import betas_of, checked, imported
from storage.remote import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def into_plain_zarr(
    *,
    root: str,
    options: dict[str, Any],
    folder: str,  # noqa: ARG001
    layout: str,
    region: str,
    sessions: int = 1,
) -> Callable[[], Mapping[str, Any]]:
    """Read sessions' betas and write them in the chunks and with the compressor of our product."""
    import zarr
    from zarr.codecs import BloscCodec

    place, scratch = Location.of(root, options), tempfile.TemporaryDirectory()
    place.folders()  # opens the store
    imported()
    codec = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")

    def work() -> Mapping[str, Any]:
        betas = betas_of(place, layout, region, sessions=sessions)
        array = zarr.create_array(
            scratch.name,
            shape=betas.shape,
            dtype="int16",
            chunks=(betas.block, 2048),
            compressors=[codec],
            overwrite=True,
        )
        for start in range(0, betas.shape[0], betas.block):
            array[start : start + betas.block] = betas.read(start, start + betas.block)

        def check() -> int:
            with scratch:
                return checked(array)

        return {"check": check}

    return work
