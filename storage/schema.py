"""What an array of a product is, said once: dims, dtype, units, chunks, codec, a sentence for the reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

#: "none" stores plain numbers (float noise does not compress); "lz4" is blosc lz4 with bitshuffle.
#: Both end in a crc32c, the outermost codec, so that any flipped bit is seen before it is decoded.
Codec = Literal["none", "lz4"]


@dataclass(frozen=True)
class Variable:
    """One array of a product."""

    dims: tuple[str, ...]
    """Names of the dimensions, in order."""
    dtype: str
    """Stored dtype, or "str" for variable-length UTF-8; alternatives are divided by "|"."""
    units: str
    """Units, "1" where there are none."""
    long_name: str
    """What it is, in a few words."""
    doc: str = ""
    """A sentence for whoever opens the store; kept as attribute `comment`."""
    chunks: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Chunk sizes by dimension; dimensions not named are stored whole."""
    codec: Codec = "none"
    optional: bool = False
    """Whether a product may lack it."""
    descriptive: bool = False
    """Whether, as a coordinate, it only describes: no stored number follows from it."""

    def attrs(self) -> dict[str, str]:
        """Return the attributes stored with the array."""
        said = {"units": self.units, "long_name": self.long_name}
        return {**said, "comment": self.doc} if self.doc else said

    def chunk_shape(
        self, dims: Sequence[str], shape: Sequence[int], asked: Mapping[str, int] | None = None
    ) -> tuple[int, ...]:
        """Return the chunk sizes for an array of `shape`; `asked` goes before what is declared."""
        sizes = {**self.chunks, **(asked or {})}
        return tuple(max(1, min(size, sizes.get(dim, size))) for dim, size in zip(dims, shape, strict=True))


@dataclass(frozen=True)
class Schema:
    """The arrays of a product and the dimension it is written along."""

    variables: Mapping[str, Variable]
    block: str | None = None
    """The block dimension, or None for a product written as one block."""

    def describe(self, dataset: xr.Dataset) -> xr.Dataset:
        """Return `dataset` with every variable checked against the schema and its attributes set.

        Raises
        ------
        TypeError
            If a variable is missing or not declared, or its dims or dtype differ: a fault of the
            stage, never of the user.
        """
        names = set(map(str, dataset.data_vars))
        needed = {name for name, variable in self.variables.items() if not variable.optional}
        if not needed <= names <= set(self.variables):
            raise TypeError(f"a product of {sorted(self.variables)} was given {sorted(names)}")
        described = dataset.copy()
        for name, array in described.variables.items():
            declared = self.variable(str(name))
            _check(str(name), array, declared)
            array.attrs = {**declared.attrs(), **array.attrs}
        return described

    def variable(self, name: str) -> Variable:
        """Return the declaration of a data variable or coordinate."""
        declared = self.variables.get(name) or COORDINATES.get(name)
        if declared is None:
            raise TypeError(f"variable {name!r} is declared nowhere")
        return declared


def _check(name: str, array: xr.Variable, declared: Variable) -> None:
    kind = "str" if array.dtype.kind in "OUT" else str(array.dtype)
    if kind not in declared.dtype.split("|"):
        raise TypeError(f"{name} is {array.dtype}, declared {declared.dtype}")
    if name in COORDINATES and declared is COORDINATES[name]:
        return  # a coordinate lies along whichever dimension it describes
    if tuple(map(str, array.dims)) != declared.dims:
        raise TypeError(f"{name} has dims {array.dims}, declared {declared.dims}")


def _coordinate(
    dtype: str, units: str, long_name: str, doc: str = "", *, descriptive: bool = False
) -> Variable:
    return Variable((), dtype, units, long_name, doc, descriptive=descriptive)


#: The coordinates every product may carry, along whichever dimension they describe.
COORDINATES: Mapping[str, Variable] = MappingProxyType(
    {
        "image_id": _coordinate("str", "1", "picture", "The data set's own id of the picture."),
        "nsd_id": _coordinate(
            "int32", "1", "0-based NSD picture number", "-1 for a picture that is none of the 73,000."
        ),
        "split": _coordinate("str", "1", "train or test"),
        "fold": _coordinate(
            "int16", "1", "cross-validation fold", "-1 for test rows; a picture's rows share one."
        ),
        "repeat": _coordinate("int16", "1", "0-based showing", "-1 for the mean over showings."),
        "session": _coordinate(
            "int16",
            "1",
            "session",
            "1-based as the release counts; 0 for one that it does not number, -1 for a mean over several.",
        ),
        "run": _coordinate("int16", "1", "run", "1-based as the release counts."),
        "i": _coordinate(
            "int32",
            "1",
            "first voxel index",
            "0-based along x; on a surface the hemisphere, 0 left and 1 right. "
            "Where voxels are of a volume, attributes `grid` and `affine` (4 x 4, to mm) are the volume's.",
        ),
        "j": _coordinate(
            "int32", "1", "second voxel index", "0-based along y; on a surface the hemisphere's vertex."
        ),
        "k": _coordinate("int32", "1", "third voxel index", "0-based along z; on a surface 0."),
        "noise_ceiling": _coordinate(
            "float32",
            "percent",
            "noise ceiling",
            "Explainable variance; NaN where unknown.",
            descriptive=True,
        ),
        "roi": _coordinate("str", "1", "region of interest"),
        "metric": _coordinate("str", "1", "score"),
        "step": _coordinate("int64", "1", "training step", "1-based: the number of updates made by then."),
        "label": _coordinate("str", "1", "label of the picture"),
        "word": _coordinate("str", "1", "word counted"),
    }
)
