"""The program: all commands, and what becomes of whatever they end with."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from .bench import bench
from .cluster import cluster
from .command import Program
from .decode import decode
from .demo import demo
from .doctor import doctor
from .failures import Terminated, report_failure
from .keep import export, gc, verify
from .look import ls, plan, show, status
from .make import presets, simulate
from .printing import ReaderGone
from .run import report, run
from .weights import weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def vox2pix() -> None:
    """From brain recordings to pictures: fMRI in, reconstructed images and a report out."""


for _command in (
    demo,
    simulate,
    presets,
    doctor,
    plan,
    run,
    status,
    report,
    decode,
    ls,
    show,
    export,
    verify,
    gc,
    bench,
    cluster,
    weights,
):
    vox2pix.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments
        What stands after the program's name; default what this process was started with.
    """
    sys.exit(answer(list(sys.argv[1:] if arguments is None else arguments)))


def answer(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; whatever goes wrong is told in one line."""
    logging.getLogger("storage").addHandler(logging.NullHandler())  # what it warns of comes as a note
    try:
        with _terminable(), vox2pix.make_context("vox2pix", list(arguments)) as context:
            return vox2pix.invoke(context) or 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except ReaderGone:
        return 0
    except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001  (told, with its own exit code)
        return report_failure(error, arguments)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that what was started is closed."""
    if threading.current_thread() is not threading.main_thread():  # nobody else may set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # while things are closed; SIGKILL is there for the hasty
    raise Terminated
