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
VOLUMES = {"func1pt8mm": "func1pt8", "func1mm": "func1pt0"}
"""The spaces that are volumes, and what the names of transforms call them."""
SURFACES = ("nativesurface", "fsaverage")
SPACES = (*VOLUMES, *SURFACES)
SIDES = ("lh", "rh")
FORMATS = {
    **{space: {"hdf5": ".hdf5", "nifti": ".nii.gz"} for space in VOLUMES},
    "nativesurface": {"hdf5": ".hdf5"},
    "fsaverage": {"mgh": ".mgh"},
}
"""Of each space's betas, the one that is taken first in front."""
BETAS = ("betas_assumehrf", "betas_fithrf", "betas_fithrf_GLMdenoise_RR")
"""The release's versions of the betas; its manual also calls them b1, b2, b3. func1mm lacks the first."""
SESSIONS = (40, 40, 32, 30, 40, 32, 40, 30)
"""Sessions of subj01 to subj08 (NSD Data Manual, Technical notes); asked only where no file tells."""
RUNS = 12
PICTURE = (425, 425, 3)
"""(y, x, channel) of a picture of the release; asked only while the file of pictures is not there."""

ATLASES = (
    *("nsdgeneral", "streams", "prf-visualrois", "prf-eccrois", "HCP_MMP1", "Kastner2015", "corticalsulc"),
    *("floc-faces", "floc-bodies", "floc-places", "floc-words"),
)
"""NSD's, of those that are drawn on surfaces."""
DESIGN = "nsddata/experiments/nsd/nsd_expdesign.mat"
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
CAPTIONS = (
    "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy",
    "COCO_73k_annots_curated.npy",
)
IMAGERY_TARGETS = "nsddata/experiments/nsdimagery/{}"
IMAGERY_RECORD = "nsddata/bdata/nsdimagery/nsdimagery_{}_{}.tsv"
SYNTHETIC_DESIGN = "nsddata/experiments/nsdsynthetic/nsdsynthetic_expdesign.mat"
SYNTHETIC_STIMULI = "nsddata_stimuli/stimuli/nsdsynthetic/nsdsynthetic_{}.hdf5"
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
LABELS = "nsddata/freesurfer/fsaverage/label"
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
    def on_surface(self) -> bool:
        """Whether there is a file a hemisphere."""
        return self.space in SURFACES

    @property
    def sides(self) -> tuple[str, ...]:
        """What the names of files begin with: one for each that makes a whole."""
        return tuple(f"{side}." for side in SIDES) if self.on_surface else ("",)

    @property
    def rois(self) -> str:
        """The folder of atlases: a volume each, on surfaces a file of labels a hemisphere."""
        if self.on_surface:
            return LABELS if self.space == "fsaverage" else self.labels[0]
        return f"{PPDATA}/{self.subject}/{self.space}/roi"

    @property
    def anatomical_rois(self) -> str:
        """The folder of atlases in anatomical volumes."""
        return f"{PPDATA}/{self.subject}/anat/roi"

    def transform(self, origin: str) -> str:
        """Return the volume that says where each functional voxel lies in an anatomical one (anat0pt8)."""
        return f"{PPDATA}/{self.subject}/transforms/{origin}-to-{VOLUMES[self.space]}.nii.gz"

    @property
    def labels(self) -> tuple[str, ...]:
        """The folders that name atlases' labels, the subject's own first."""
        return f"nsddata/freesurfer/{self.subject}/label", LABELS, "nsddata/templates"

    @property
    def versions(self) -> str:
        """The folder of versions of the betas."""
        return f"nsddata_betas/ppdata/{self.subject}/{self.space}"

    @property
    def sessions(self) -> str:
        """The folder of session files."""
        return f"{self.versions}/{self.betas}"

    @property
    def ncsnr(self) -> tuple[str, ...]:
        """The noise-ceiling signal-to-noise ratios: a volume, on surfaces a file a hemisphere."""
        ending = "mgh" if self.on_surface else "nii.gz"
        return tuple(f"{self.sessions}/{side}ncsnr.{ending}" for side in self.sides)

    @property
    def formats(self) -> dict[str, str]:
        """The formats that betas have in this space, and how the names of files in them end."""
        return FORMATS[self.space]

    def session(self, number: int, form: str) -> tuple[str, ...]:
        """Return the files of one session in one of the formats."""
        return self._betas(self.sessions, f"session{number:02d}", form)

    def other_session(self, name: str, form: str) -> tuple[str, ...]:
        """Return the files of a session that is none of the core ones: nsdimagery, nsdsynthetic."""
        return self._betas(f"{self.versions}/{name}{self.betas}", name, form)

    def _betas(self, folder: str, name: str, form: str) -> tuple[str, ...]:
        return tuple(f"{folder}/{side}betas_{name}{self.formats[form]}" for side in self.sides)


def session_number(name: str, side: str, ending: str) -> int | None:
    """Return which session a file of the sessions' folder holds; None for other files.

    >>> session_number("lh.betas_session07.hdf5", "lh.", ".hdf5")
    7
    """
    found = re.fullmatch(rf"{re.escape(side)}betas_session(\d+){re.escape(ending)}", name)
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
