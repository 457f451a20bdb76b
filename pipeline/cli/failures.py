"""How failures are told: one line, an exit code, with --json an object; a traceback only with --debug."""

from __future__ import annotations

import errno
import re
import shlex
import traceback
from typing import TYPE_CHECKING, Any

import click

from .printing import ReaderGone, put_json, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
TERMINATED = 143
USAGE = 2
UNEXPECTED = 1

#: How tasks and messages name a block: ``s1/responses block 3``, ``s1/betas@0123abcd, block 3``.
_BLOCK = re.compile(r"(?P<product>[\w-]+/[\w/-]+)(@[0-9a-f]+)?,? block (?P<block>\d+)")


class Terminated(BaseException):
    """SIGTERM has come."""


def report_failure(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell what went wrong and return the exit code.

    Parameters
    ----------
    error
        What came out of the command.
    arguments
        What the user typed; `--json` and `--debug` are looked for here, since a command line that
        cannot be understood has no other place for them.
    """
    if "--debug" in arguments:
        tell("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        tell(error.format_message())
        return USAGE
    code = exit_code(error)
    message = told(error, arguments)
    tell(f"vox2pix: {message}")
    if "--json" in arguments:
        try:
            put_json(failure(error, message, code))
        except ReaderGone:
            return code
    return code


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error; the table stands in the documentation of the command line."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    if isinstance(error, Terminated):
        return TERMINATED
    if _name_too_long(error):
        return USAGE
    return int(getattr(error, "exit_code", UNEXPECTED))


def _name_too_long(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG


def told(error: BaseException, arguments: Sequence[str]) -> str:
    """Return one line about an error."""
    if exit_code(error) in (INTERRUPTED, TERMINATED):
        what = "terminated" if isinstance(error, Terminated) else "interrupted"
        again = shlex.join(["vox2pix", *arguments])
        keeps = {"run", "demo"} & set(arguments)
        return f"{what}; {'finished blocks are kept, go on' if keeps else 'start again'} with: {again}"
    if isinstance(error, click.UsageError):
        place = error.ctx.command_path if error.ctx else "vox2pix"
        text = error.format_message()
        text = text if text.endswith("?") else f"{text.rstrip('.')};"
        return _one_line(f"{text} `{place} --help` tells what is known")
    if isinstance(error, click.ClickException):
        return _one_line(error.format_message())
    if hasattr(error, "exit_code"):
        return _one_line(_named(str(error), getattr(error, "task", None) or ""))
    if _name_too_long(error) and isinstance(error, OSError):
        return f"{str(error.filename)[:60]!r}... is too long for the name of a file; give a shorter one"
    hint = "" if "--debug" in arguments else " (--debug shows where)"
    return _one_line(f"unexpected {type(error).__name__}: {error}{hint}")


def _named(text: str, task: str) -> str:
    """Return what a task said, with the product that it made; a stage knows not whose it is."""
    found = _BLOCK.search(task)
    if not found or found["product"] in text:
        return text
    owner, _, name = found["product"].partition("/")
    return f"{owner}/{text}" if text.startswith(f"{name}: ") else f"{found['product']}: {text}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def failure(error: BaseException, message: str, code: int) -> dict[str, Any]:
    """Return the failure object of `--json`."""
    stopped = code in (INTERRUPTED, TERMINATED)
    kind = "terminated" if code == TERMINATED else "interrupted" if stopped else _kind(error)
    found = _BLOCK.search(getattr(error, "task", None) or ("" if stopped else message))
    return {
        "status": "interrupted" if stopped else "failed",
        "error": {
            "kind": kind,
            "message": message,
            "product": found["product"] if found else None,
            "block": int(found["block"]) if found else None,
            "log": getattr(error, "log", None),
        },
        "exit": code,
    }


def _kind(error: BaseException) -> str:
    if isinstance(error, click.ClickException) or _name_too_long(error):
        return "usage"
    return str(getattr(error, "kind", "unexpected"))
