"""The options that several commands share, each said once and turned into one object."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.recipe import Recipe
    from storage.archive import Archive

    Function = Callable[..., Any]


@dataclass(frozen=True)
class Asked:
    """A recipe as it was named on the command line."""

    path: str
    overrides: tuple[str, ...] = ()
    archive: str | None = None
    subjects: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """Return the recipe with the overrides on top."""
        from pipeline.recipe import load_recipe

        place = [] if self.archive is None else [f"data.archive={_toml(_from_here(self.archive))}"]
        return load_recipe(self.path, [*self.overrides, *place])

    def words(self) -> str:
        """Return what was typed after the command, for lines the user can paste."""
        words = [self.path]
        for flag, values in (("--set", self.overrides), ("--subject", self.subjects)):
            words += [word for value in values for word in (flag, value)]
        return shlex.join(words if self.archive is None else [*words, "--archive", self.archive])


def _from_here(place: str) -> str:
    """Return a place whose relative path is taken from the working folder, not from the recipe."""
    from pathlib import Path

    return place if "://" in place else str(Path.cwd() / Path(place).expanduser())


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class Here(click.Path):
    """A path of this machine: a URL is refused, rather than taken for the name of a folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if "://" in str(value):
            self.fail(f"{value} is a URL, but files are written to this machine: name a path", param, ctx)
        return super().convert(value, param, ctx)


_SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Put a value on top of the recipe's."
)
_ARCHIVE = click.option("--archive", metavar="URL", help="Keep products here instead.")
_SUBJECT = click.option("--subject", "subjects", multiple=True, metavar="S", help="Only this subject.")


def _with(function: Function, *options: Callable[[Function], Function]) -> Function:
    for option in reversed(options):
        function = option(function)
    return function


def recipe_options(function: Function) -> Function:
    """Give a command a recipe and what may change it; the function takes `asked`."""

    @wraps(function)
    def gathered(
        path: str, overrides: tuple[str, ...], archive: str | None, subjects: tuple[str, ...], **rest: Any
    ) -> Any:
        """Call the command with what was asked for as one object."""
        return function(asked=Asked(path, overrides, archive, subjects), **rest)

    return _with(gathered, click.argument("path", metavar="RECIPE"), _SET, _ARCHIVE, _SUBJECT)


def recipes_options(function: Function) -> Function:
    """Give a command one or more recipes and what may change them; the function takes `asked`, a tuple."""

    @wraps(function)
    def gathered(
        paths: tuple[str, ...],
        overrides: tuple[str, ...],
        archive: str | None,
        subjects: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        """Call the command with what was asked for, an object a recipe."""
        return function(asked=tuple(Asked(path, overrides, archive, subjects) for path in paths), **rest)

    several = click.argument("paths", metavar="RECIPE...", nargs=-1, required=True)
    return _with(gathered, several, _SET, _ARCHIVE, _SUBJECT)


@dataclass(frozen=True)
class Place:
    """A place as it was named on the command line, with the way to its object store."""

    url: str
    endpoint_url: str | None = None
    profile: str | None = None
    anon: bool = False

    def options(self) -> dict[str, str | bool]:
        """Return the storage options that were given."""
        given = {"endpoint_url": self.endpoint_url, "profile": self.profile, "anon": self.anon}
        return {key: value for key, value in given.items() if value}

    def archive(self) -> Archive:
        """Return the archive that lies here."""
        from storage.archive import Archive

        return Archive(self.url, self.options())


def place_options(metavar: str) -> Callable[[Function], Function]:
    """Give a command a place; the function takes `place`."""

    def decorate(function: Function) -> Function:
        """Add the place and its options to a command."""

        @wraps(function)
        def gathered(url: str, endpoint_url: str | None, profile: str | None, anon: bool, **rest: Any) -> Any:
            """Call the command with the place as one object."""
            return function(place=Place(url, endpoint_url, profile, anon), **rest)

        return _with(
            gathered,
            click.argument("url", metavar=metavar),
            click.option("--endpoint-url", metavar="URL", help="S3: the server, where it is not AWS."),
            click.option("--profile", metavar="NAME", help="S3: the AWS profile whose credentials to use."),
            click.option("--anon", is_flag=True, help="S3: ask without credentials."),
        )

    return decorate


archive_options = place_options("ARCHIVE")

product_argument = click.argument("product", metavar="PRODUCT")
