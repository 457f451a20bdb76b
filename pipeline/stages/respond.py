"""Respond: from single trials to the rows the ridge learns from, standardised and averaged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from storage.chunks import even_edges
from storage.schema import Schema, Variable

from ..errors import ShapeError
from ..stage import Cost, lazily, stage
from .coordinates import picture_coords, voxel_coords
from .rows import Average, Rows, arrange, folds_of, training_trials, used_trials
from .standardization import averaged, standardize_groups, standardized_rows, summing, training_moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import xarray as xr

Standardize = Literal["train", "rows", "session", "run", "scalar", "all-trials", "none"]

#: Voxels a block: the width of a betas chunk, so that no chunk is decoded twice.
VOXELS = 2048
#: Voxels worked on at once inside a block, in float64.
PART = 256

RESPONSES = Schema(
    {
        "response": Variable(
            ("row", "voxel"),
            "float32",
            "standard deviations of the training trials",
            "standardised response",
            "Percent signal change where nothing was standardised.",
            chunks={"voxel": 1024},
        ),
        "mean": Variable(
            ("voxel",),
            "float32",
            "percent signal change",
            "mean of the training trials",
            chunks={"voxel": 1024},
        ),
        "std": Variable(
            ("voxel",),
            "float32",
            "percent signal change",
            "standard deviation of the training trials",
            "With ddof 1; 0 for a constant voxel, whose responses are 0.",
            chunks={"voxel": 1024},
        ),
    },
    block="voxel",
)

#: What the moments are called where they are not of training trials.
CALLED = {
    "all-trials": {
        "mean": {"long_name": "mean of all trials, tested ones included"},
        "std": {
            "long_name": "standard deviation of all trials, tested ones included",
            "comment": "With ddof 0; 0 for a constant voxel, whose responses are 0.",
        },
    },
    "rows": {
        "response": {"units": "standard deviations of the training rows"},
        "mean": {"long_name": "mean of the training rows"},
        "std": {"long_name": "standard deviation of the training rows"},
    },
}

MOMENTS = Schema(
    {
        "mean": Variable((), "float64", "percent signal change", "mean over all training trials and voxels"),
        "std": Variable(
            (), "float64", "percent signal change", "standard deviation over the same", "With ddof 0."
        ),
    }
)


def _moments_cost(_output: xr.Dataset, betas: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    return Cost(memory=3 * 750 * betas.sizes["voxel"] * 8)


@stage("respond", version=2, schema=MOMENTS, cost=_moments_cost)
def moments(trials: xr.Dataset, betas: xr.Dataset, validity: xr.Dataset | None = None) -> xr.Dataset:
    """Return one mean and one standard deviation over all training trials and voxels.

    MinD-Vis standardises so: one number for the whole matrix, ddof 0. Voxels that were not measured in a
    session are left out of its trials, as in `responses`.
    """
    return lazily(MOMENTS, {}, partial(_moments, betas, validity, ~training_trials(trials)))


def _moments(
    betas: xr.Dataset, validity: xr.Dataset | None, held_out: np.ndarray, _start: int, _stop: int
) -> Mapping[str, np.ndarray]:
    count, mean, square = 0, 0.0, 0.0  # Chan's pairwise update: one pass, no cancellation
    for start in range(0, len(held_out), 750):
        chosen = start + np.flatnonzero(~held_out[start : start + 750])
        part = _percent(betas, betas.betas[start : start + 750].values)[chosen - start]
        if validity is not None:
            part = part[validity.valid.values[_session_rows(betas, validity)[chosen]]]
        if part.size:
            shift = part.mean() - mean
            total = count + part.size
            square += ((part - part.mean()) ** 2).sum() + shift**2 * count * part.size / total
            mean += shift * part.size / total
            count = total
    return {"mean": np.asarray(mean), "std": np.asarray(np.sqrt(square / max(count, 1)))}


def _session_rows(betas: xr.Dataset, validity: xr.Dataset) -> np.ndarray:
    """Return the row of `validity` that each trial belongs to."""
    return np.asarray(np.searchsorted(validity.session.values, betas.session.values))


def _responses_cost(output: xr.Dataset, betas: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    n_trials = betas.sizes["trial"]
    block = min(VOXELS, betas.sizes["voxel"])
    stored = betas.betas.dtype.itemsize
    return Cost(memory=n_trials * (block * stored + PART * 8 * 4) + output.sizes["row"] * block * 4)


@stage("respond", version=2, schema=RESPONSES, cost=_responses_cost)
def responses(
    trials: xr.Dataset,
    betas: xr.Dataset,
    validity: xr.Dataset | None = None,
    moments: xr.Dataset | None = None,
    *,
    standardize: Standardize = "train",
    average_repeats: Average = "all",
    folds: int = 5,
    seed: int = 0,
) -> xr.Dataset:
    """Return one row a picture (or a trial): standardised per voxel, averaged over showings.

    Parameters
    ----------
    trials, betas
        Products of ingest.
    validity
        Which voxels hold data in which session; elsewhere their trials are left out of every mean. Default
        all hold data.
    moments
        Needed for ``standardize = "scalar"``.
    standardize
        What mean and standard deviation (ddof 1) are taken over, always of training trials alone:
        all of them ("train"), those of the session or run, or one number for all voxels ("scalar").
        "all-trials" takes the tested ones too, with ddof 0, as FMRI2IMG does: it looks at the test set.
        "rows" standardises after averaging, by the training rows, as Brain-Diffuser does; the others before.
    average_repeats
        Whether a picture's trials become one row.
    folds, seed
        Cross-validation folds dealt to the training pictures, and the seed they are dealt with.

    Returns
    -------
    response (row, voxel) float32; mean, std (voxel) float32

    Raises
    ------
    ShapeError
        If the trials cannot be split, or a session or run to standardise by has under two training trials.
    """
    rows, held_out = arrange(trials, average_repeats), ~training_trials(trials)
    if standardize == "all-trials":
        held_out = ~used_trials(trials)
    groups = _groups(trials, standardize)
    split = np.where(rows.test, "test", "train").astype(object)
    return lazily(
        RESPONSES,
        {"row": rows.count, "voxel": betas.sizes["voxel"]},
        partial(_respond, betas, validity, moments, held_out, groups, rows, standardize),
        attrs=CALLED.get(standardize),
        coords={
            **picture_coords("row", trials, rows.first),
            "split": ("row", split),
            "fold": ("row", folds_of(rows.image_id, rows.test, folds, seed)),
            "repeat": ("row", rows.repeat),
            "session": ("row", rows.session),
            **voxel_coords(betas),
        },
        edges=even_edges(betas.sizes["voxel"], VOXELS),
    )


def _groups(trials: xr.Dataset, standardize: Standardize) -> np.ndarray:
    """Return the number of the group whose training trials standardise each trial."""
    session, run = trials.session.values.astype(int), trials.run.values.astype(int)
    keys = {"session": session, "run": session * 10_000 + run}.get(standardize, np.zeros_like(session))
    _, group = np.unique(keys, return_inverse=True)
    training = np.bincount(group[training_trials(trials)], minlength=group.max() + 1)
    if standardize != "none" and training.min() < 2:
        of_all = standardize not in ("session", "run")
        where, cure = ("", "") if of_all else (f" in one {standardize}", "; standardize by 'train'")
        found = f"{training.min()} training trial{'' if training.min() == 1 else 's'} found{where}"
        raise ShapeError(f"{found}: a standard deviation needs two{cure}")
    return group


def _respond(  # noqa: PLR0913  (positional for `partial`)
    betas: xr.Dataset,
    validity: xr.Dataset | None,
    moments: xr.Dataset | None,
    held_out: np.ndarray,
    groups: np.ndarray,
    rows: Rows,
    standardize: Standardize,
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    stored = betas.betas[:, start:stop].values
    valid = None if validity is None else validity.valid[:, start:stop].values
    session = None if validity is None else _session_rows(betas, validity)
    adding = summing(rows.of_trial)
    response = np.empty((adding.shape[0], stop - start), np.float32)
    mean, std = np.empty(stop - start, np.float32), np.empty(stop - start, np.float32)
    ddof = 0 if standardize == "all-trials" else 1
    for part in _parts(stop - start):
        percent = _percent(betas, stored[:, part])
        if valid is not None and not valid[:, part].all():
            percent[~valid[session][:, part]] = np.nan  # not measured: no trial of that session counts
        if standardize == "rows":
            with np.errstate(over="ignore"):
                response[:, part], mean[part], std[part] = standardized_rows(percent, adding, rows.test)
            continue
        mean[part], std[part] = training_moments(percent[~held_out], ddof)
        if standardize == "scalar":
            assert moments is not None
            percent = (percent - float(moments["mean"])) / (float(moments["std"]) or 1.0)
        elif standardize != "none":
            standardize_groups(percent, groups, held_out, ddof)
        with np.errstate(over="ignore"):  # whoever reads them names what float32 can't hold
            response[:, part] = averaged(percent, adding)
    return {"response": response, "mean": mean, "std": std}


def _parts(size: int) -> Iterator[slice]:
    return (slice(start, min(start + PART, size)) for start in range(0, size, PART))


def _percent(betas: xr.Dataset, stored: np.ndarray) -> np.ndarray:
    """Return stored numbers in percent signal change, float64."""
    return stored.astype(np.float64) * float(betas.betas.attrs.get("scale_factor", 1.0))
