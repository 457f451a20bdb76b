"""Decoded pictures as files: DIR/NAME/ROW[-SAMPLE].png, and beside them decoded.json, which says how."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from storage import pngs
from storage.errors import Exists
from storage.handout import File, hand_out

from ..software import software

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    import xarray as xr

    from .decoder import Decoder

#: The file beside the pictures.
RECORD = "decoded.json"


@dataclass(frozen=True)
class Written:
    """What was written of one table of images."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    note: str
    """What must be said of the pictures; empty for nothing."""


def write(
    decoder: Decoder, name: str, folder: Path, voxels: Path, heard: Callable[[int], None] = lambda _: None
) -> Written:
    """Paint one table of images, and write each block of pictures as soon as it is painted.

    Parameters
    ----------
    decoder
        The run, and the new rows.
    name
        The table.
    folder
        Where a folder of that name is to be; made where it is not there.
    voxels
        The file that the rows come from.
    heard
        Told after each block how many rows are painted.

    Raises
    ------
    storage.errors.Exists
        If a file of that name holds something else.
    storage.errors.NotWritten
        If the folder cannot be written.
    """
    lazy = decoder.lazy(name)
    place, paths, said = folder / name, [], []
    known = {**_about(decoder, name, lazy), "voxels": _of_file(decoder, voxels)}
    _refuse_other(place / RECORD, known)
    for start, made in decoder.blocks(lazy):
        files = list(_pictures(start, made))
        paths += hand_out(files, place)
        said += [
            {"file": one.name, "seed": int(seed)}
            for one, seed in zip(files, made["seed"].ravel(), strict=True)
        ]
        heard(start + len(made["picture"]))
    text = json.dumps({**known, "pictures": said}, indent=1).encode() + b"\n"
    paths += hand_out([File(RECORD, partial(_put, text))], place)
    return Written(name, place, tuple(paths), str(lazy.picture.attrs.get("note", "")))


def _refuse_other(path: Path, known: Mapping[str, Any]) -> None:
    """Refuse a folder of other rows, or of another run, before a picture is painted into it."""
    try:
        there = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        there = None
    known = json.loads(json.dumps(known))  # as it reads back
    if not isinstance(there, dict) or any(there.get(key) != value for key, value in known.items()):
        raise Exists(f"{path} is there and tells of other rows, run or versions; name another folder")


def _pictures(start: int, made: Mapping[str, np.ndarray]) -> Iterator[File]:
    """Yield the files of a block: named after the row, and the sample where there are several."""
    for row, samples in enumerate(made["picture"], start):
        for sample, picture in enumerate(samples):
            stem = f"{row}-{sample}" if len(samples) > 1 else str(row)
            yield File(f"{stem}.png", partial(_put, pngs.encoded(picture)))


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _about(decoder: Decoder, name: str, lazy: xr.Dataset) -> dict[str, Any]:
    """Return what made the pictures: the run, the stage, and what predictions went through."""
    finished = decoder.finished
    step = finished.steps[f"images/{name}"]
    return {
        "recipe": finished.recipe.fingerprint(),
        "archive": str(finished.archive),
        "subject": finished.subject,
        "images": name,
        "as_in": step.address,
        "stage": {"name": step.maker.title, "version": step.maker.version, "settings": dict(step.settings)},
        "seed": finished.recipe.seed,
        "spaces": {
            space: {key: said.predicted.attrs[key] for key in ("through", "correction")}
            for space, said in decoder.told(name).items()
        },
        "standardize": finished.recipe.responses.standardize,
        "already_standardized": decoder.standardized,
        "software": software(),
        **({"note": lazy.picture.attrs["note"]} if "note" in lazy.picture.attrs else {}),
    }


def _of_file(decoder: Decoder, voxels: Path) -> dict[str, Any]:
    with voxels.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows, columns = decoder.rows.shape
    return {"file": voxels.name, "sha256": digest, "rows": rows, "columns": columns}
