"""What all commands share: the global options, accepted before and after the command, and an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .manner import manner
from .printing import put

if TYPE_CHECKING:
    from collections.abc import Callable


def _note(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that notes an option, unless it was left at its default here."""

    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        noted = manner(context)
        if field == "verbose":
            noted.verbose += value
        elif value:
            setattr(noted, field, field != "progress")

    return callback


def _tell_version(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        put(f"vox2pix {version()}")
        context.exit()


def version() -> str:
    """Return the version of vox2pix, where it is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("vox2pix")
    except PackageNotFoundError:
        return "(a source tree that is not installed)"


def global_options() -> list[click.Parameter]:
    """Return the options that every command takes."""

    def flag(*names: str, field: str, text: str, **how: Any) -> click.Option:
        how = {"is_flag": True, **how}
        return click.Option(names, expose_value=False, callback=_note(field), help=text, **how)

    return [
        flag("--json", field="json", text="Print one JSON object."),
        flag("-v", "--verbose", field="verbose", text="Tell more.", is_flag=False, count=True),
        flag("-q", "--quiet", field="quiet", text="Tell of failures only."),
        flag("--no-progress", field="progress", text="Show no progress."),
        flag("--debug", field="debug", text="Show the traceback of a failure."),
        click.Option(
            ("--version",),
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_tell_version,
            help="Print the version.",
        ),
    ]


class Command(click.Command):
    """A command with the global options and an example in its help.

    Parameters
    ----------
    example
        A command line that a user could type.
    """

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.params += global_options()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example under the options."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Example"):
            formatter.write_text(self.example)


def command(name: str, summary: str, *, example: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function; its docstring is the help, `summary` stands in the list of commands."""
    return click.command(name, cls=Command, short_help=summary, example=example)


class Program(click.Group):
    """The group of all commands: listed in the order they were added, with the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which one meets them."""
        del ctx
        return list(self.commands)
