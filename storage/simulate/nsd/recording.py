"""What a scanner makes of a brain's answers: gains, drifts, noise, voxels that fail, and 16-bit integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .anatomy import Anatomy
    from .tuning import Tuning

    Singles = NDArray[np.float32]

SCALE = 300
"""Stored numbers are percent signal change times this."""
LIMITS = (-32768, 32767)
"""Where 16-bit integers saturate: at a response of 109 percent."""
DRIFTING = 0.05
"""Share of the noise's variance that is slow, and that all voxels of a session have in common."""
WILD = 60
"""How many times too strong the responses of bad voxels are."""
BLOCK = 4096
"""Voxels that are computed at once."""


@dataclass(frozen=True)
class Recorder:
    """What is particular to the recordings of one subject.

    Attributes
    ----------
    mean : ndarray
        (voxel) float32, mean response in percent signal change.
    noise : ndarray
        (voxel) float32, standard deviation of a trial's noise in percent signal change.
    drift : ndarray
        (voxel) float32, 1 or -1: which way the voxel goes with the session's drift.
    gain : ndarray
        (session) float32, factor of everything in a session.
    dead : ndarray
        (session, voxel) bool: 0 in all trials of the session.
    wild : ndarray
        (voxel) bool: responses so strong that they saturate.
    """

    mean: Singles
    noise: Singles
    drift: Singles
    gain: Singles
    dead: NDArray[np.bool_]
    wild: NDArray[np.bool_]

    def record(
        self, session: int, signal: Singles, visual: NDArray[np.bool_], rng: np.random.Generator
    ) -> NDArray[np.int16]:
        """Return a session as it is stored.

        Parameters
        ----------
        session : int
            Which one, counted from 0.
        signal : ndarray
            (trial, visual voxel) float32, the answer without noise in percent signal change.
        visual : ndarray
            (voxel) bool, the voxels that have a signal.
        rng : numpy.random.Generator
            Where noise comes from.

        Returns
        -------
        ndarray
            (trial, voxel) int16, percent signal change times 300.
        """
        trials, voxels = len(signal), len(visual)
        stored = np.empty((trials, voxels), np.int16)
        drift = _drift(trials, rng)
        column = np.cumsum(visual) - 1
        for start in range(0, voxels, BLOCK):
            part = slice(start, min(start + BLOCK, voxels))
            response = rng.standard_normal((trials, part.stop - start), dtype=np.float32)
            response *= np.float32(np.sqrt(1 - DRIFTING))
            response += np.outer(np.float32(np.sqrt(DRIFTING)) * drift, self.drift[part])
            response = response * self.noise[part] + self.mean[part]
            response[:, visual[part]] += signal[:, column[part][visual[part]]]
            response *= SCALE * self.gain[session] * np.where(self.wild[part], WILD, 1).astype(np.float32)
            response[:, self.dead[session, part]] = 0
            stored[:, part] = np.clip(np.rint(response), *LIMITS)
        return stored


def set_up(anatomy: Anatomy, tuning: Tuning, sessions: int, rng: np.random.Generator) -> Recorder:
    """Draw what is particular to the recordings of a subject.

    Parameters
    ----------
    anatomy : Anatomy
        Where the voxels lie.
    tuning : Tuning
        The code of the visual ones.
    sessions : int
        How many sessions.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    Recorder
        The particulars.
    """
    visual = anatomy.visual
    noise = rng.uniform(0.8, 3.0, len(visual)).astype(np.float32)
    noise[visual] = tuning.noise
    mean = np.where(visual, rng.uniform(0.3, 1.5, len(visual)), rng.normal(0, 0.3, len(visual)))
    dead, wild = _failures(visual, sessions, rng)
    return Recorder(
        mean=mean.astype(np.float32),
        noise=noise,
        drift=rng.choice(np.array([-1, 1], np.float32), len(visual)),
        gain=np.clip(rng.normal(1, 0.12, sessions), 0.7, 1.3).astype(np.float32),
        dead=dead,
        wild=wild,
    )


def _drift(trials: int, rng: np.random.Generator) -> Singles:
    """Return slow waves and a slope (trial) float32 with mean 0 and standard deviation 1, or 0."""
    time = np.linspace(0, 1, trials)
    waves = [
        np.cos(np.pi * cycles * time + phase)
        for cycles, phase in zip((1, 2, 3), rng.uniform(0, 6, 3), strict=True)
    ]
    curve = rng.normal(0, 1, 4) @ [time, *waves]
    curve -= curve.mean()
    spread = curve.std()
    return np.asarray(curve / (spread if spread > 1e-9 else 1), np.float32)


def _failures(
    visual: NDArray[np.bool_], sessions: int, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw voxels that are 0 in one session (session, voxel), and others that saturate (voxel).

    Half of either lie in visual cortex, so that whoever reads that meets them. Very small brains have none.
    """
    voxels = len(visual)
    inside, outside = (rng.permutation(np.flatnonzero(where)) for where in (visual, ~visual))
    mixed = [*inside, *outside]
    pairs = min(len(inside), len(outside))
    mixed[: 2 * pairs] = np.stack([inside[:pairs], outside[:pairs]], axis=1).ravel()
    each = min(max(2, voxels // 400), voxels // (2 * sessions))
    dead = np.zeros((sessions, voxels), bool)
    for session, row in enumerate(dead):
        row[mixed[session * each : (session + 1) * each]] = True
    wild = np.zeros(voxels, bool)
    first = sessions * each
    wild[mixed[first : first + min(max(2, voxels // 1000), voxels // 8)]] = True
    return dead, wild
