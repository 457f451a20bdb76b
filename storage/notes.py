"""Which products the recipes run into an archive reach: what `gc` must not remove.

Below ``<archive>/recipes/``: ``<fingerprint>.toml``, the recipe, and ``<fingerprint>/<subject>.json``, the
addresses. A file a subject: runs of different subjects at once write different files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .errors import Damaged, Missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .remote import Location


def remember(archive: Location, fingerprint: str, text: str, reached: Mapping[str, Sequence[str]]) -> None:
    """Keep a recipe and, by subject, the addresses it reaches; what is there already is left alone."""
    kept = archive / "recipes"
    _write_new(kept / f"{fingerprint}.toml", text.encode())
    for subject, found in reached.items():
        _write_new(kept / fingerprint / f"{subject}.json", json.dumps(sorted(found), indent=1).encode())


def recipes(archive: Location) -> list[str]:
    """Return the fingerprints of the recipes that are kept."""
    kept = archive / "recipes"
    texts = (name.removesuffix(".toml") for name, _ in kept.files(recursive=False))
    return sorted({*texts, *kept.folders()})


def reached(archive: Location, fingerprint: str) -> list[str]:
    """Return the addresses a recipe reaches; none where it is not kept.

    Raises
    ------
    Damaged
        If they cannot be read, or are gone while the recipe is there.
    """
    kept = archive / "recipes"
    notes = [name for name, _ in (kept / fingerprint).files(recursive=False)]
    if not notes and (kept / f"{fingerprint}.toml").exists():
        raise _lost(kept / fingerprint)
    return sorted({address for name in notes for address in _addresses(kept / fingerprint / name)})


def damaged(archive: Location) -> list[str]:
    """Return the fingerprints of recipes whose addresses are lost; a run notes them again."""
    return [fingerprint for fingerprint in recipes(archive) if _is_lost(archive, fingerprint)]


def _is_lost(archive: Location, fingerprint: str) -> bool:
    try:
        reached(archive, fingerprint)
    except Damaged:
        return True
    return False


def _write_new(place: Location, content: bytes) -> None:
    """Write, unless that is what is there."""
    try:
        if place.read() == content:
            return
    except Missing:
        pass
    place.write(content)


def _addresses(note: Location) -> list[str]:
    try:
        found = json.loads(note.read())
    except (ValueError, RecursionError):
        raise _lost(note) from None
    if (
        not found
        or not isinstance(found, list)
        or not all(isinstance(one, str) and "@" in one for one in found)
    ):
        raise _lost(note)
    return found


def _lost(note: Location) -> Damaged:
    return Damaged(
        f"{note}, the note of what a recipe reaches, is damaged; `vox2pix run` of the recipe mends it"
    )
