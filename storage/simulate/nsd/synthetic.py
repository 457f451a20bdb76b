"""The session with pictures that are no photographs, nsdsynthetic: its design and its pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from .design_files import MAT_TEXT, MAT_TEXT_WIDTH
from .extras import Extra, scenes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .shelf import Shelf

COMMON, COLOURED = 11, 3
"""Pictures that all subjects see, and coloured ones of each subject's own; 220 and 64 in NSD."""
RUNS, TWICE = 8, 2
"""Runs, and how often a picture is shown."""
TALL, WIDE, SQUARE = 714, 1360, 425
"""Height and width of NSD's in pixels, of which the middle 714 take the place of 425 of the core pictures."""
GREY = 127
FIRST = 10**6
"""Their scenes have these numbers and those that follow."""


def write_common(shelf: Shelf, seed: int, size: int) -> None:
    """Write the design, and the pictures that all subjects see."""
    from scipy.io import savemat

    order = _order(seed)
    runs = np.diff(-(-np.arange(RUNS + 1) * len(order) // RUNS))
    pattern = np.zeros((1, RUNS, runs.max() + 2))
    for row, trials in zip(pattern[0], runs, strict=True):
        row[1 : trials + 1] = 1
    file = io.BytesIO()
    savemat(file, {"masterordering": order[None] + 1.0, "stimpattern": pattern})
    content = MAT_TEXT.ljust(MAT_TEXT_WIDTH) + file.getvalue()[MAT_TEXT_WIDTH:]
    shelf.put("nsddata/experiments/nsdsynthetic/nsdsynthetic_expdesign.mat", content)
    _write(shelf, "nsdsynthetic_stimuli", scenes(seed, FIRST, COMMON, _tall(size))[0])


def synthetic(shelf: Shelf, number: int, seed: int, size: int) -> Extra:
    """Write the coloured pictures of a subject, counted from 0, and return its session."""
    common, said = scenes(seed, FIRST, COMMON, _tall(size))
    own, of_own = scenes(seed, FIRST + COMMON + number * COLOURED, COLOURED, _tall(size))
    _write(shelf, f"nsdsynthetic_colorstimuli_subj{number + 1:02}", own)
    order = _order(seed)
    strength = np.ones(len(order), np.float32)
    pictures = np.concatenate([common, own])
    return Extra("nsdsynthetic", order, strength, pictures, np.concatenate([said, of_own]))


def _order(seed: int) -> NDArray[np.int64]:
    """Return which picture each trial shows, the same for all subjects."""
    shown = np.repeat(np.arange(COMMON + COLOURED), TWICE)
    return np.random.default_rng([seed, 0, 0, 20]).permutation(shown)


def _tall(size: int) -> int:
    return round(size * TALL / SQUARE)


def _write(shelf: Shelf, name: str, pictures: NDArray[np.uint8]) -> None:
    """Write pictures as wide as NSD's: the scene in the middle, grey on both sides."""
    import h5py

    tall = pictures.shape[1]
    wide = tall + 2 * round(tall * (WIDE - TALL) / TALL / 2)
    whole = np.full((len(pictures), tall, wide, 3), GREY, np.uint8)
    left = (wide - tall) // 2
    whole[:, :, left : left + tall] = pictures
    with (
        shelf.file(f"nsddata_stimuli/stimuli/nsdsynthetic/{name}.hdf5") as path,
        h5py.File(path, "w") as file,
    ):
        file.create_dataset("imgBrick", data=whole, track_times=False)
