"""A call to make, and what it returned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cluster.needs import Need

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Task:
    """A call to make.

    Parameters
    ----------
    key
        Its name in messages ("subj01/responses block 3").
    function, args
        The call; both must be picklable, and small. It may run more than once.
    need
        What it needs of its worker.
    """

    key: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    need: Need = field(default_factory=Need)


@dataclass(frozen=True, slots=True)
class Result:
    """What a task returned, the wall time of the try that did, the number of tries, and who did it."""

    key: str
    value: Any
    seconds: float
    tries: int
    worker: str
    """Short name of the worker, or of the thread."""
