"""Which sessions are meant, which files hold them, and what was shown in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.errors import Missing, NotInSource

from .design import Design, read_design
from .layout import BETAS, PPDATA, SESSIONS, session_number, unknown
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
    names : tuple of tuple of str
        The files of each, relative to the release's root: one, on surfaces one a hemisphere.
    listed : mapping
        Size and etag of every file in the folder of the betas; empty where there are none yet.
    shown : Shown
        The trials.
    """

    numbers: tuple[int, ...]
    names: tuple[tuple[str, ...], ...]
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
        "auto", or one of the space's formats.
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
    found = _forms(listed, files, form)
    numbers = _choose(asked, _most(design, record, found, files), files.subject)
    first = next(iter(files.formats)) if form == "auto" else form
    names = tuple(files.session(number, found.get(number, first)) for number in numbers)
    absent = [name for each in names for name in each if name.rpartition("/")[2] not in listed]
    if listed and absent:
        more = f", nor do {len(absent) - 1} more" if absent[1:] else ""
        raise Missing(
            f"{root / absent[0]} does not exist{more}; get them, or list those to use in data.sessions"
        )
    shown = shown_in(design, record, files.number, numbers)
    return Recording(numbers, names, listed, shown)


def _check_version(root: Location, files: SubjectFiles) -> None:
    versions = [name for name in (root / files.versions).folders() if name.startswith("betas")]
    known = BETAS[1:] if files.space == "func1mm" else BETAS
    if versions or files.betas not in known:
        raise unknown(f"data.betas of {files.subject} in {files.space}:", files.betas, versions or known)


def _record(root: Location, files: SubjectFiles, *, needed: bool) -> Record | None:
    location = root / files.responses
    if not needed and location.stat_or_none() is None:
        subjects = [name for name in (root / PPDATA).folders() if name.startswith("subj")]
        if files.subject not in subjects:
            raise unknown("subject", files.subject, subjects)
        return None
    return read_record(location)


def _forms(listed: Mapping[str, Stat], files: SubjectFiles, form: str) -> dict[int, str]:
    """Return the format of each session that is there; where there are several, the space's first."""
    found: dict[int, str] = {}
    for each in reversed(files.formats) if form == "auto" else [form]:
        for side in files.sides:
            numbers = (session_number(name, side, files.formats[each]) for name in listed)
            found |= {number: each for number in numbers if number is not None}
    return found


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
