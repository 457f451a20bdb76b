"""Datasets as tables of text: long csv, and a LaTeX table of scores."""

from __future__ import annotations

import csv as writer_of
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import NoSuchForm

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

#: Most rows of a table of text; beyond, nobody reads it and npz is a tenth of the size.
MOST = 5_000_000
SUMMARY = ("mean", "low", "high", "chance")

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def is_scores(dataset: xr.Dataset) -> bool:
    """Tell whether a product holds scores with intervals and chance."""
    return "metric" in dataset.dims and set(SUMMARY) <= set(dataset.data_vars)


def groups(dataset: xr.Dataset) -> dict[tuple[str, ...], list[str]]:
    """Return the names of the arrays that share their dimensions, by these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, array in dataset.data_vars.items():
        found.setdefault(tuple(map(str, array.dims)), []).append(str(name))
    return found


def refuse_long(dataset: xr.Dataset, dims: tuple[str, ...]) -> None:
    """Refuse a csv file of more rows than anybody reads.

    Raises
    ------
    NoSuchForm
        Naming the dimensions and the number of rows.
    """
    rows = int(np.prod([dataset.sizes[dim] for dim in dims]))
    if rows > MOST:
        raise NoSuchForm(
            f"{rows} values by {', '.join(dims)} are too many for a csv file; use --format npz or npy"
        )


def csv(dataset: xr.Dataset, dims: tuple[str, ...]) -> str:
    """Return the arrays of some dimensions as csv: a row an element, its coordinates first."""
    columns = dict(_coordinates(dataset, dims))
    columns |= {name: dataset[name].values.ravel() for name in groups(dataset)[dims]}
    text = io.StringIO()
    writer = writer_of.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def _coordinates(dataset: xr.Dataset, dims: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield a column for each coordinate along the dimensions; where one has none, its position."""
    index = np.indices([dataset.sizes[dim] for dim in dims]).reshape(len(dims), -1)
    for dim, position in zip(dims, index, strict=True):
        along = [name for name, array in dataset.coords.items() if array.dims == (dim,)]
        if dim not in along:
            yield dim, position
        for name in along:
            yield str(name), np.asarray(dataset[name].values)[position]


def latex(dataset: xr.Dataset) -> str:
    """Return scores as a LaTeX tabular that needs no package."""
    lines = [r"\begin{tabular}{lrrr}", r"metric & mean & 95\,\% interval & chance \\", r"\hline"]
    for at, metric in enumerate(dataset["metric"].values):
        mean, low, high, chance = (float(dataset[name].values[at]) for name in SUMMARY)
        name = str(metric).translate(_LATEX)
        lines.append(rf"{name} & {mean:.3f} & {low:.3f} to {high:.3f} & {chance:.3f} \\")
    return "\n".join([*lines, r"\end{tabular}", ""])
