"""Arrays as .npy and .npz files, a stored chunk at a time: memory is one chunk, whatever the array's size."""

from __future__ import annotations

import math
import shutil
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Literal
from zipfile import ZipFile, ZipInfo

import numpy as np

from .errors import Invalid, Missing
from .reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

    Parts = Iterator[tuple[tuple[int, ...], np.ndarray]]


def mapped(path: Path) -> np.ndarray:
    """Return an array of numbers as it lies in a .npy file: mapped into memory, nothing of it executed.

    Raises
    ------
    Missing
        If there is no such file.
    Invalid
        If it is no .npy file, holds no numbers, or is truncated.
    """
    if not path.is_file():
        raise Missing(f"{path} is {'no file' if path.exists() else 'not there'}; name a .npy file")
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty; expected an array as np.save writes it")
    with path.open("rb") as file:
        if file.read(6) != np.lib.format.MAGIC_PREFIX:
            raise Invalid(f"{path} is no .npy file; expected an array as np.save writes it")
        file.seek(0)
        with reading(str(path)):
            version = np.lib.format.read_magic(file)
            read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[
                version[0]
            ]
            shape, by_columns, dtype = read(file)
        start = file.tell()
    if dtype.kind not in "fiu":
        held = "pickled Python objects, which may be code and are not opened" if dtype.hasobject else dtype
        raise Invalid(f"{path} holds {held}; expected numbers, as np.save(file, array.astype('float32'))")
    size = math.prod(shape) * dtype.itemsize
    if path.stat().st_size < start + size:
        raise Invalid(f"{path} is truncated: its header promises {dtype} {shape}; get or write it again")
    order: Literal["F", "C"] = "F" if by_columns else "C"
    return np.memmap(path, dtype, "r", start, shape, order) if size else np.empty(shape, dtype)


def write(array: xr.Variable, file: BinaryIO) -> None:
    """Write an array as numpy does, without pickle; text in numpy's own kind."""
    if array.chunks is None or not array.ndim or array.dtype.kind in ("O", "T"):
        np.save(file, _values(array), allow_pickle=False)
    else:
        fill(file, array.shape, array.dtype, parts(array))


def write_npz(arrays: Mapping[str, xr.Variable], file: BinaryIO) -> None:
    """Write arrays into one file, as `numpy.load` reads it."""
    with ZipFile(file, "w") as together:
        for name, array in arrays.items():
            with beside(file) as one, together.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                write(array, one)
                one.seek(0)
                shutil.copyfileobj(one, member)


def beside(file: BinaryIO) -> Any:
    """Return a file without a name, on the disk of another, for what must be put in order first."""
    return TemporaryFile(dir=Path(file.name).parent)


def fill(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any], found: Parts) -> None:
    """Write a .npy file of parts that come in any order.

    Parameters
    ----------
    file
        To be written, from where it stands.
    shape, dtype
        Of the whole.
    found
        The first corner of each part, and its values.
    """
    said = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, said)
    start = file.tell()
    for corner, values in found:
        _put(file, start, shape, corner, np.ascontiguousarray(values, dtype))


def parts(array: xr.Variable) -> Parts:
    """Yield the chunks of a lazy array, each read once."""
    edges = [np.cumsum((0, *sizes)).tolist() for sizes in array.chunks or ()]
    for spans in product(*map(pairwise, edges)):
        yield tuple(start for start, _ in spans), array[tuple(slice(*span) for span in spans)].values


def _put(
    file: BinaryIO, start: int, shape: tuple[int, ...], corner: tuple[int, ...], values: np.ndarray
) -> None:
    """Write one part in runs, as long as they lie together in the whole."""
    whole = values.ndim  # axes from here on are complete
    while whole and values.shape[whole - 1 :] == shape[whole - 1 :]:
        whole -= 1
    lead = max(whole - 1, 0)
    for index in np.ndindex(values.shape[:lead]):
        first = (*(at + each for at, each in zip(corner, index, strict=False)), *corner[lead:])
        file.seek(start + int(np.ravel_multi_index(first, shape)) * values.itemsize)
        file.write(values[index].data)


def _values(array: xr.Variable) -> np.ndarray:
    values = np.asarray(array.values)
    return values.astype(object).astype(str) if values.dtype.kind in ("O", "T") else values
