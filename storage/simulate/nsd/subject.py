"""The files of one subject: its brain, its answers, its recordings, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .anatomy import ATLASES
from .behaviour import responses_bytes
from .recording import SCALE, set_up
from .tuning import tune
from .volumes import nifti_bytes, write_betas_hdf5, write_betas_nifti

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .anatomy import Anatomy
    from .design import Experiment
    from .recording import Recorder
    from .shelf import Shelf
    from .stimuli import Content
    from .tuning import Tuning

SPACE = "func1pt8mm"
BETAS = "betas_fithrf_GLMdenoise_RR"


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
    """

    number: int
    experiment: Experiment
    anatomy: Anatomy
    tuning: Tuning
    recorder: Recorder
    seed: int

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
        """Write the masks, the regions and their labels, and how reliable the voxels are."""
        anatomy, folder = self.anatomy, f"nsddata/ppdata/{self.name}/{SPACE}"
        brain = np.ones(len(anatomy.ijk), np.int16)
        shelf.put(f"{folder}/brainmask.nii.gz", nifti_bytes(anatomy.volume(brain, 0)))
        echo = 1000 + 4 * anatomy.ijk @ (1, 3, 9) + self._rng(2).normal(0, 50, len(brain))
        shelf.put(f"{folder}/mean.nii.gz", nifti_bytes(anatomy.volume(echo.astype(np.float32), 0)))
        for session, dead in enumerate(self.recorder.dead, start=1):
            valid = anatomy.volume((~dead).astype(np.int16), 0)
            shelf.put(f"{folder}/valid_session{session:02}.nii.gz", nifti_bytes(valid))
        for atlas, names in ATLASES.items():
            self._write_atlas(shelf, f"{folder}/roi", atlas)
            table = "".join(f"{label} {name}\n" for label, name in enumerate(("Unknown", *names)))
            shelf.put(f"nsddata/freesurfer/{self.name}/label/{atlas}.mgz.ctab", table.encode())
        ncsnr = np.zeros(len(brain), np.float32)
        ncsnr[anatomy.visual] = self.tuning.ncsnr
        shelf.put(f"{self._betas}/ncsnr.nii.gz", nifti_bytes(anatomy.volume(ncsnr, np.nan)))

    def _write_atlas(self, shelf: Shelf, folder: str, atlas: str) -> None:
        """Write an atlas of both halves, and of each."""
        labels, left = self.anatomy.atlases[atlas], self.anatomy.left
        for half, within in {"": np.ones(len(left), bool), "lh.": left, "rh.": ~left}.items():
            volume = self.anatomy.volume(np.where(within, labels, -1).astype(np.int16), -1)
            shelf.put(f"{folder}/{half}{atlas}.nii.gz", nifti_bytes(volume))

    @property
    def _betas(self) -> str:
        return f"nsddata_betas/ppdata/{self.name}/{SPACE}/{BETAS}"

    def _write_sessions(self, shelf: Shelf, response: NDArray[np.float32]) -> None:
        """Write each session's betas in both formats, and their means."""
        image = np.searchsorted(self.seen, self.experiment.shown(self.number))
        total = np.zeros(len(self.anatomy.ijk))
        for session, shown in enumerate(image.reshape(self.experiment.sessions, -1)):
            rng = self._rng(3, session)
            betas = self.recorder.record(session, response[shown], self.anatomy.visual, rng)
            name = f"session{session + 1:02}"
            with shelf.file(f"{self._betas}/betas_{name}.hdf5") as path:
                write_betas_hdf5(path, betas, self.anatomy)
            with shelf.file(f"{self._betas}/betas_{name}.nii.gz") as path:
                write_betas_nifti(path, betas, self.anatomy)
            mean = betas.mean(axis=0, dtype=np.float64) / SCALE
            total += mean
            self._put_mean(shelf, f"meanbeta_{name}", mean)
        self._put_mean(shelf, "meanbeta", total / self.experiment.sessions)

    def _put_mean(self, shelf: Shelf, name: str, mean: NDArray[np.float64]) -> None:
        volume = self.anatomy.volume(mean.astype(np.float32), 0)
        shelf.put(f"{self._betas}/{name}.nii.gz", nifti_bytes(volume))

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


def grow_subject(number: int, experiment: Experiment, anatomy: Anatomy, seed: int) -> Subject:
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

    Returns
    -------
    Subject
        Its code and what is particular to its recordings; the recordings are made when they are written.
    """
    rng = np.random.default_rng([seed, number, 0, 10])
    tuning = tune(anatomy, rng)
    recorder = set_up(anatomy, tuning, experiment.sessions, rng)
    return Subject(number, experiment, anatomy, tuning, recorder, seed)
