"""Captions from COCO's own files, where the curated ones are not there: joined by the cocoId of a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid, Missing
from storage.reading import reading

from .json_stream import json_items
from .layout import COCO, COCO_FOLDERS, STIM_INFO
from .stimuli import image_id

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from storage.remote import Location

    Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StimInfo:
    """What nsd_stim_info_merged.csv says of each picture of the release.

    Attributes
    ----------
    coco : ndarray
        (picture) int64, its id in COCO.
    split : tuple of str
        (picture) in which of COCO's sets it is: train2017 or val2017.
    """

    coco: Integers
    split: tuple[str, ...]


def find_coco(root: Location) -> dict[str, Location]:
    """Return COCO's files of captions that are there, by the name of their set.

    They are looked for beside the pictures, in a folder `annotations` there, and in one at the root.
    """
    found = {}
    for split, name in COCO.items():
        for folder in COCO_FOLDERS:
            place = root / f"{folder}/{name}" if folder else root / name
            if split not in found and place.stat_or_none() is not None:
                found[split] = place
    return found


def coco_captions(root: Location, files: dict[str, Location], rows: NDArray[Any]) -> xr.Dataset:
    """Return caption (image, slot) of some pictures of the release, "" where one has fewer.

    Parameters
    ----------
    root : Location
        The release.
    files : dict
        What `find_coco` found.
    rows : ndarray
        (image) 0-based NSD picture numbers; below 0 for a picture that is none of NSD's.

    Raises
    ------
    Missing
        If the table that joins the two is not there, or the file with a picture's captions.
    Invalid
        If a file is damaged, or the table has no such picture.
    """
    import xarray as xr

    info = read_stim_info(root / STIM_INFO)
    asked = np.asarray(rows)[np.asarray(rows) >= 0]
    if len(asked) and asked.max() >= len(info.coco):
        found = f"{root / STIM_INFO} has {len(info.coco)} pictures"
        raise Invalid(f"{found}, but {image_id(int(asked.max()))} is shown; get both of one release")
    for split in sorted({info.split[row] for row in asked.tolist()} - set(files)):
        row = next(row for row in asked.tolist() if info.split[row] == split)
        found = f"the captions of {image_id(row)} are in {COCO.get(split, split)}, which is not there"
        raise Missing(f"{found}: put it beside {', '.join(map(str, files.values()))}, or take both away")
    said = _captions(tuple(files.values()), frozenset(info.coco[asked].tolist()))
    texts = [said.get(int(info.coco[row]), ()) if row >= 0 else () for row in np.asarray(rows).tolist()]
    table = np.full((len(texts), max([1, *map(len, texts)])), "", object)
    for line, text in zip(table, texts, strict=True):
        line[: len(text)] = text
    return xr.Dataset({"caption": (("image", "slot"), table)})


def read_stim_info(location: Location) -> StimInfo:
    """Read the table of all pictures, once a process and version of the file.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If a column is absent, or rows are not the pictures 0, 1, 2 ... in order.
    """
    return _stim_info(location, location.stat().etag)


@lru_cache(maxsize=2)
def _stim_info(location: Location, _etag: str) -> StimInfo:
    with reading(str(location)):
        rows = csv.reader(io.StringIO(location.read().decode()))
        header = next(rows, [])
        if missing := [name for name in ("cocoId", "cocoSplit", "nsdId") if name not in header]:
            raise Invalid(f"{location} has no column {missing[0]!r}; expected a table with commas between")
        coco, split, number = (header.index(name) for name in ("cocoId", "cocoSplit", "nsdId"))
        table = [(int(row[number]), int(row[coco]), row[split]) for row in rows if row]
    if [row[0] for row in table] != list(range(len(table))):
        raise Invalid(f"nsdId of {location} does not count 0, 1, 2 ...: get it again")
    return StimInfo(np.array([row[1] for row in table], np.int64), tuple(row[2] for row in table))


def _captions(files: tuple[Location, ...], wanted: frozenset[int]) -> dict[int, list[str]]:
    stamps = tuple(file.stat().etag for file in files)
    return _read_captions(files, stamps, wanted)


# Read twice for a run: when it is planned, and when the captions are stored.
@lru_cache(maxsize=2)
def _read_captions(
    files: tuple[Location, ...], _etags: tuple[str, ...], wanted: frozenset[int]
) -> dict[int, list[str]]:
    """Return captions by cocoId in the order of the files, without blanks at their ends."""
    found: dict[int, list[str]] = {}
    for file in files:
        with reading(str(file)):
            for key, item in json_items(file.pieces()):
                if key == "annotations" and item["image_id"] in wanted:
                    found.setdefault(item["image_id"], []).append(str(item["caption"]).strip())
    return found
