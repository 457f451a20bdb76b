"""Read a recipe from its file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import RecipeError

from .document import Recipe
from .layers import read_override, with_override
from .origin import Origin

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence


def load_recipe(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a TOML file, put its preset underneath and the overrides on top, and check it.

    Parameters
    ----------
    path
        The file; relative paths in it are taken from its folder.
    overrides
        ``KEY=VALUE`` with dotted keys and TOML values; later ones win.

    Raises
    ------
    RecipeError
        If the file cannot be read, is no TOML, or says what this version cannot do: one line with the
        place, what was found, what is known and the nearest match.
    """
    file = Path(path)
    text = _read(file)
    tables = _parse(text, file)
    given: dict[tuple[str, ...], str] = {}
    for override in overrides:
        keys, value = read_override(override)
        tables = with_override(tables, keys, value)
        given[keys] = " ".join(override.split())[:80]  # one line, for messages
    return Recipe.from_origin(tables, Origin(file.absolute().parent, file, text, given))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(f"{file} does not exist; expected the TOML file of a recipe") from None
    except IsADirectoryError:
        raise RecipeError(f"{file} is a folder; expected the TOML file of a recipe") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise RecipeError(f"{file} cannot be read: {error.strerror}") from None


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOMLDecodeError alone: endless digits, brackets
        raise RecipeError(f"{file} is not valid TOML: {error}") from None
