"""Errors of the pipeline: their exit codes, and their way home from a worker."""

from __future__ import annotations

import pickle

import pytest

from pipeline.errors import PipelineError, RecipeError, ShapeError, StageFailed, nearest


@pytest.mark.parametrize(
    ("error", "code", "builtin"),
    [
        (PipelineError, 1, Exception),
        (RecipeError, 2, ValueError),
        (ShapeError, 3, ValueError),
        (StageFailed, 1, Exception),
    ],
)
def test_errors_carry_their_exit_code_and_survive_pickling(
    error: type[PipelineError], code: int, builtin: type[Exception]
) -> None:
    copy = pickle.loads(pickle.dumps(error("what was found")))
    assert type(copy) is error
    assert (str(copy), copy.exit_code) == ("what was found", code)
    assert isinstance(copy, PipelineError)
    assert isinstance(copy, builtin)


def test_every_kind_has_its_own_word() -> None:
    kinds = [error.kind for error in (PipelineError, RecipeError, ShapeError, StageFailed)]
    assert len(set(kinds)) == len(kinds)


def test_nearest_is_silent_where_nothing_is_near() -> None:
    assert nearest("versatile-diffusion", ["pixels", "pca"]) == ""
