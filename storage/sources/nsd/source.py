"""The Natural Scenes Dataset: trials, voxels, betas, pictures and captions of a subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.looks import once

from . import layout
from .betas import NsdBetas, Session
from .captions import captions_of, find_captions
from .coco import coco_captions, find_coco
from .design import read_design
from .evaluation import expand
from .held_out import OTHERS, SHARED, test_identity, tested
from .imagery import read_imagery
from .other_sessions import JoinedPictures, joined_trials, other_files
from .sessions import Recording, find_recording
from .stamps import beta_stamps, caption_stamps, etags, look_ahead, other_stamps, restamped
from .stimuli import NsdPictures, open_pictures, read_brick
from .surfaces import Surfaces
from .synthetic import read_synthetic
from .trials import core_trials
from .volumes import Volumes
from .voxels import Selection

if TYPE_CHECKING:
    from collections.abc import Collection

    import xarray as xr

    from storage.remote import Location
    from storage.sources import Ingested

    from .atlases import Atlases
    from .layout import SubjectFiles
    from .other_sessions import OtherSession


@dataclass(frozen=True)
class NsdSource:
    """NSD, on S3 or in a folder with the same names, whole or in part; all is read when it is asked for.

    Attributes
    ----------
    location : Location
        ``s3://natural-scenes-dataset``, or a folder laid out like it.
    expression : str
        Which voxels, an ROI expression (`storage.sources.nsd.rois`).
    rois : tuple
        (alias, expression) pairs.
    sessions : tuple of int, int, optional
        Session numbers, or a count: the first so many. By default all that the subject took part in.
    version : str
        Of the betas: one of `layout.BETAS`, or v1, v2, v3.
    space : str
        One of `layout.SPACES`: func1pt8mm, func1mm, nativesurface, fsaverage.
    format : str
        "hdf5", "nifti", or "auto": HDF5 where it is there. Surfaces have one format each: HDF5, and .mgh on
        fsaverage.
    test : str
        "shared": the pictures that all subjects see are test pictures. "imagery", "synthetic": those of the
        session nsdimagery or nsdsynthetic are (see `imagery`, `synthetic`). "random": some of the subject's
        own, as FMRI2IMG deals them. Else the path of a file of them, an id (nsd46002) or 0-based number a
        line.
    """

    location: Location
    expression: str = "nsdgeneral"
    rois: tuple[tuple[str, str], ...] = ()
    sessions: tuple[int, ...] | int | None = None
    version: str = layout.BETAS[-1]
    space: str = layout.SPACES[0]
    format: str = "auto"
    test: str = SHARED

    def _files(self, subject: str) -> SubjectFiles:
        asked = (
            ("subject", subject, layout.SUBJECTS),
            ("data.space", self.space, layout.SPACES),
            ("data.format", self.format, ("auto", *layout.FORMATS.get(self.space, ()))),
        )
        for what, found, known in asked:
            if found not in known:
                raise layout.unknown(what, found, known)
        return layout.SubjectFiles(subject, self.space, layout.betas_version(self.version))

    def _recording(self, subject: str) -> Recording:
        files = self._files(subject)
        once((self.location, files), partial(look_ahead, self.location, files))
        return find_recording(self.location, files, self.format, self.sessions)

    def _other(self, subject: str) -> OtherSession | None:
        """Return the session that is the test set, where one is."""
        files = self._files(subject)
        if self.test == "imagery":
            return read_imagery(self.location, files, read_design(self.location))
        return read_synthetic(self.location, files) if self.test == "synthetic" else None

    def _atlases(self, subject: str) -> Atlases:
        files = self._files(subject)
        return (Surfaces if files.on_surface else Volumes)(self.location, files)

    def _selection(self, subject: str) -> Selection:
        return Selection(self._atlases(subject), self.expression, self.rois)

    def identity(self, subject: str, product: Ingested) -> dict[str, Any]:
        """Return what enters a product's fingerprint: what is asked of which release, never where it lies.

        Which pictures are held out changes no beta and no voxel; regions' aliases change voxels alone.
        """
        found: dict[str, Any] = {
            "dataset": "nsd",
            "release": layout.RELEASE,
            "subject": subject,
            "sessions": list(self._recording(subject).numbers),
        }
        if product in ("voxels", "betas"):
            aliases = dict(self.rois)
            betas, voxels = self._files(subject).betas, expand(self.expression, aliases)
            found |= {"space": self.space, "betas": betas, "voxels": voxels}
        if product == "voxels":
            found["rois"] = {alias: expand(text, aliases, (alias,)) for alias, text in self.rois}
        if product in ("trials", "stimuli") or (self.test in OTHERS and product != "voxels"):
            found["test"] = test_identity(self.test)
        return found

    def picture_owner(self, subject: str) -> str:
        """Return the subject: in NSD each sees pictures of its own."""
        return subject

    def stamps(self, subject: str, product: Ingested) -> dict[str, str]:
        """Return the etag of each file that a product is read from, by its URL; "" where it is not there."""
        files, root = self._files(subject), self.location
        found = etags(root, layout.DESIGN, files.responses)
        if product != "voxels" and (other := self._other(subject)) is not None:
            found |= other_stamps(root, files, other, product, self.format)
        if product == "stimuli":
            found |= etags(root, layout.STIMULI)
        if product == "captions":
            found |= caption_stamps(root)
        if product in ("voxels", "betas"):
            found |= self._atlases(subject).stamps()
            found |= beta_stamps(files, self._recording(subject), product)
        return {f"{root}/{name}": etag for name, etag in found.items()}

    def restamp(self, subject: str, product: Ingested, names: Collection[str]) -> dict[str, str]:
        """Return the same of some of those files as they are now; a block of betas asks for its session's."""
        if product in ("betas", "stimuli"):
            return restamped(self.location, names)
        now = self.stamps(subject, product)  # made in one block, from folders too
        return {name: now[name] for name in names if name in now}

    def trials(self, subject: str) -> xr.Dataset:
        """Return session, run, repeat, test, image_id, nsd_id (trial) of the chosen sessions, in order.

        `session` and `run` are 1-based; `repeat` is the 0-based showing within the chosen sessions. The
        trials of a test session follow, with session 0; `used` then says which trials are trained on or
        tested: not those of the core that show a picture of the test session, nor those of the test session
        that show or cue none.

        Raises
        ------
        NotInSource
            If the recipe asks for a subject, session or version of the betas that there is not.
        Missing
            If a session's file, responses.tsv or the design is not there.
        Invalid
            If responses.tsv and the design tell of different pictures; the first such trial is named.
        """
        shown, other = self._recording(subject).shown, self._other(subject)
        core = core_trials(shown, tested(self.test, shown))
        return core if other is None else joined_trials(core, other)

    def voxels(self, subject: str) -> xr.Dataset:
        """Return i, j, k and noise_ceiling (voxel) and in_roi (roi, voxel).

        Voxels stand in C order of the NIfTI volumes, whose 0-based x, y, z are i, j, k; on surfaces i is
        the hemisphere (0 left, 1 right), j the vertex, k is 0, and "brain" is every vertex. Regions are each
        alias, each atlas, each label of it as ATLAS/LABEL, and "brain". Noise ceilings are those of a mean
        over as many showings as the chosen sessions have.

        Raises
        ------
        NotInSource
            If an expression is none, names what the subject does not have, or holds no voxel.
        """
        selection, showings = self._selection(subject), self._recording(subject).shown.per_showing
        return selection.table(showings, tuple(self.stamps(subject, "voxels").items()))

    def betas(self, subject: str) -> NsdBetas:
        """Return the reader of the betas (trial, voxel): int16, on fsaverage float32."""
        recording, selection = self._recording(subject), self._selection(subject)
        files = zip(recording.names, recording.shown.lengths, strict=True)
        sessions = tuple(
            Session(tuple(self.location / name for name in names), trials) for names, trials in files
        )
        if (other := self._other(subject)) is not None:
            places = other_files(self.location, self._files(subject), other.name, self.format)
            sessions = (*sessions, Session(places, other.trials))
        parts = selection.volumes.parts(selection.places())
        if self.space == "fsaverage":
            return NsdBetas(sessions, parts, dtype="float32", scale=1.0)
        return NsdBetas(sessions, parts)

    def images(self, subject: str) -> NsdPictures | JoinedPictures:
        """Return the reader of the distinct pictures, in the order in which they are first shown.

        Those of a test session come last, in the order of its lists.
        """
        shown, other = self._recording(subject).shown, self._other(subject)
        first = shown.first if other is None else shown.first[~other.in_core(shown.picture[shown.first])]
        rows = shown.picture[first].astype(np.int32)
        core = open_pictures(self.location / layout.STIMULI, rows, tested(self.test, shown)[first])
        return core if other is None else JoinedPictures(core, other.pictures)

    def labels(self, subject: str) -> xr.Dataset | None:  # noqa: ARG002  (the protocol's)
        """Return None: NSD's pictures have no labels."""
        return None

    def captions(self, subject: str) -> xr.Dataset | None:
        """Return caption (image, slot), lazily, for the pictures of `images`; None where there are none."""
        images = self.images(subject)
        file = find_captions(self.location, images.nsd_id)
        if file is not None:
            return captions_of(file, images.nsd_id)
        coco = find_coco(self.location)
        return coco_captions(self.location, coco, images.nsd_id) if coco else None

    def check(self, subject: str) -> None:
        """Read every header, so that whatever is wrong is said before anything is written.

        Values need no reading: int16 holds neither NaN nor infinity, and those of fsaverage are checked when
        they are read.

        Raises
        ------
        Missing
            If a session's file or the pictures are not there.
        Invalid
            If a file is cut, or of another shape or type than the others promise.
        """
        self.trials(subject)
        self.voxels(subject)
        if (other := self._other(subject)) is not None:
            for at in range(len(other.pictures.ids)):
                other.pictures.file(at).stat()
        read_brick(self.location / layout.STIMULI)
        find_captions(self.location, self.images(subject).nsd_id)
        self.betas(subject).check()
