"""Which keys of [data] belong to which data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .mistakes import mistake
from .tables import Arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import InitErrorDetails

    from .tables import Data

#: Keys of [data] that a data set takes beside those that all take.
OWN = {
    "arrays": ("arrays",),
    "nsd": ("sessions", "betas", "space", "format", "test"),
}


def misplaced(data: Data, rois: Mapping[str, str]) -> Iterator[InitErrorDetails]:
    """Yield what the chosen data set does not take, and what it lacks."""
    others = {key for dataset, keys in OWN.items() if dataset != data.dataset for key in keys}
    for key in sorted(others & data.model_fields_set):
        takes = ", ".join(OWN[data.dataset])
        found = getattr(data, key)
        text = f"belongs to another data set; {data.dataset!r} takes {takes}"
        yield mistake(("data", key), text, {} if isinstance(found, Arrays) else found)
    for name in sorted({"all", "brain"} & set(rois)):
        yield mistake(("rois", name), "is a name that stands for every voxel; take another", rois[name])
    if data.picture_size and data.picture_stride:
        text = "shrinks pictures as picture_size does, in another way; keep one"
        yield mistake(("data", "picture_stride"), text, data.picture_stride)
    if data.dataset == "arrays":
        yield from _of_arrays(data, rois)


def _of_arrays(data: Data, rois: Mapping[str, str]) -> Iterator[InitErrorDetails]:
    if data.arrays is None:
        needs = [key for key, field in Arrays.model_fields.items() if field.is_required()]
        yield mistake(
            ("data", "arrays"), f"is missing; add the table [data.arrays] with {', '.join(needs)}", None
        )
    if data.voxels != "brain":
        yield mistake(
            ("data", "voxels"),
            "is no region of dataset 'arrays', whose voxels belong to no atlas",
            data.voxels,
        )
    if rois:
        text = "has nothing to name: voxels of dataset 'arrays' belong to no atlas; leave it out"
        yield mistake(("rois",), text, dict(rois))
