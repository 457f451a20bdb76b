"""The sign of an archive, ``archive.json``: what tells a folder of ours from anybody else's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from .documents import parse
from .errors import Missing, NotAnArchive

if TYPE_CHECKING:
    from .remote import Location

#: Version of the layout on disk.
FORMAT = 1

_SIGN = {"format": "vox2pix archive", "version": FORMAT}


def put_up(place: Location) -> None:
    """Make a place an archive, where it is none yet."""
    if not (place / "archive.json").exists():
        (place / "archive.json").write(json.dumps(_SIGN).encode())


def check(place: Location, *, must_exist: bool) -> None:
    """Refuse a place that is something else than an archive, or holds one of another layout.

    Raises
    ------
    NotAnArchive
        If the place holds something else.
    Missing
        If nothing is there although it must.
    """
    if place.is_local and os.path.isfile(place.url):  # noqa: PTH113  (Path's raises on a long name)
        raise NotAnArchive(f"{place} is a file; an archive is a folder")
    try:
        sign = parse((place / "archive.json").read())
    except Missing:
        if place.is_folder():
            raise NotAnArchive(
                f"{place} is no vox2pix archive (it holds no archive.json) and is not empty; "
                "name another folder"
            ) from None
        if must_exist:
            raise Missing(f"{place} holds no archive; `vox2pix run` makes one") from None
        return
    except ValueError:
        sign = {}
    if sign.get("format") != _SIGN["format"]:
        raise NotAnArchive(f"{place}/archive.json is not vox2pix's; name another folder")
    if sign.get("version") != FORMAT:
        raise NotAnArchive(
            f"{place} has layout version {sign.get('version')}, this vox2pix reads {FORMAT}; "
            "use a matching vox2pix"
        )
