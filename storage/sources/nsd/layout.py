"""Where the files of an NSD release lie: names relative to its root, as the release gives them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import NotInSource

if TYPE_CHECKING:
    from collections.abc import Iterable

RELEASE = "natural-scenes-dataset"
SPACES = ("func1pt8mm",)
FORMATS = {"hdf5": ".hdf5", "nifti": ".nii.gz"}
BETAS = ("betas_assumehrf", "betas_fithrf", "betas_fithrf_GLMdenoise_RR")
"""The release's versions of the betas; its manual also calls them b1, b2, b3."""
SESSIONS = (40, 40, 32, 30, 40, 32, 40, 30)
"""Sessions of subj01 to subj08 (NSD Data Manual, Technical notes); asked only where no file tells."""
RUNS = 12
PICTURE = (425, 425, 3)
"""(y, x, channel) of a picture of the release; asked only while the file of pictures is not there."""

DESIGN = "nsddata/experiments/nsd/nsd_expdesign.mat"
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
CAPTIONS = (
    "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy",
    "COCO_73k_annots_curated.npy",
)
STIM_INFO = "nsddata/experiments/nsd/nsd_stim_info_merged.csv"
COCO = {"train2017": "captions_train2017.json", "val2017": "captions_val2017.json"}
"""COCO's files of captions, by their set; users put them where `COCO_FOLDERS` says."""
COCO_FOLDERS = (
    "nsddata_stimuli/stimuli/nsd",
    "nsddata_stimuli/stimuli/nsd/annotations",
    "annotations",
    "",
)
PPDATA = "nsddata/ppdata"
SUBJECTS = tuple(f"subj{number:02d}" for number in range(1, len(SESSIONS) + 1))
_SHOWN = 20


@dataclass(frozen=True)
class SubjectFiles:
    """Names of the files of one subject.

    Attributes
    ----------
    subject, space, betas : str
        As the release names them.
    """

    subject: str
    space: str
    betas: str

    @property
    def number(self) -> int:
        """1 for subj01."""
        return SUBJECTS.index(self.subject) + 1

    @property
    def responses(self) -> str:
        """The table of what was shown, and of the buttons pressed."""
        return f"{PPDATA}/{self.subject}/behav/responses.tsv"

    @property
    def brainmask(self) -> str:
        """The volume that is 1 in the brain."""
        return f"{PPDATA}/{self.subject}/{self.space}/brainmask.nii.gz"

    @property
    def rois(self) -> str:
        """The folder of atlases, one volume each."""
        return f"{PPDATA}/{self.subject}/{self.space}/roi"

    @property
    def labels(self) -> tuple[str, ...]:
        """The folders that name atlases' labels, the subject's own first."""
        own = f"nsddata/freesurfer/{self.subject}/label"
        return own, "nsddata/freesurfer/fsaverage/label", "nsddata/templates"

    @property
    def versions(self) -> str:
        """The folder of versions of the betas."""
        return f"nsddata_betas/ppdata/{self.subject}/{self.space}"

    @property
    def sessions(self) -> str:
        """The folder of session files."""
        return f"{self.versions}/{self.betas}"

    @property
    def ncsnr(self) -> str:
        """The volume of noise-ceiling signal-to-noise ratios."""
        return f"{self.sessions}/ncsnr.nii.gz"

    def session(self, number: int, form: str) -> str:
        """Return the file of one session in a format of `FORMATS`."""
        return f"{self.sessions}/betas_session{number:02d}{FORMATS[form]}"


def session_number(name: str, form: str) -> int | None:
    """Return which session a file of the sessions' folder holds; None for other files.

    >>> session_number("betas_session07.hdf5", "hdf5")
    7
    """
    found = re.fullmatch(rf"betas_session(\d+){re.escape(FORMATS[form])}", name)
    return int(found[1]) if found else None


def betas_version(name: str) -> str:
    """Return the release's name of a version of the betas: "v3" and "b3" are its third.

    >>> betas_version("v2")
    'betas_fithrf'
    """
    short = {f"{letter}{at}": full for letter in "bv" for at, full in enumerate(BETAS, 1)}
    return short.get(name, name)


def unknown(what: str, found: object, known: Iterable[str], cure: str = "") -> NotInSource:
    """Return the error that says what was asked for, what there is, and what is most like it.

    >>> str(unknown("subject", "subj1", ["subj01", "subj02"]))
    "subject 'subj1' is not known; did you mean 'subj01'? known are subj01, subj02"
    """
    names = sorted(known)
    match = difflib.get_close_matches(str(found), names, n=1, cutoff=0.4)
    hint = f"did you mean {match[0]!r}? " if match else ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    held = ", ".join(names[:_SHOWN]) + more if names else "none"
    return NotInSource(f"{what} {found!r} is not known; {hint}known are {held}{cure}")
