"""Betas, pictures and captions as the scripts of Brain-Diffuser read them (Ozcelik and VanRullen 2023).

Its `prepare_nsddata.py` leaves three files each of training and test pictures, in the order in which they are
first shown: ``nsd_<split>_fmriavg_<voxels>_sub<N>.npy``, (picture, voxel) float64, means over all showings of
the betas as the files hold them (percent times 300, summed and divided in float32);
``nsd_<split>_stim_sub<N>.npy``, (picture, y, x, channel) float64 from 0 to 255; and
``nsd_<split>_cap_sub<N>.npy``, (picture, 5) text.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from . import contents, npy
from .errors import NoSuchForm
from .handout import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from .product import Product
    from .remote import Location

FORM = "brain-diffuser"

#: Voxels and pictures read at once: the width of a chunk of betas, and pictures of 425 x 425 in float64.
VOXELS, PICTURES = 2048, 16
#: Voxels averaged at once.
PART = 256


def files(archive: Location, betas: Product) -> list[File]:
    """Return the files of one subject: of its betas, and of the pictures and captions its trials show.

    Raises
    ------
    NoSuchForm
        If the product is no betas of NSD.
    """
    about = betas.about()
    source, subject = about.get("source") or {}, re.fullmatch(r"subj0*(\d+)", betas.owner)
    if betas.name != "betas" or source.get("dataset") != "nsd" or subject is None:
        raise NoSuchForm(f"{betas} is not betas of NSD, which --format {FORM} takes; name e.g. subj01/betas")
    opened = betas.open(raw=True)
    distinct = list(dict.fromkeys(opened.image_id.values.tolist()))
    stimuli = _of(archive, betas.owner, "stimuli", distinct)
    if stimuli is None:
        raise NoSuchForm(f"{archive} has no stimuli of {betas}, which say what is held out; run the recipe")
    captions = _of(archive, betas.owner, "captions", distinct)
    voxels = str(source.get("voxels", ""))
    region = voxels if re.fullmatch(r"[\w.-]+", voxels) else "voxels"
    made = []
    for split in ("train", "test"):
        chosen = stimuli.split.values == split
        named = partial("nsd_{}_{}_sub{}.npy".format, split)
        number = subject[1]
        seen = _shown(opened.image_id.values, stimuli.image_id.values[chosen])
        made += [
            File(named(f"fmriavg_{region}", number), partial(_write_means, opened, seen)),
            File(named("stim", number), partial(_write_pictures, stimuli, chosen)),
        ]
        if captions is not None:
            text = captions.caption.variable[np.flatnonzero(chosen)]
            made.append(File(named("cap", number), partial(npy.write, text)))
    return made


def _of(archive: Location, owner: str, name: str, pictures: list[str]) -> xr.Dataset | None:
    """Return the sealed product of exactly these pictures, in their order."""
    for product in contents.named(archive, name, owner):
        if product.sealed():
            found = product.open()
            if "image_id" in found and found.image_id.values.tolist() == pictures:
                return found
    return None


def _shown(trials: np.ndarray, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the trials that show some pictures, by picture, then time, and where each picture begins."""
    place = {name: at for at, name in enumerate(pictures.tolist())}
    of_trial = np.array([place.get(name, -1) for name in trials.tolist()])
    order = np.argsort(of_trial, kind="stable")[np.count_nonzero(of_trial < 0) :]
    return order, np.searchsorted(of_trial[order], np.arange(len(pictures)))


def _write_means(betas: xr.Dataset, seen: tuple[np.ndarray, np.ndarray], file: BinaryIO) -> None:
    shape = (len(seen[1]), betas.sizes["voxel"])
    npy.fill(file, shape, np.dtype(np.float64), _means(betas, *seen))


def _means(
    betas: xr.Dataset, order: np.ndarray, first: np.ndarray
) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Yield mean betas of each picture, some voxels at a time."""
    count = np.diff(first, append=len(order)).astype(np.float32)[:, None]
    for start in range(0, betas.sizes["voxel"], VOXELS):
        stored = betas.betas[:, start : start + VOXELS].values
        for left in range(0, stored.shape[1], PART):
            part = stored[order, left : left + PART].astype(np.float32)
            yield (0, start + left), np.add.reduceat(part, first, axis=0) / count


def _write_pictures(stimuli: xr.Dataset, chosen: np.ndarray, file: BinaryIO) -> None:
    rows = np.flatnonzero(chosen)
    shape = (len(rows), *stimuli.picture.shape[1:])
    npy.fill(file, shape, np.dtype(np.float64), _pictures(stimuli.picture, rows))


def _pictures(pictures: xr.DataArray, rows: np.ndarray) -> Iterator[tuple[tuple[int, ...], Any]]:
    for start in range(0, len(rows), PICTURES):
        yield (start, 0, 0, 0), pictures[rows[start : start + PICTURES]].values
