"""The files of one subject: its brain, its answers, its recordings, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .anatomy import ATLASES
from .behaviour import responses_bytes
from .recording import SCALE, set_up
from .spaces import BETAS, SPACES, Known
from .surfaces import fsaverage, native_surface
from .tuning import tune
from .volume_spaces import fine_volume, volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .anatomy import Anatomy
    from .design import Experiment
    from .extras import Extra
    from .recording import Recorder
    from .shelf import Shelf
    from .spaces import Space
    from .stimuli import Content
    from .tuning import Tuning


@dataclass(frozen=True)
class Subject:
    """One simulated subject.

    Attributes
    ----------
    number : int
        Counted from 0.
    experiment : Experiment
        What was shown.
    anatomy : Anatomy
        Where its voxels lie.
    tuning : Tuning
        Its code.
    recorder : Recorder
        What is particular to its recordings.
    seed : int
        Where its noise comes from.
    spaces : tuple of Space
        In which its recordings are written.
    """

    number: int
    experiment: Experiment
    anatomy: Anatomy
    tuning: Tuning
    recorder: Recorder
    seed: int
    spaces: tuple[Space, ...]

    @property
    def name(self) -> str:
        """NSD's name: subj01, subj02 ..."""
        return f"subj{self.number + 1:02}"

    @property
    def seen(self) -> NDArray[np.int64]:
        """(image) int64, sorted numbers of the pictures that were shown, counted from 0."""
        return np.unique(self.experiment.shown(self.number))

    def write(self, shelf: Shelf, content: Content) -> dict[str, NDArray[Any]]:
        """Write all files, and return the truth: arrays by name."""
        self._write_brain(shelf)
        answers = responses_bytes(self.experiment, self.number, self._rng(1))
        shelf.put(f"nsddata/ppdata/{self.name}/behav/responses.tsv", answers)
        response = self.tuning.answer(content.of(self.seen))
        self._write_sessions(shelf, response)
        return self._truth() | {"response": response}

    def _rng(self, purpose: int, session: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.number, session, 10 + purpose])

    def _write_brain(self, shelf: Shelf) -> None:
        """Write the names of labels, and in each space masks, regions and how reliable the voxels are."""
        for atlas, names in ATLASES.items():
            table = "".join(f"{label} {name}\n" for label, name in enumerate(("Unknown", *names)))
            shelf.put(f"nsddata/freesurfer/{self.name}/label/{atlas}.mgz.ctab", table.encode())
        ijk = self.anatomy.ijk
        echo = 1000 + 4 * ijk @ (1, 3, 9) + self._rng(2).normal(0, 50, len(ijk))
        ncsnr = np.zeros(len(ijk), np.float32)
        ncsnr[self.anatomy.visual] = self.tuning.ncsnr
        known = Known(echo.astype(np.float32), ~self.recorder.dead, ncsnr)
        for space in self.spaces:
            space.write_brain(shelf, self.name, known)

    def _write_sessions(self, shelf: Shelf, response: NDArray[np.float32]) -> None:
        """Write each session's betas and their means in each space."""
        image = np.searchsorted(self.seen, self.experiment.shown(self.number))
        total = np.zeros(len(self.anatomy.ijk))
        for session, shown in enumerate(image.reshape(self.experiment.sessions, -1)):
            rng = self._rng(3, session)
            betas = self.recorder.record(session, response[shown], self.anatomy.visual, rng)
            mean = betas.mean(axis=0, dtype=np.float64) / SCALE
            total += mean
            for space in self.spaces:
                space.write_session(shelf, self.name, BETAS, f"session{session + 1:02}", betas)
                space.write_mean(shelf, self.name, f"meanbeta_session{session + 1:02}", mean)
        for space in self.spaces:
            space.write_mean(shelf, self.name, "meanbeta", total / self.experiment.sessions)

    def write_extra(self, shelf: Shelf, extra: Extra, content: Content) -> None:
        """Write the betas of a session that is none of the core ones, recorded as the last of those was."""
        last = self.experiment.sessions - 1
        signal = extra.answer(self.tuning, content.of(self.seen))
        rng = self._rng(4, len(extra.name))
        betas = self.recorder.record(last, signal, self.anatomy.visual, rng)
        for space in self.spaces:
            space.write_session(shelf, self.name, f"{extra.name}{BETAS}", extra.name, betas)

    def _truth(self) -> dict[str, NDArray[Any]]:
        """Return the code, of the voxels of nsdgeneral."""
        visual, tuning, recorder = self.anatomy.visual, self.tuning, self.recorder
        return {
            "ijk": self.anatomy.ijk[visual],
            "early": tuning.early,
            "centre": tuning.fields.centre,
            "width": tuning.fields.width,
            "channel_weight": tuning.fields.weight,
            "word_weight": tuning.taste,
            "gain": tuning.gain,
            "noise": tuning.noise,
            "noise_ceiling": tuning.noise_ceiling,
            "ncsnr": tuning.ncsnr,
            "mean": recorder.mean[visual],
            "session_gain": recorder.gain,
            "dead": recorder.dead[:, visual],
            "saturated": recorder.wild[visual],
            "nsd_id": self.seen,
        }


def grow_subject(
    number: int, experiment: Experiment, anatomy: Anatomy, seed: int, spaces: Sequence[str] = SPACES[:1]
) -> Subject:
    """Draw a subject.

    Parameters
    ----------
    number : int
        Which one, counted from 0.
    experiment : Experiment
        What is shown.
    anatomy : Anatomy
        Where its voxels lie.
    seed : int
        With the number, where all its chance comes from.
    spaces : sequence of str
        Names of those in which it is written.

    Returns
    -------
    Subject
        Its code and what is particular to its recordings; the recordings are made when they are written.
    """
    rng = np.random.default_rng([seed, number, 0, 10])
    tuning = tune(anatomy, rng)
    recorder = set_up(anatomy, tuning, experiment.sessions, rng)
    return Subject(number, experiment, anatomy, tuning, recorder, seed, spaces_of(anatomy, spaces, number))


def spaces_of(anatomy: Anatomy, names: Sequence[str], number: int) -> tuple[Space, ...]:
    """Return the spaces of these names.

    Parameters
    ----------
    anatomy : Anatomy
        Where the voxels lie.
    names : sequence of str
        Of `SPACES`.
    number : int
        Which subject; the first one also writes what is common to all.

    Raises
    ------
    ValueError
        If there is no such space.
    """
    if strangers := sorted(set(names) - set(SPACES)):
        raise ValueError(f"space {strangers[0]!r} cannot be simulated: use {', '.join(SPACES)}")
    makers: dict[str, Callable[[Anatomy], Space]] = {
        "func1pt8mm": volume,
        "func1mm": fine_volume,
        "nativesurface": native_surface,
        "fsaverage": partial(fsaverage, common=number == 0),
    }
    return tuple(makers[name](anatomy) for name in SPACES if name in names)
