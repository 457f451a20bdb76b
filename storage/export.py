"""Products as files that other programs read: png, nifti, npz, npy, csv, latex."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import nifti, npy, pngs, tables
from .errors import NoSuchForm
from .handout import File, hand_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import xarray as xr


def export(
    dataset: xr.Dataset, name: str, folder: Path, form: str | None = None, arrays: Sequence[str] = ()
) -> list[Path]:
    """Write a product as files; memory is bounded by a chunk, except for tables of text.

    Parameters
    ----------
    dataset
        The product, as `Archive.open` returns it, or any selection of it.
    name
        The product's name, as in ``images/final``; files are named after it.
    folder
        Where to write; made where it is not there.
    form
        png (one file a picture), nifti (one file an array), npz (one file), npy (one file an array),
        csv (one file a set of dimensions), latex (one table of scores); default png for pictures, csv for
        scores, else npz.
    arrays
        Which of its arrays; default all, and of nifti those that make one volume each, where there are such.

    Returns
    -------
    list of Path
        The files, those included that were there already with the same content.

    Raises
    ------
    Exists
        If a file of that name holds something else; nothing is written then.
    NoSuchForm
        If the product has no such form, or no such array.
    NotWritten
        If the folder cannot be written.
    """
    form = form or default_form(dataset)
    if arrays:
        dataset = _only(dataset, name, arrays)
    elif form == "nifti":
        dataset = nifti.single_volumes(dataset)
    return hand_out(FORMS[form](dataset, name.replace("/", "-")), folder)


def _only(dataset: xr.Dataset, name: str, arrays: Sequence[str]) -> xr.Dataset:
    for array in arrays:
        if array not in dataset.data_vars:
            known = ", ".join(map(str, dataset.data_vars))
            raise NoSuchForm(f"{name} has no array {array!r}; it has {known}")
    places = [
        axis for axis in nifti.AXES if axis in dataset.data_vars
    ]  # product `voxels` tells them as values
    return dataset.set_coords(places)[list(arrays)]


def default_form(dataset: xr.Dataset) -> str:
    """Return the form that suits a product best."""
    if "picture" in dataset:
        return "png"
    return "csv" if tables.is_scores(dataset) else "npz"


# --- arrays ----------------------------------------------------------------------------------------


def _npz(dataset: xr.Dataset, stem: str) -> list[File]:
    arrays = {str(name): array for name, array in dataset.variables.items()}
    return [File(f"{stem}.npz", partial(npy.write_npz, arrays))]


def _npy(dataset: xr.Dataset, stem: str) -> list[File]:
    return [
        File(f"{stem}-{name}.npy", partial(npy.write, array)) for name, array in dataset.variables.items()
    ]


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
    "nifti": nifti.files,
    "npz": _npz,
    "npy": _npy,
    "csv": _csv,
    "latex": _latex,
}
"""What makes the files of a product, by the name of the form."""
