"""Write the report: one HTML file that needs nothing but itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from storage.errors import NotWritten
from storage.remote import Location

from ..errors import RecipeError
from .page import page, sentence
from .results import open_results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jinja2 import Template

    from ..recipe import Recipe
    from .page import Page


def write_report(recipes: Sequence[Recipe], target: Path, subjects: Sequence[str] | None = None) -> Path:
    """Write a page about what recipes made; several recipes stand side by side.

    Whatever is complete is shown, whatever is not is named. The same archive gives the same page.

    Parameters
    ----------
    recipes
        What was run.
    target
        The file to write.
    subjects
        Some of the recipes' subjects; default all.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RecipeError
        If there is no recipe.
    Missing
        If a recipe has no archive yet.
    NotWritten
        If the file cannot be written.
    """
    if not recipes:
        raise RecipeError("a report needs a recipe, found none; name one or several")
    text = render(page([open_results(recipe, subjects) for recipe in recipes]))
    try:
        Location.of(target).write(text.encode())
    except OSError as error:
        raise NotWritten(f"{target} could not be written: {error.strerror}; name another file") from None
    return target


def render(content: Page) -> str:
    """Return the page as HTML; whatever recipes and data sets call themselves is text in it, never markup."""
    return filled(__package__, "report.html", page=content)


def filled(package: str, name: str, **content: Any) -> str:
    """Return a template of a package, filled, in the look that all pages have.

    Parameters
    ----------
    package, name
        Where the template lies: it is given `look`, for its styles.
    content
        What it shows; whatever is text stays text.
    """
    return _template(package, name).render(look=_look(), **content).strip() + "\n"


@cache
def _template(package: str, name: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["sentence"] = sentence
    return environment.from_string((files(package) / name).read_text("utf-8"))


@cache
def _look() -> str:
    return (files(__package__) / "look.css").read_text("utf-8")
