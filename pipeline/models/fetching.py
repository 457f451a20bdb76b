"""Gets published weights onto this machine: whole, compared with their checksum, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .checking import insist_on_tensors
from .download import FetchFailed, download
from .hub import fetch_from_hub
from .published import named
from .sums import note, noted
from .weights import hashed, home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .published import Part, Published


def fetch(name: str, to: Path | None, tell: Callable[[str], None]) -> dict[str, Path]:
    """Get a model, or a part of one; what is there and whole is left as it is.

    Parameters
    ----------
    name
        As `published.named` knows it.
    to
        The folder below which a folder of the model's name is written. Default the Hugging Face cache for
        what lies on the hub, and our own folder for anything else.
    tell
        Takes a line about how far it is.

    Returns
    -------
    Where each file lies, by its path in its home.

    Raises
    ------
    FetchFailed
        If the network isn't there or the home doesn't answer, or what came isn't what was expected.
    WeightsMissing
        If it holds more than numbers, or another network's. Nothing of it is executed.
    """
    model, parts = named(name)
    folder = None if to is None else to / model.name
    if model.on_the_hub:
        made = fetch_from_hub(model, parts, folder, tell)
        if folder is not None:
            note(folder, {path: hashed(file) for path, file in made.items()})
        return made
    return {part.path: _from_url(model, part, folder or home() / model.name, tell) for part in parts}


def _from_url(model: Published, part: Part, folder: Path, tell: Callable[[str], None]) -> Path:
    """Get a file from its URL. Where nobody has said its sha256, the first one fetched is noted."""
    from huggingface_hub.constants import is_offline_mode

    path = folder / part.path
    expected = part.sha256 or noted(folder).get(part.path)
    if path.is_file() and (expected is None or hashed(path) == expected):
        return path
    if is_offline_mode():
        raise FetchFailed(
            f"{model.name} can't be fetched: HF_HUB_OFFLINE says to leave the network alone; unset it"
        )
    download(
        f"{model.home}/{part.path}",
        path,
        (part.size, expected),
        lambda file: insist_on_tensors(model.name, file),
        tell,
    )
    note(folder, {part.path: hashed(path)})
    return path
