"""Workarounds: which ridges a recipe replaced by what was published for want of memory, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..training.perceptron import UNITS
from .numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .results import Results


def workarounds(results: Results, subject: str, space: str) -> Iterator[str]:
    """Yield what was done instead of a ridge on all voxels, as far as its products are complete."""
    if results.recipe.ridge.spaces[space].estimator == "mlp":
        yield f"network with {UNITS} hidden units in mini-batches (a published workaround)"
    if results.recipe.data.drop is not None and results.find(f"subset/{space}", subject).seal is not None:
        told = results.open(f"subset/{space}", subject).kept.attrs
        dropped = count(told["of"] - told["count"])
        yield f"{dropped} of {count(told['of'])} voxels dropped at random (a published workaround)"


def all_workarounds(results: Results) -> list[str]:
    """Return them for every subject and space, each once."""
    pairs = [(subject, space) for subject in results.subjects for space in results.names("predictions")]
    return list(dict.fromkeys(text for pair in pairs for text in workarounds(results, *pair)))
