"""nsdsynthetic as a test set: 284 pictures that are no photographs, in one session.

What is known, and from where. The NSD Data Manual (Functional data, nsdsynthetic): one session of 8 runs
of 93 trials, the same for all subjects, some of them repeats of the one before. Public code that reads the
real files (github.com/gifale95/NSD-synthetic, Bonner lab's loaders): the design is ``masterordering`` (1,
744) of 1-based numbers; the first 220 pictures are /imgBrick of ``nsdsynthetic_stimuli.hdf5``, (714, 1360,
3) each, the last 64, coloured, that of ``nsdsynthetic_colorstimuli_subjXX.hdf5``; the betas are
``betas_nsdsynthetic.hdf5`` in ``nsdsyntheticbetas_fithrf`` or ``nsdsyntheticbetas_fithrf_GLMdenoise_RR``,
int16 as the core's. Of a picture the middle 714 x 714 are taken, the place in the visual field where the
core's pictures were shown (8.4 degrees; Allen et al. 2022), and brought to their 425 x 425. The real files
were not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storage.errors import Invalid
from storage.reading import reading

from .design import read_matrices
from .layout import SYNTHETIC_DESIGN, SYNTHETIC_STIMULI
from .other_sessions import NONE, OtherSession
from .stimuli import read_brick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

    from .layout import SubjectFiles

NAME = "nsdsynthetic"
RUNS = 8


@dataclass(frozen=True, eq=False)
class SyntheticPictures:
    """The pictures that all subjects see, then a subject's own.

    Attributes
    ----------
    common, own : Location
        Their files.
    counts : tuple of int
        How many each holds.
    """

    common: Location
    own: Location
    counts: tuple[int, int]

    @property
    def ids(self) -> list[str]:
        """The pictures' ids, as the release names its single files: nsdsynthetic001 is the first."""
        return [f"{NAME}{number:03d}" for number in range(1, sum(self.counts) + 1)]

    @property
    def nsd_id(self) -> NDArray[np.int32]:
        """(image) -1: none is one of NSD's 73,000."""
        return np.full(sum(self.counts), NONE, np.int32)

    def file(self, at: int) -> Location:
        """Return the file that a picture is read from."""
        return self.common if at < self.counts[0] else self.own

    def read(self, at: int) -> NDArray[np.uint8]:
        """Return a picture, (y, x, channel)."""
        brick = read_brick(self.file(at))
        row = at if at < self.counts[0] else at - self.counts[0]
        return np.asarray(brick.read([row]).reshape(brick.shape[1:]))


def read_synthetic(root: Location, files: SubjectFiles) -> OtherSession:
    """Read what was shown to a subject.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If the design is not what its name says, or shows a picture that the files do not hold.
    """
    place = root / SYNTHETIC_DESIGN
    content = place.read()
    with reading(str(place)):
        found = read_matrices(content)
    if "masterordering" not in found:
        raise Invalid(
            f"{place} has no variable 'masterordering'; it has {', '.join(sorted(found)) or 'none'}"
        )
    picture = found["masterordering"].ravel() - 1
    common, own = (
        root / SYNTHETIC_STIMULI.format(name) for name in ("stimuli", f"colorstimuli_{files.subject}")
    )
    counts = read_brick(common).shape[0], read_brick(own).shape[0]
    bad = np.flatnonzero((picture < 0) | (picture >= sum(counts)))
    if len(bad):
        shown = f"masterordering of {place} is {picture[bad[0]] + 1} in trial {bad[0] + 1}"
        raise Invalid(f"{shown}, but {common} and {own.name} hold {sum(counts)} pictures: get them again")
    run = np.repeat(np.arange(1, RUNS + 1), _lengths(found.get("stimpattern"), len(picture)))
    pictures = SyntheticPictures(common, own, counts)
    return OtherSession(NAME, run.astype(np.int16), picture, pictures, (place,))


def _lengths(pattern: NDArray[np.int64] | None, trials: int) -> NDArray[np.int64]:
    """Return how many trials each run has; runs are even where the design does not say."""
    if pattern is not None and pattern.size % RUNS == 0 and pattern.sum() == trials:
        return np.asarray(pattern.reshape(RUNS, -1).sum(axis=1))
    return np.diff(-(-np.arange(RUNS + 1) * trials // RUNS))
