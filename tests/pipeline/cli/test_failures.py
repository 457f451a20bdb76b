"""Whatever happens ends in one line and its exit code; a traceback only where it is asked for."""

from __future__ import annotations

import click
import pytest

from cluster import TaskFailed
from pipeline.cli import failures
from pipeline.cli.program import vox2pix as program
from pipeline.errors import ShapeError
from storage.errors import Damaged, NotWritten


@pytest.fixture
def failing(monkeypatch):
    """Return a function that lets `presets` fail with an error."""

    def fail_with(error: BaseException) -> None:
        def fail(**_: object) -> None:
            raise error

        monkeypatch.setattr(program.commands["presets"], "callback", fail)

    return fail_with


def test_an_unexpected_error_is_one_line_with_a_hint(vox2pix, failing):
    failing(ZeroDivisionError("division\nby zero"))
    said = vox2pix("presets")
    assert (said.code, said.out) == (1, "")
    assert said.err == "vox2pix: unexpected ZeroDivisionError: division by zero (--debug shows where)\n"


@pytest.mark.parametrize("line", [["--debug", "presets"], ["presets", "--debug"]])
def test_debug_shows_the_traceback(vox2pix, failing, line):
    failing(ShapeError("no"))
    said = vox2pix(*line)
    assert said.code == 3
    assert said.err.startswith("Traceback")
    assert said.err.endswith("vox2pix: no\n")


@pytest.mark.parametrize(
    ("error", "code", "status", "kind", "end"),
    [
        (KeyboardInterrupt(), 130, "interrupted", "interrupted", "start again with: vox2pix presets --json"),
        (failures.Terminated(), 143, "interrupted", "terminated", "start again with: vox2pix presets --json"),
        (ShapeError("no"), 3, "failed", "shape", "no"),
        (OSError("odd"), 1, "failed", "unexpected", "(--debug shows where)"),
    ],
)
def test_the_failure_object(vox2pix, failing, error, code, status, kind, end):
    failing(error)
    said = vox2pix("presets", "--json")
    assert said.code == said.json["exit"] == code
    assert (said.json["status"], said.json["error"]["kind"]) == (status, kind)
    assert said.json["error"]["message"].endswith(end)


def test_the_line_to_go_on_with_is_quoted_for_the_shell():
    line = failures.told(KeyboardInterrupt(), ["run", "my recipe.toml", "--set", "a=[1, 2]"])
    assert (
        line
        == "interrupted; finished blocks are kept, go on with: vox2pix run 'my recipe.toml' --set 'a=[1, 2]'"
    )


def task_failed() -> TaskFailed:
    error = TaskFailed("task 's1/responses block 3 to 5': it failed 3 times")
    error.task, error.log = "s1/responses block 3 to 5", "worker-0.log"
    return error


@pytest.mark.parametrize(
    ("error", "product", "block"),
    [
        (task_failed(), "s1/responses", 3),
        (
            NotWritten("s1/images/final@0123abcd, block 12 could not be written: disk full"),
            "s1/images/final",
            12,
        ),
        (Damaged("all/features/a-b@0123abcd, block 00003: data/x missing"), "all/features/a-b", 3),
        (Damaged("something else"), None, None),
    ],
)
def test_the_failure_object_names_product_and_block(error, product, block):
    said = failures.failure(error, str(error), 1)["error"]
    assert (said["product"], said["block"]) == (product, block)
    assert said["log"] == getattr(error, "log", None)


def test_abort_of_a_prompt_is_an_interruption():
    assert failures.exit_code(click.Abort()) == 130
