"""What can go wrong with what is done: one class a kind, each with the exit code of the command line.

Every message is one line: what was found, what was expected, what to do.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class PipelineError(Exception):
    """Something about the work itself went wrong."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "pipeline"


class RecipeError(PipelineError, ValueError):
    """A recipe, a preset or an override says what cannot be done."""

    exit_code = 2
    kind = "recipe"


class ShapeError(PipelineError, ValueError):
    """Arrays do not fit each other, or not what a setting asks of them."""

    exit_code = 3
    kind = "shape"


class StageFailed(PipelineError):
    """A block could not be computed, after all retries."""

    exit_code = 1
    kind = "stage-failed"


def nearest(found: object, known: Iterable[str]) -> str:
    """Return the end of a message that names the known word most like `found`; empty where none is.

    >>> nearest("standardise", ["standardize", "average_repeats"])
    "; did you mean 'standardize'?"
    """
    matches = difflib.get_close_matches(str(found), list(known), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
