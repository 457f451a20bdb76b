"""Whether weights on this machine are whole, the right ones, and nothing but numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .expected import ADAPTER, misfit, renewed, shapes
from .published import Part, named
from .sums import noted
from .weights import BLOB, WeightsMissing, files, hashed, located, weight_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Looked:
    """A file, and what is wrong with it."""

    model: str
    path: Path
    wrong: str = ""
    """Nothing where it is as it should be."""
    compared: bool = False
    """Whether there was a checksum to compare with."""
    there: bool = True
    """False where there is nothing to look at; `path` is where it was looked for."""


def check(name: str, weights: str) -> Iterator[Looked]:
    """Look at each file of a model, or of a part of it: its checksum, and the tensors in it.

    Parameters
    ----------
    name
        As `published.named` knows it.
    weights
        Where to look, as `located` takes it.

    Raises
    ------
    WeightsMissing
        If it isn't there.
    """
    model, parts = named(name)
    for part in parts:
        yield from _part(model.name, part, located(model.called(part), weights))


def _part(model: str, part: Part, path: Path) -> Iterator[Looked]:
    for file in [path] if path.is_file() else files(path):
        try:
            compared = insist_on_checksum(file, _known(file, part, path))
        except WeightsMissing as error:
            yield Looked(model, file, str(error), compared=True)
        else:
            yield Looked(model, file, compared=compared)
    try:
        insist_on_tensors(model, path)
    except WeightsMissing as error:
        yield Looked(model, path, str(error))


def _known(file: Path, part: Part, path: Path) -> str | None:
    """Return the sha256 a file should have, if anybody has said."""
    if part.sha256 is not None and file.name == Path(part.path).name:
        return part.sha256
    blob = file.resolve()
    if blob.parent.name == "blobs":  # the Hugging Face cache: large files are called by their sha256
        return blob.name if BLOB.fullmatch(blob.name) else None
    above = path.absolute().parents
    model = above[min(part.path.count("/"), len(above) - 1)]
    return noted(model).get(file.absolute().relative_to(model).as_posix())


def insist_on_checksum(file: Path, expected: str | None) -> bool:
    """Refuse a file with another sha256 than expected; return whether any was expected.

    Raises
    ------
    WeightsMissing
        If it has another.
    """
    if expected is None:
        return False
    if (found := hashed(file)) != expected:
        raise WeightsMissing(f"{file} has sha256 {found}, expected {expected}; remove it and fetch it again")
    return True


def insist_on_tensors(model: str, path: Path) -> None:
    """Refuse weights with other tensors than the network takes; nothing in them is executed.

    Parameters
    ----------
    model
        A name of `published.CATALOGUE`.
    path
        A file, or a folder in diffusers' layout.

    Raises
    ------
    WeightsMissing
        If they are damaged, hold more than numbers, or are another network's.
    """
    weights = [path] if path.is_file() else weight_files(path)
    if not weights:
        return
    held = renewed({name: shape for file in weights for name, shape in _shapes(file).items()})
    if model == "ip-adapter":
        strange = sorted(name for name in held if not ADAPTER.fullmatch(name))
        wrong = f"{strange[0]} is of no such adapter" if strange or not held else None
    else:
        expected = shapes(model, path)
        wrong = misfit(held, expected) if expected is not None else None
    if wrong is not None:
        raise WeightsMissing(f"{path} holds other weights than those of {model}: {wrong}; fetch it again")


def _shapes(file: Path) -> Mapping[str, tuple[int, ...]]:
    from .checkpoint import read

    return {name: tuple(one.shape) for name, one in read(file).items()}
