"""Our reader with a plain Zarr array behind it: no checksums, no markers, no look at etags, no seal."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from pipeline.bench.ingest.ours import betas_of, checked
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
) -> Callable[[], Mapping[str, Any]]:
    """Read a session's betas and write them in the chunks and with the compressor of our product."""
    import zarr
    from zarr.codecs import BloscCodec

    betas, scratch = betas_of(Location.of(root, options), layout, region), tempfile.TemporaryDirectory()
    codec = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")

    def work() -> Mapping[str, Any]:
        values = betas.read(0, betas.shape[0])
        chunks = (len(values), 2048)
        array = zarr.create_array(
            scratch.name,
            shape=values.shape,
            dtype="int16",
            chunks=chunks,
            compressors=[codec],
            overwrite=True,
        )
        array[...] = values

        def check() -> int:
            with scratch:
                return checked(array[...])

        return {"check": check}

    return work
