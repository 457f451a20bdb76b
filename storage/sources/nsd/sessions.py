"""Which sessions are meant, which files hold them, and what was shown in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import Missing, NotInSource

from .design import Design, read_design
from .layout import BETAS, FORMATS, PPDATA, SESSIONS, session_number, unknown
from .record import Record, read_record
from .trials import Shown, shown_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.remote import Location
    from storage.transfer import Stat

    from .layout import SubjectFiles

    Asked = tuple[int, ...] | int | None


@dataclass(frozen=True, eq=False)
class Recording:
    """The sessions of a subject that a recipe asks for.

    Attributes
    ----------
    numbers : tuple of int
        1-based, ascending.
    names : tuple of str
        The file of each, relative to the release's root.
    listed : mapping
        Size and etag of every file in the folder of the betas; empty where there are none yet.
    shown : Shown
        The trials.
    """

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    listed: Mapping[str, Stat]
    shown: Shown


def find_recording(root: Location, files: SubjectFiles, form: str, asked: Asked) -> Recording:
    """Find the sessions of a subject.

    A release without any betas of the subject can be looked at too, so that a run is planned before
    anything large is downloaded: then the design alone says what is shown.

    Parameters
    ----------
    root : Location
        The release.
    files : SubjectFiles
        Its names of the subject's files.
    form : str
        "hdf5", "nifti" or "auto".
    asked : tuple of int, int, optional
        Session numbers, the first so many, or all that the subject took part in.

    Raises
    ------
    NotInSource
        If the subject, the version of the betas or a session is none of the release's.
    Missing
        If the file of a session is not there, or responses.tsv is not.
    Invalid
        If responses.tsv and the design tell of different pictures.
    """
    design = read_design(root)
    listed = dict((root / files.sessions).files(recursive=False))
    if not listed:
        _check_version(root, files)
    record = _record(root, files, needed=bool(listed))
    found = _by_session(listed, form)
    numbers = _choose(asked, _most(design, record, found, files), files.subject)
    names = tuple(found.get(number) or _first_name(files, number, form) for number in numbers)
    absent = [f"{files.sessions}/{name}" for name in names if name not in listed]
    if listed and absent:
        more = f", nor do {len(absent) - 1} more" if absent[1:] else ""
        raise Missing(
            f"{root / absent[0]} does not exist{more}; get them, or list those to use in data.sessions"
        )
    shown = shown_in(design, record, files.number, numbers)
    return Recording(numbers, tuple(f"{files.sessions}/{name}" for name in names), listed, shown)


def _check_version(root: Location, files: SubjectFiles) -> None:
    versions = [name for name in (root / files.versions).folders() if name.startswith("betas")]
    if versions or files.betas not in BETAS:
        raise unknown(f"data.betas of {files.subject}:", files.betas, versions or BETAS)


def _record(root: Location, files: SubjectFiles, *, needed: bool) -> Record | None:
    location = root / files.responses
    if not needed and location.stat_or_none() is None:
        subjects = [name for name in (root / PPDATA).folders() if name.startswith("subj")]
        if files.subject not in subjects:
            raise unknown("subject", files.subject, subjects)
        return None
    return read_record(location)


def _by_session(listed: Mapping[str, Stat], form: str) -> dict[int, str]:
    """Return the file of each session; where there is one of each format, HDF5."""
    found: dict[int, str] = {}
    for each in reversed(list(FORMATS)) if form == "auto" else [form]:
        numbered = {session_number(name, each): name for name in listed}
        found |= {number: name for number, name in numbered.items() if number is not None}
    return found


def _first_name(files: SubjectFiles, number: int, form: str) -> str:
    name = files.session(number, "hdf5" if form == "auto" else form)
    return name.removeprefix(f"{files.sessions}/")


def _most(design: Design, record: Record | None, found: Mapping[int, str], files: SubjectFiles) -> int:
    """Return how many sessions the subject took part in."""
    if record is None:
        return min(design.sessions, SESSIONS[files.number - 1])
    return max(int(record.session[-1]), *found, 1)


def _choose(asked: Asked, most: int, subject: str) -> tuple[int, ...]:
    if asked is None:
        return tuple(range(1, most + 1))
    numbers = range(1, asked + 1) if isinstance(asked, int) else sorted(set(asked))
    if not numbers:
        raise NotInSource("data.sessions names no session: give a count of 1 or more, or a list")
    beyond = [number for number in numbers if not 1 <= number <= most]
    if beyond:
        raise NotInSource(
            f"data.sessions asks for session {beyond[-1]}, but {subject} has 1 to {most}: use those"
        )
    return tuple(numbers)
