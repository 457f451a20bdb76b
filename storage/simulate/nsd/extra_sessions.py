"""Which sessions a release has beside the core ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from . import imagery, synthetic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .design import Experiment
    from .extras import Extra
    from .shelf import Shelf


@dataclass(frozen=True)
class Beside:
    """The sessions that are asked for.

    Attributes
    ----------
    experiment : Experiment
        The core one.
    extras : frozenset of str
        Of `extras.EXTRAS`.
    size : int
        Height and width of the core pictures.
    seed : int
        Where all chance comes from.
    simple : bool
        Whether core pictures are simple scenes.
    """

    experiment: Experiment
    extras: frozenset[str]
    size: int
    seed: int
    simple: bool

    @cached_property
    def targets(self) -> imagery.Targets:
        """What is to be imagined."""
        return imagery.draw_targets(self.experiment, self.seed, self.size, simple=self.simple)

    def write_common(self, shelf: Shelf) -> None:
        """Write what is the same for all subjects."""
        if "imagery" in self.extras:
            imagery.write_common(shelf, self.targets)
        if "synthetic" in self.extras:
            synthetic.write_common(shelf, self.seed, self.size)

    def sessions(self, shelf: Shelf, number: int) -> Iterator[Extra]:
        """Write a subject's own files, and yield its sessions; the first subject is 0."""
        if "imagery" in self.extras:
            yield imagery.imagery(shelf, number, self.targets, self.seed)
        if "synthetic" in self.extras:
            yield synthetic.synthetic(shelf, number, self.seed, self.size)
