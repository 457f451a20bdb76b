"""Whether a recipe's data come from a simulation: nobody may take a simulated brain for a person's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from storage.errors import StorageError
from storage.remote import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..recipe import Recipe

#: How the recipe beside simulated data begins.
HEADER = "# Simulated data."


def simulated(recipe: Recipe) -> bool:
    """Tell whether data are known to be simulated: by what stands beside them, or in the recipe's file."""
    return _header(recipe) or any(_signed(folder) for folder in _folders(recipe))


def _header(recipe: Recipe) -> bool:
    if recipe.path is None:
        return False
    with suppress(OSError), recipe.path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(len(HEADER)) == HEADER
    return False


def _folders(recipe: Recipe) -> Iterator[Location]:
    place = recipe.data.source.partition("{subject}")[0].rstrip("/")
    source = Location.of(place, recipe.data.storage_options.given())
    yield source
    yield source.parent


def _signed(folder: Location) -> bool:
    from storage.simulate.recipe import SIGN

    with suppress(StorageError):  # no such file, or no way to it: nothing is known
        return (folder / "README.txt").read(0, len(SIGN)) == SIGN.encode()
    return False
