"""A simulated release of NSD: its files, its known code, and a recipe."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from storage.remote import Location

from ..arrays import Simulated
from ..brain import CHANNELS
from ..room import INDEX, insist_room
from ..scenes import draw_scene
from ..showing import plan_showings
from .anatomical import write_anatomical
from .anatomy import MOST, grow_anatomy
from .captions import WORDS
from .coco import coco_files
from .design import LISTED, SPREAD, plan_experiment
from .design_files import expdesign_bytes, stim_info_bytes
from .documents import readme, recipe
from .extra_sessions import Beside
from .extras import EXTRAS
from .shelf import Shelf
from .spaces import SPACES
from .stimuli import CAPTIONS, write_stimuli
from .subject import grow_subject

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from ..showing import Design
    from .subject import Subject

EXPERIMENT = "nsddata/experiments/nsd"


def simulate_nsd(  # noqa: PLR0913  (each is a number of the release)
    destination: Location | str | os.PathLike[str],
    *,
    subjects: int = 2,
    sessions: int = 3,
    trials: int | None = None,
    grid: tuple[int, int, int] = (20, 24, 18),
    images: int = 300,
    size: int = 64,
    seed: int = 0,
    spaces: Sequence[str] = SPACES[:1],
    extras: Sequence[str] = (),
    simple: bool = False,
) -> Simulated:
    """Write a simulated release of NSD in its file layout, with a recipe that runs it.

    The destination is what the bucket is for NSD itself: the recipe's source is the folder it stands in.

    Parameters
    ----------
    destination : Location, str or path
        A folder, local or on S3; one that holds something else is refused.
    subjects : int
        How many brains, at most eight; a tenth of the pictures is common to all, the others differ.
    sessions : int
        How many sessions.
    trials : int, optional
        Trials a session; by default as few as show every picture three times. More show new
        training pictures.
    grid : tuple of int
        Size of the volume along x, y and z; the brain fills an ellipsoid in it.
    images : int
        Distinct pictures a subject sees, each three times, a tenth of them for testing; at least 10. The
        release has four times as many.
    size : int
        Height and width of the pictures in pixels; at least 8.
    seed : int
        Where all chance comes from: the same arguments write the same bytes.
    spaces : sequence of str
        In which the responses are written, of `spaces.SPACES`: NSD's four take several times the room.
    extras : sequence of str
        What is written besides, of `extras.EXTRAS`: the sessions "imagery" and "synthetic", COCO's own files
        of captions ("coco"), an atlas in "anatomical" space with the transform to the functional one.
    simple : bool
        Whether a picture holds one shape, large and upright, instead of up to three at any angle.

    Returns
    -------
    Simulated
        What was written, and where the recipe is; its voxels are those of nsdgeneral.

    Raises
    ------
    ValueError
        If the numbers do not go together, or the destination holds something else.
    """
    if not 1 <= subjects <= LISTED or seed < 0:
        text = f"{subjects} subjects of seed {seed} cannot be simulated: "
        raise ValueError(text + f"use 1 to {LISTED}, as NSD has, and a seed of 0 or more")
    if strangers := sorted(set(extras) - set(EXTRAS)):
        raise ValueError(f"extra {strangers[0]!r} cannot be simulated: use {', '.join(EXTRAS)}")
    design = plan_showings(images, sessions, trials)
    if design.trials // sessions > MOST:
        text = f"{design.trials // sessions} trials a session are more than a NIfTI file can hold: "
        raise ValueError(text + f"use more sessions, of at most {MOST} trials")
    shelf = Shelf(Location.of(destination))
    places = math.prod(grid)
    session = design.trials // sessions * places * 2  # int16
    insist_room(max(session, size**2 * INDEX) + places * INDEX)
    rng = np.random.default_rng([seed, 0, 0, 9])
    experiment = plan_experiment(design, sessions, SPREAD * images, rng)
    anatomy = grow_anatomy(grid)
    draw_scene(seed, 0, size)  # refuses a size that is too small, before anything is written
    brains = [grow_subject(number, experiment, anatomy, seed, spaces) for number in range(subjects)]
    shelf.clear()
    _write(shelf, brains, Beside(experiment, frozenset(extras), size, seed, simple))
    names = tuple(brain.name for brain in brains)
    source = "." if shelf.target.is_local else str(shelf.target)
    voxels = int(anatomy.visual.sum())
    shelf.put("recipe.toml", recipe(source, names, voxels, design, size, seed).encode())
    return _simulated(shelf, names, design, voxels)


def _write(shelf: Shelf, brains: list[Subject], beside: Beside) -> None:
    """Write all but the recipe, which comes last, so that one that is there can be run."""
    experiment, extras, seed = beside.experiment, beside.extras, beside.seed
    shelf.put("README.txt", readme(seed).encode())
    rng = np.random.default_rng([seed, 1, 0, 9])
    shelf.put(f"{EXPERIMENT}/nsd_expdesign.mat", expdesign_bytes(experiment, rng))
    stim_info = stim_info_bytes(experiment, rng)
    shelf.put(f"{EXPERIMENT}/nsd_stim_info_merged.csv", stim_info)
    seen = np.unique(np.concatenate([brain.seen for brain in brains]))
    content = write_stimuli(shelf, seed, experiment.rows, beside.size, seen, simple=beside.simple)
    if "coco" in extras:
        _write_coco(shelf, stim_info)
    beside.write_common(shelf)
    truth = {"channels": np.array(CHANNELS), "words": np.array(WORDS)}
    for brain in brains:
        known = brain.write(shelf, content)
        truth |= {f"{brain.name}/{name}": array for name, array in known.items()}
        for extra in beside.sessions(shelf, brain.number):
            brain.write_extra(shelf, extra, content)
        if "anatomical" in extras:
            write_anatomical(shelf, brain.name, brain.anatomy)
    with shelf.file("truth.npz") as path, path.open("wb") as file:
        np.savez(file, allow_pickle=False, **truth)  # numpy dates every member 1980-01-01


def _write_coco(shelf: Shelf, stim_info: bytes) -> None:
    captions = np.load(io.BytesIO((shelf.target / CAPTIONS).read()))
    for name, content in coco_files(stim_info, captions.tolist()):
        shelf.put(f"{CAPTIONS.rpartition('/')[0]}/annotations/{name}", content)


def _simulated(shelf: Shelf, names: tuple[str, ...], design: Design, voxels: int) -> Simulated:
    return Simulated(
        shelf.target / "recipe.toml",
        names,
        trials=design.trials,
        images=design.images,
        test_images=design.test,
        voxels=voxels,
        nbytes=shelf.nbytes,
    )
