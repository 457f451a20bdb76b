"""Which pictures are held out: those that all subjects see, of a test session, dealt at random, or listed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.errors import Missing, NotInSource
from storage.fingerprint import fingerprint
from storage.reading import reading
from storage.remote import Location

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .trials import Shown

SHARED = "shared"
OTHERS = {"imagery": "nsdimagery", "synthetic": "nsdsynthetic"}
"""Test sets that are sessions of their own, and what the release calls them."""
RANDOM = "random"
"""FMRI2IMG's (aaalgo, 2023): the pictures are shuffled, and what is left after the first ones is tested."""
DEALT = 841 / 9841
"""The share that it tests: of the 9841 pictures of 37 sessions it learns from 9000."""
KNOWN = (SHARED, *OTHERS, RANDOM)


def listed_pictures(place: Location) -> tuple[int, ...]:
    """Read a file of pictures, one a line: an id as nsd46002, or a 0-based number; "#" begins a remark.

    Raises
    ------
    Missing, Denied, Unreachable
        As the store says.
    NotInSource
        If a line is neither.
    """
    if not place.exists():
        known = ", ".join(KNOWN)
        raise Missing(f"{place} does not exist, which data.test names: take one of {known}, or a file of ids")
    content = place.read()
    with reading(str(place)):
        lines = content.decode().splitlines()
    found = set()
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text and not (match := re.fullmatch(r"(?:nsd)?(\d+)", text)):
            raise NotInSource(
                f"line {number} of {place} is {text!r}, expected an id such as nsd46002, or 46002"
            )
        if text and match:
            found.add(int(match[1]))
    return tuple(sorted(found))


def tested(test: str, shown: Shown) -> NDArray[np.bool_]:
    """Return (trial) bool: the picture is a test picture.

    Raises
    ------
    NotInSource
        If a file lists no picture that is shown.
    """
    if test == SHARED:
        return shown.shared
    if test in OTHERS:
        return np.zeros_like(shown.shared)
    if test == RANDOM:
        return np.isin(shown.picture, _dealt(np.unique(shown.picture)))
    found = np.isin(shown.picture, listed_pictures(Location.of(test)))
    if not found.any():
        raise NotInSource(f"data.test = {test!r} lists no picture shown in these sessions: list others")
    return found


def _dealt(pictures: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return some pictures at random, always the same ones: the published shuffle has no seed to repeat."""
    count = max(1, round(DEALT * len(pictures)))
    return np.random.default_rng(0).permutation(pictures)[-count:]


def test_identity(test: str) -> Any:
    """Return what a choice of test pictures means, wherever its file lies."""
    return test if test in KNOWN else {"listed": fingerprint(listed_pictures(Location.of(test)))}
