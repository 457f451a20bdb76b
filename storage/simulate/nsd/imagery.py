"""The session in which pictures are imagined, nsdimagery: its targets, and what was cued in its runs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .captions import WORDS
from .design_files import MAT_TEXT, MAT_TEXT_WIDTH
from .extras import Extra, scenes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .design import Experiment
    from .shelf import Shelf

RUNS = (
    *("visA", "attA", "imgA_1", "visB", "attB", "imgB_1", "visC", "attC", "imgC_1"),
    *("imgA_2", "imgB_2", "imgC_2"),
)
LETTERS = {"A": "HRVLPE", "B": "WKBCDT", "C": "SZMYNF"}
"""The cues of the six targets of each set: shapes, photographs, and words, of which there is no picture."""
WORDS_OF_C = ("stripes", "banana", "mammal", "sharp", "cold", "loud")
REPEATS = 2
"""How often a target is cued in a run; 8 times in NSD."""
STRENGTH = {"vis": 1.0, "att": 0.2, "img": 0.5}
"""How strong the answers are to what is seen, attended and imagined."""
EXPERIMENT = "nsddata/experiments/nsdimagery"
COLUMNS = (
    *("SUBJECT", "SESSION", "RUN", "TRIAL", "CONDITION", "CUE", "FRAMEFILE", "IMAGEFILE"),
    *("GROUNDTRUTH", "ISCORRECT", "BUTTON"),
)
FIRST = 2 * 10**6
"""The scene that stands for a work of art has this number."""


@dataclass(frozen=True)
class Targets:
    """The targets of sets A and B, which have pictures.

    Attributes
    ----------
    names : mapping of str to sequence of str
        Of each set's targets, in the order of `LETTERS`.
    pictures : ndarray
        (target) those of A, then those of B: (image, y, x, channel) uint8.
    words : ndarray
        (target, word) float32.
    """

    names: dict[str, Sequence[str]]
    pictures: NDArray[np.uint8]
    words: NDArray[np.float32]


def draw_targets(experiment: Experiment, seed: int, size: int, *, simple: bool) -> Targets:
    """Draw shapes, and choose photographs among the pictures that all subjects see."""
    from ..scenes import draw_scene
    from .captions import word_counts

    shapes = np.stack([_shape(number, size) for number in range(6)])
    photos = np.arange(min(5, experiment.shared))
    ids = experiment.shared_ids[photos]
    drawn = [draw_scene(seed, int(number) - 1, size, simple=simple) for number in ids]
    art, said = scenes(seed, FIRST, 6 - len(photos), size)
    names = {
        "A": [f"{kind}_{angle:05.1f}deg_450L_43W.png" for kind, angle in _SHAPES],
        "B": [f"shared{at + 1:04}_nsd{number:05}.png" for at, number in zip(photos, ids, strict=True)]
        + [f"shared0000_nsd{number:05}.png" for number in range(len(art))],
        "C": WORDS_OF_C,
    }
    pictures = np.concatenate([shapes, np.stack([scene.picture for scene in drawn]), art])
    none = np.zeros((6, len(WORDS)), np.float32)
    return Targets(
        names, pictures, np.concatenate([none, word_counts([scene.caption for scene in drawn]), said])
    )


_SHAPES = (("bar", 0.0), ("bar", 45.0), ("bar", 90.0), ("bar", 135.0), ("crs", 0.0), ("crs", 45.0))


def _shape(number: int, size: int) -> NDArray[np.uint8]:
    """Draw a white bar or cross at an angle on grey."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    kind, angle = _SHAPES[number]
    picture = np.full((size, size, 3), 127, np.uint8)
    for turn in np.deg2rad([angle] if kind == "bar" else [angle, angle + 90]):
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        picture[(np.abs(along) < 0.4) & (np.abs(across) < 0.06)] = 255
    return picture


def write_common(shelf: Shelf, targets: Targets) -> None:
    """Write which letter cues which target, and the targets' pictures."""
    from PIL import Image
    from scipy.io import savemat

    for name, letters in LETTERS.items():
        pairs = np.empty((6, 3), object)
        for at, row in enumerate(zip(targets.names[name], letters, strict=True)):
            pairs[at] = at + 1.0, *row
        file = io.BytesIO()
        savemat(file, {"pair_list": pairs})
        content = MAT_TEXT.ljust(MAT_TEXT_WIDTH) + file.getvalue()[MAT_TEXT_WIDTH:]
        shelf.put(f"{EXPERIMENT}/{name}_pair_list.mat", content)
    for at, picture in enumerate(targets.pictures):
        name = "AB"[at // 6]
        drawn = io.BytesIO()
        Image.fromarray(picture).save(drawn, "png")
        place = f"{EXPERIMENT}/rawtargetimages/set{name}/{targets.names[name][at % 6]}"
        shelf.put(place, drawn.getvalue())


def imagery(shelf: Shelf, number: int, targets: Targets, seed: int) -> Extra:
    """Write what happened in each run of a subject, counted from 0, and return its session."""
    rng = np.random.default_rng([seed, number, 0, 21])
    image, strength = [], []
    for at, run in enumerate(RUNS):
        letters = LETTERS[run[3]]
        cued = rng.permutation(np.repeat(np.arange(6), REPEATS))
        shown = np.where(rng.random(len(cued)) < 0.5, cued, rng.integers(0, 6, len(cued)))
        seen = cued if run.startswith("img") else shown
        rows = [
            (number + 1, 1, at + 1, trial + 1, letters[what], letters[cue], "", "", int(what == cue), 1, 1)
            for trial, (cue, what) in enumerate(zip(cued.tolist(), seen.tolist(), strict=True))
        ]
        table = "\n".join("\t".join(map(str, row)) for row in [COLUMNS, *rows]) + "\n"
        place = f"nsddata/bdata/nsdimagery/nsdimagery_subj{number + 1:02}_{run}.tsv"
        shelf.put(place, table.encode())
        times = 2 if run.startswith("att") else 1  # the cue and the detection are modelled one by one
        image.append(np.repeat(_picture(run[3], seen), times))
        strength.append(np.full(len(seen) * times, STRENGTH[run[:3]]))
    whole: Any = np.concatenate(strength).astype(np.float32)
    return Extra("nsdimagery", np.concatenate(image), whole, targets.pictures, targets.words)


def _picture(name: str, seen: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.full(len(seen), -1) if name == "C" else np.asarray(seen + 6 * "AB".index(name))
