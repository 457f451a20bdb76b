"""nsdimagery as a test set: what a subject imagined, told by a letter, in one session.

What is known, and from where. The NSD Data Manual (Functional data, nsdimagery): twelve runs, in which
targets of three sets (A shapes, B photographs, C words) are seen, attended or imagined; six targets a run,
each eight times. Public code that reads the real files: the order of runs; ``betas_nsdimagery.hdf5`` in
folders ``nsdimagerybetas_fithrf...``, 720 trials of int16 as the core's, one a trial and two a trial of
attention; ``nsddata/bdata/nsdimagery/nsdimagery_subjXX_RUN.tsv`` with the columns TRIAL and CUE;
``[A,B,C]_pair_list.mat`` with ``pair_list`` (6, 3) of number, file and letter; the targets' pictures in
``rawtargetimages/setA`` and ``setB``, of which ``sharedNNNN_nsdNNNNN.png`` are NSD's own. The real files
were not seen.

Not certain: that the betas of a run are in order of time, as the core's are. Most public code takes them
so; one public analysis reports them grouped by target within a run. Whoever has the data should look at
this first.

Tested are the six runs of imagery of sets A and B; set C has no pictures. A target's picture is brought to
the size of NSD's.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Invalid
from storage.matlab5 import check
from storage.reading import reading

from .layout import IMAGERY_RECORD, IMAGERY_TARGETS
from .other_sessions import NONE, OtherSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage.remote import Location

    from .design import Design
    from .layout import SubjectFiles

NAME = "nsdimagery"
RUNS = (
    *("visA", "attA", "imgA_1", "visB", "attB", "imgB_1", "visC", "attC", "imgC_1"),
    *("imgA_2", "imgB_2", "imgC_2"),
)
"""In order of time; a name tells task and set."""
SETS = ("A", "B")
"""Those whose targets have pictures."""
_SHARED = re.compile(r"shared(\d{4})_nsd(\d{5})\.png")


@dataclass(frozen=True)
class Target:
    """What a letter stands for.

    Attributes
    ----------
    letter : str
        The cue.
    picture : Location
        Its picture.
    nsd_id : int
        0-based NSD picture number, -1 for a picture that is none of NSD's.
    """

    letter: str
    picture: Location
    nsd_id: int


@dataclass(frozen=True)
class ImageryPictures:
    """The targets' pictures, set A's and then set B's.

    Attributes
    ----------
    targets : tuple of Target
        In the order of the release's lists.
    """

    targets: tuple[Target, ...]

    @property
    def ids(self) -> list[str]:
        """The pictures' ids: the names of their files, so that none is taken for a picture that was seen."""
        return [target.picture.name.removesuffix(".png") for target in self.targets]

    @property
    def nsd_id(self) -> NDArray[np.int32]:
        """(image) 0-based NSD picture numbers, -1 for a picture that is none of NSD's."""
        return np.array([target.nsd_id for target in self.targets], np.int32)

    def file(self, at: int) -> Location:
        """Return the file of a picture."""
        return self.targets[at].picture

    def read(self, at: int) -> NDArray[np.uint8]:
        """Return a picture, (y, x, channel)."""
        from PIL import Image

        place = self.file(at)
        content = place.read()
        with reading(str(place)), Image.open(io.BytesIO(content)) as image:
            return np.asarray(image.convert("RGB"))


def read_imagery(root: Location, files: SubjectFiles, design: Design) -> OtherSession:
    """Read what was cued in each run.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    Invalid
        If a file is not what its name says, or a cue is none of the set's letters.
    """
    lists = {name: root / IMAGERY_TARGETS.format(f"{name}_pair_list.mat") for name in SETS}
    targets = {name: _targets(root, place, name, design) for name, place in lists.items()}
    order = [target for name in SETS for target in targets[name]]
    records = [root / IMAGERY_RECORD.format(files.subject, run) for run in RUNS]
    runs, pictures = [], []
    for number, (run, place) in enumerate(zip(RUNS, records, strict=True), start=1):
        letters = {target.letter: order.index(target) for target in targets.get(run[3], ())}
        cued = _cues(place)
        if run.startswith("img") and letters:
            shown = [_known(letters, cue, place) for cue in cued]
        else:
            shown = [NONE] * len(cued) * (2 if run.startswith("att") else 1)
        pictures += shown
        runs += [number] * len(shown)
    found = ImageryPictures(tuple(order))
    read_from = (*lists.values(), *records)
    return OtherSession(NAME, np.array(runs, np.int16), np.array(pictures, np.int64), found, read_from)


def _known(letters: dict[str, int], cue: str, place: Location) -> int:
    if cue not in letters:
        raise Invalid(f"{place} has the cue {cue!r}, expected one of {', '.join(letters)}: get it again")
    return letters[cue]


def _cues(place: Location) -> list[str]:
    """Return the cue of each trial, in order of time."""
    with reading(str(place)):
        lines = [line.split("\t") for line in place.read().decode().splitlines() if line.strip()]
        header = lines[0] if lines else []
        if missing := [name for name in ("TRIAL", "CUE") if name not in header]:
            raise Invalid(f"{place} has no column {missing[0]!r}; expected a table with tabs between")
        trial, cue = (header.index(name) for name in ("TRIAL", "CUE"))
        rows = sorted((int(float(row[trial])), row[cue].strip()) for row in lines[1:])
    if [number for number, _ in rows] != list(range(1, len(rows) + 1)):
        raise Invalid(f"TRIAL of {place} does not count 1, 2, 3 ...: get it again")
    return [letter for _, letter in rows]


def _targets(root: Location, place: Location, name: str, design: Design) -> list[Target]:
    from scipy.io import loadmat

    content = place.read()
    with reading(str(place)):
        check(content)
        pairs: Any = loadmat(io.BytesIO(content), squeeze_me=True)["pair_list"]
        rows = [(str(file), str(letter)) for _, file, letter in pairs]
    folder = root / IMAGERY_TARGETS.format(f"rawtargetimages/set{name}")
    return [Target(letter, folder / file, _number(file, place, design)) for file, letter in rows]


def _number(file: str, place: Location, design: Design) -> int:
    """Return the NSD number of a target, from its place among the pictures that all subjects see."""
    found = _SHARED.fullmatch(file)
    if found is None or int(found[1]) == 0:
        return NONE
    kid73, at = int(found[2]), int(found[1]) - 1
    shared = design.shared_kid73
    if at >= len(shared) or shared[at] != kid73:
        is_ = shared[at] if at < len(shared) else "none"
        raise Invalid(f"{place} has {file}, but picture {at + 1} of sharedix in {design.where} is {is_}")
    return kid73 - 1
