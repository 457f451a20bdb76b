"""Etags of the files that products are read from; "" for a file that is not there."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from storage.looks import ahead, together

from . import layout
from .anatomical import ANATOMIES
from .coco import find_coco
from .other_sessions import other_files

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.remote import Location
    from storage.sources import Ingested

    from .layout import SubjectFiles
    from .other_sessions import OtherSession
    from .sessions import Recording


def look_ahead(root: Location, files: SubjectFiles) -> None:
    """Ask at once for what is looked at whatever is wanted of a subject, where answers are kept."""
    names = [layout.DESIGN, layout.STIMULI, *layout.CAPTIONS, files.responses, *files.ncsnr]
    if not files.on_surface:
        names += [files.brainmask, *map(files.transform, ANATOMIES.values())]
    folders = (files.sessions, files.rois, *files.labels)
    ahead(
        *((root / name).stat for name in names),
        *(partial(list, (root / folder).files(recursive=False)) for folder in folders),
    )


def etags(root: Location, *names: str) -> dict[str, str]:
    """Return the etags of files, by their names relative to the release's root."""
    found = together(*((root / name).stat_or_none for name in names))
    return {name: "" if stat is None else stat.etag for name, stat in zip(names, found, strict=True)}


def restamped(root: Location, urls: Collection[str]) -> dict[str, str]:
    """Return the etags of files by their URLs."""
    start = f"{root}/"
    found = etags(root, *(url.removeprefix(start) for url in urls))
    return {start + name: etag for name, etag in found.items()}


def caption_stamps(root: Location) -> dict[str, str]:
    """Return the etags of the files of captions: the curated ones or, without them, COCO's."""
    curated = etags(root, *layout.CAPTIONS)
    if any(curated.values()):
        return curated
    return curated | etags(root, layout.STIM_INFO, *_names(root, *find_coco(root).values()))


def beta_stamps(files: SubjectFiles, recording: Recording, product: Ingested) -> dict[str, str]:
    """Return the etags of noise ceilings and, for betas, of the sessions."""
    here = {f"{files.sessions}/{name}": stat.etag for name, stat in recording.listed.items()}
    asked = (*files.ncsnr, *(chain(*recording.names) if product == "betas" else ()))
    return {name: here.get(name, "") for name in asked}


def other_stamps(
    root: Location, files: SubjectFiles, other: OtherSession, product: Ingested, form: str
) -> dict[str, str]:
    """Return the etags of the files of a session that is a test set."""
    places = list(other.read_from)
    if product == "betas":
        places += other_files(root, files, other.name, form)
    if product == "stimuli":
        places += [other.pictures.file(at) for at in range(len(other.pictures.ids))]
    return etags(root, *_names(root, *places))


def _names(root: Location, *places: Location) -> list[str]:
    return [str(place).removeprefix(f"{root}/") for place in places]
