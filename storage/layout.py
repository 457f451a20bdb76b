"""How a Dataset lies in a Zarr v3 group: arrays, codecs, checksums, consolidated metadata."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .chunks import chunk_indices, chunk_name, misaligned
from .documents import parse
from .errors import Damaged
from .opening import readable
from .spilling import release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import xarray as xr

    from .remote import Location
    from .schema import Schema, Variable

#: crc32c (Castagnoli) of a chunk stands in its last four bytes, little-endian (zarr's crc32c codec).
CRC_BYTES = 4

#: Bytes that are handed to zarr at once; it encodes all chunks of them side by side.
AT_ONCE = 16 * 2**20

#: Chunks of zeros are stored as well: an absent chunk must always mean damage.
KEEP_EMPTY = {"write_empty_chunks": True}


def block_edges(dataset: xr.Dataset, schema: Schema) -> list[int]:
    """Return the blocks' edges: the dask chunks along the block dimension.

    Raises
    ------
    ValueError
        If an inner edge would cut a chunk in two.
    """
    if schema.block is None:
        return [0, 1]
    sizes = dataset.chunksizes[schema.block]
    edges = [0, *np.cumsum(sizes).tolist()]
    for name, variable in schema.variables.items():
        if schema.block in variable.dims:
            if name not in dataset:  # optional
                continue
            asked = dataset[name].encoding.get("preferred_chunks")
            shape = variable.chunk_shape(variable.dims, dataset[name].shape, asked)
            chunk = shape[variable.dims.index(schema.block)]
            cut = misaligned(edges, chunk)
            if cut:
                raise ValueError(f"block edge {cut[0]} cuts a chunk of {name} ({chunk} wide) in two")
    return edges


def write_frame(data: Location, dataset: xr.Dataset, schema: Schema, about: Mapping[str, Any]) -> None:
    """Create group and arrays and write what has no block dimension."""
    attributes: dict[str, Any] = {
        "coordinates": " ".join(sorted(map(str, dataset.coords))),
        "vox2pix": dict(about),
    }
    group = _group(data)
    group.attrs.put(attributes)
    for name, variable in dataset.variables.items():
        array = _create(data, group, str(name), variable, schema.variable(str(name)))
        if not blocked(str(name), dataset, schema):
            array[...] = np.asarray(variable.values)


def _group(data: Location) -> Any:
    import zarr
    from zarr.errors import ContainsGroupError

    with suppress(Damaged), readable(data):
        with suppress(ContainsGroupError):  # a run beside us made it between zarr's look and its write
            return zarr.open_group(data.zarr(), mode="a", zarr_format=3)
        return zarr.open_group(data.zarr(), mode="r+", use_consolidated=False)
    remove_metadata(data)  # nobody writes half a file here: what cannot be read was damaged
    return zarr.open_group(data.zarr(), mode="a", zarr_format=3)


def remove_metadata(data: Location) -> None:
    """Remove the metadata of group and arrays, so that the frame is written anew; chunks stay."""
    for name in ("zarr.json", *(f"{array}/zarr.json" for array in data.folders())):
        (data / name).delete()


def blocked(name: str, dataset: xr.Dataset, schema: Schema) -> bool:
    """Tell whether a variable is written by the blocks rather than with the frame."""
    if name in dataset.coords:
        return False
    return schema.block is None or schema.block in schema.variables[name].dims


def _create(data: Location, group: Any, name: str, variable: xr.Variable, declared: Variable) -> Any:
    """Return the array of a variable, made where there is none, or none that can be read."""
    from zarr.errors import ContainsArrayError

    with suppress(Damaged), readable(data), suppress(ContainsArrayError):
        return _new(group, name, variable, declared)
    with suppress(Damaged), readable(data):  # made by a run that was killed, or by one beside us
        return group[name].with_config(KEEP_EMPTY)
    (data / name / "zarr.json").delete()
    return _new(group, name, variable, declared)


def _new(group: Any, name: str, variable: xr.Variable, declared: Variable) -> Any:
    dims = tuple(map(str, variable.dims))
    chunks = declared.chunk_shape(dims, variable.shape, variable.encoding.get("preferred_chunks"))
    return group.create_array(
        name,
        shape=variable.shape,
        dtype=str if declared.dtype == "str" else variable.dtype,
        chunks=chunks,
        compressors=_codecs(declared),
        dimension_names=dims,
        attributes=_plain(variable.attrs),
        config=KEEP_EMPTY,
        fill_value="" if declared.dtype == "str" else 0,
    )


def _codecs(declared: Variable) -> list[Any]:
    from zarr.codecs import BloscCodec, Crc32cCodec

    if declared.codec == "none":
        return [Crc32cCodec()]
    return [BloscCodec(cname="lz4", shuffle="bitshuffle", clevel=5), Crc32cCodec()]


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as JSON holds them."""
    return {str(key): value.tolist() if hasattr(value, "tolist") else value for key, value in attrs.items()}


def write_region(
    data: Location, dataset: xr.Dataset, region: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, str], int]:
    """Write variables into a region of their arrays, whole chunks each.

    Returns
    -------
    crcs, stored
        crc32c by chunk name, and the bytes stored.
    """
    import zarr

    from .noting import Noting

    store = Noting(data.zarr())
    with readable(data):
        group: Any = zarr.open_group(store, mode="r+", zarr_format=3, use_consolidated=False)
        arrays = {name: group[name].with_config(KEEP_EMPTY) for name in map(str, dataset.data_vars)}
    crcs: dict[str, str] = {}
    stored = 0
    for name, array in arrays.items():
        _write(array, [region.get(str(dim)) for dim in dataset[name].dims], dataset[name].values)
        for chunk in chunks_of(name, array, region):
            size, end = store.noted[chunk]
            stored += size
            crcs[chunk] = crc_of(end)
    return crcs, stored


def _write(array: Any, region: Sequence[tuple[int, int] | None], values: np.ndarray) -> None:
    """Write a region of an array, some chunks at a time: encoded ones take memory as well."""
    if not values.size or not values.ndim:
        array[...] = values
        return
    starts = [0 if span is None else span[0] for span in region]
    counts = [-(-size // chunk) for size, chunk in zip(values.shape, array.chunks, strict=True)]
    axis = int(np.argmax(counts))
    step = array.chunks[axis] * max(1, AT_ONCE * counts[axis] // values.nbytes)
    for first in range(0, values.shape[axis], step):
        inside = [slice(0, size) for size in values.shape]
        inside[axis] = slice(first, min(first + step, values.shape[axis]))
        where = tuple(slice(a + each.start, a + each.stop) for a, each in zip(starts, inside, strict=True))
        array[where] = values[tuple(inside)]
        release(values)


def chunks_of(name: str, array: Any, region: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield the names below ``data/`` of the chunks that a region of an array touches."""
    dims = array.metadata.dimension_names or ()
    for index in chunk_indices(dims, array.shape, array.chunks, region):
        yield f"{name}/{chunk_name(index)}"


def frame_crcs(data: Location, dataset: xr.Dataset, schema: Schema) -> dict[str, str]:
    """Return the crc32c of everything in the frame: each array's metadata and each coordinate's chunks."""
    import zarr

    group = zarr.open_group(data.zarr(), mode="r", use_consolidated=False)
    crcs = {}
    for name in map(str, dataset.variables):
        crcs[f"{name}/zarr.json"] = crc_text((data / name / "zarr.json").read())
        if not blocked(name, dataset, schema):
            crcs |= {chunk: stored_crc(data / chunk) for chunk in chunks_of(name, group[name], {})}
    return crcs


def stored_crc(chunk: Location) -> str:
    """Return the crc32c that a stored chunk claims for itself, as 8 hexadecimal digits."""
    return crc_of(chunk.read(-CRC_BYTES))


def crc_of(end: bytes) -> str:
    """Return the crc32c that stands in the last four bytes of a chunk, as 8 hexadecimal digits."""
    return f"{int.from_bytes(end, 'little'):08x}"


def crc_text(content: bytes) -> str:
    """Return the crc32c of some bytes, as 8 hexadecimal digits."""
    import google_crc32c

    return f"{google_crc32c.value(content):08x}"


def file_crc(file: Location) -> str:
    """Return the crc32c of a file, read in pieces, as 8 hexadecimal digits."""
    import google_crc32c

    value = 0
    for piece in file.pieces():
        value = google_crc32c.extend(value, piece)
    return f"{value:08x}"


def consolidate(data: Location) -> None:
    """Put all arrays' metadata into the group's, so that opening is one read.

    The bytes are those of zarr's own function, which works, and warns that the specification knows no such
    thing, in a thread that Ctrl-C does not reach.
    """
    with readable(data), ThreadPoolExecutor() as pool:
        names = sorted(data.folders())
        arrays = list(pool.map(lambda name: parse((data / name / "zarr.json").read()), names))
        group = parse((data / "zarr.json").read())
        found = {
            "kind": "inline",
            "must_understand": False,
            "metadata": dict(zip(names, arrays, strict=True)),
        }
        kind = group.pop("node_type")
        group |= {"consolidated_metadata": found, "node_type": kind}
    (data / "zarr.json").write(json.dumps(group, indent=2).encode())
