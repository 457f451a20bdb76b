"""Products as files that other programs read: png, npz, npy, csv, latex."""

from __future__ import annotations

import filecmp
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from . import pngs, tables
from .errors import Exists, NoSuchForm, NotWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import xarray as xr


@dataclass(frozen=True)
class File:
    """A file to be written: its name in the folder, and what writes its bytes."""

    name: str
    write: Callable[[BinaryIO], None]


def export(dataset: xr.Dataset, name: str, folder: Path, form: str | None = None) -> list[Path]:
    """Write a product as files.

    Parameters
    ----------
    dataset
        The product, as `Archive.open` returns it.
    name
        The product's name, as in ``images/final``; files are named after it.
    folder
        Where to write; made where it is not there.
    form
        png (one file a picture), npz (one file), npy (one file an array), csv (one file a set of
        dimensions), latex (one table of scores); default png for pictures, csv for scores, else npz.

    Returns
    -------
    list of Path
        The files, those included that were there already with the same content.

    Raises
    ------
    Exists
        If a file of that name holds something else; nothing is written then.
    NoSuchForm
        If the product has no such form.
    NotWritten
        If the folder cannot be written.
    """
    files = FORMS[form or default_form(dataset)](dataset, name.replace("/", "-"))
    with _said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            _refuse_other(folder, file)
        for file in files:
            if not (folder / file.name).exists():
                with _draft(folder, file) as draft:
                    draft.replace(folder / file.name)
    return [folder / file.name for file in files]


def default_form(dataset: xr.Dataset) -> str:
    """Return the form that suits a product best."""
    if "picture" in dataset:
        return "png"
    return "csv" if tables.is_scores(dataset) else "npz"


def _refuse_other(folder: Path, file: File) -> None:
    path = folder / file.name
    if not path.exists():
        return
    with _draft(folder, file) as draft:
        same = path.is_file() and filecmp.cmp(draft, path, shallow=False)
    if not same:
        raise Exists(f"{path} is there and holds something else; name another folder, or remove it")


@contextmanager
def _draft(folder: Path, file: File) -> Iterator[Path]:
    """Write a file under a name of its own, and remove it if it is still there at the end."""
    path = folder / f".{uuid.uuid4().hex}.partial"
    try:
        with path.open("xb") as opened:
            file.write(opened)
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if hasattr(error, "exit_code"):
            raise
        raise NotWritten(
            f"{folder} could not be written: {error.strerror or error}; name another folder"
        ) from None


# --- arrays ----------------------------------------------------------------------------------------


def _npz(dataset: xr.Dataset, stem: str) -> list[File]:
    return [File(f"{stem}.npz", partial(_write_npz, dataset))]


def _write_npz(dataset: xr.Dataset, file: BinaryIO) -> None:
    arrays: dict[str, Any] = {str(name): _values(array) for name, array in dataset.variables.items()}
    np.savez(file, allow_pickle=False, **arrays)


def _npy(dataset: xr.Dataset, stem: str) -> list[File]:
    return [
        File(f"{stem}-{name}.npy", partial(_write_npy, array)) for name, array in dataset.variables.items()
    ]


def _write_npy(array: xr.Variable, file: BinaryIO) -> None:
    np.save(file, _values(array), allow_pickle=False)


def _values(array: xr.Variable) -> np.ndarray:
    """Return an array's values; text in numpy's own kind, which needs no pickle."""
    values = np.asarray(array.values)
    return values.astype(object).astype(str) if values.dtype.kind in ("O", "T") else values


# --- tables ----------------------------------------------------------------------------------------


def _csv(dataset: xr.Dataset, stem: str) -> list[File]:
    groups = tables.groups(dataset)
    for dims in groups:
        tables.refuse_long(dataset, dims)
    return [
        File(f"{stem}-{'-'.join(dims)}.csv", partial(_write_text, tables.csv, dataset, dims))
        for dims in groups
    ]


def _latex(dataset: xr.Dataset, stem: str) -> list[File]:
    if not tables.is_scores(dataset):
        raise NoSuchForm(f"{stem} holds no scores, which alone have a LaTeX table; use --format csv or npz")
    return [File(f"{stem}.tex", partial(_write_text, tables.latex, dataset))]


def _write_text(make: Callable[..., str], *rest: Any) -> None:
    *arguments, file = rest
    file.write(make(*arguments).encode())


# --- pictures --------------------------------------------------------------------------------------


def _png(dataset: xr.Dataset, stem: str) -> list[File]:
    if "picture" not in dataset:
        raise NoSuchForm(f"{stem} holds no pictures to write as png; use --format npz, npy or csv")
    blocks = pngs.Blocks(dataset["picture"])
    return [
        File(name, partial(pngs.write, blocks, index))
        for name, index in zip(pngs.names(dataset), np.ndindex(blocks.leading), strict=True)
    ]


FORMS: dict[str, Callable[[Any, str], list[File]]] = {
    "png": _png,
    "npz": _npz,
    "npy": _npy,
    "csv": _csv,
    "latex": _latex,
}
"""What makes the files of a product, by the name of the form."""
