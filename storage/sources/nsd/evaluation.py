"""What ROI expressions mean: masks of one subject's volumes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .rois import Joined, Labelled, Name, mistake, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .rois import Expression

    Mask = NDArray[np.bool_]

BRAIN = "brain"
_SHOWN = 20


class Regions(Protocol):
    """What an expression is evaluated on: the volumes of one subject."""

    def names(self) -> Sequence[str]:
        """Return the names of the atlases."""

    def brain(self) -> Mask:
        """Return the mask (x, y, z) of the brain."""

    def volume(self, atlas: str) -> NDArray[np.int32]:
        """Return the labels (x, y, z) of an atlas; regions have labels above 0."""

    def labels(self, atlas: str) -> Mapping[int, str]:
        """Return the names of an atlas' labels above 0; those without a name have their number for one."""


@dataclass(frozen=True)
class Evaluation:
    """Turns expressions into masks of one subject.

    Attributes
    ----------
    regions : Regions
        The subject's volumes.
    aliases : mapping
        Expression by alias.
    """

    regions: Regions
    aliases: Mapping[str, str]

    def mask(self, text: str, within: tuple[str, ...] = ()) -> Mask:
        """Return the mask (x, y, z) bool of an expression.

        Raises
        ------
        NotInSource
            If it is no expression, or names what the subject does not have, or an alias leads to itself.
        """
        return self._mask(parse(text), text, within)

    def _mask(self, part: Expression, text: str, within: tuple[str, ...]) -> Mask:
        if isinstance(part, Labelled):
            return self._labelled(part, text)
        if isinstance(part, Name):
            return self._named(part, text, within)
        left, right = (self._mask(side, text, within) for side in (part.left, part.right))
        if part.operator == "|":
            return left | right
        return left & (right if part.operator == "&" else ~right)

    def _named(self, name: Name, text: str, within: tuple[str, ...]) -> Mask:
        if name.name == BRAIN:
            return self.regions.brain()
        if name.name in within:
            raise mistake(text, name.at, f"alias {name.name!r} is defined by itself: {' > '.join(within)}")
        if name.name in self.aliases:
            return self.mask(self.aliases[name.name], (*within, name.name))
        return self.regions.volume(self._atlas(name, text, [BRAIN, *self.aliases])) > 0

    def _atlas(self, name: Name, text: str, more: Sequence[str] = ()) -> str:
        known = [*self.regions.names(), *more]
        if name.name not in known:
            raise mistake(text, name.at, _not_found("region", name.name, known))
        return name.name

    def _labelled(self, part: Labelled, text: str) -> Mask:
        atlas = self._atlas(part.atlas, text)
        volume, labels = self.regions.volume(atlas), self.regions.labels(atlas)
        wanted = part.label.name
        numbers = [number for number, name in labels.items() if name == wanted]
        if not numbers and wanted.isdecimal() and int(wanted) in labels:
            numbers = [int(wanted)]
        if not numbers:
            known = [name for _, name in sorted(labels.items())]
            raise mistake(text, part.label.at, _not_found(f"label of {atlas}", wanted, known))
        with_label = np.isin(volume, numbers)
        return (volume > 0) & ~with_label if part.other else with_label


def _not_found(what: str, found: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(found, known, n=1, cutoff=0.4)
    hint = f"did you mean {match[0]!r}? " if match else ""
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"no {what} is called {found!r}; {hint}known are {', '.join(known[:_SHOWN])}{more}"


def expand(text: str, aliases: Mapping[str, str], within: tuple[str, ...] = ()) -> str:
    """Return an expression in one spelling, aliases replaced: equal texts mean equal voxels.

    >>> expand("v1  |  brain", {"v1": "(prf-visualrois == V1v)"})
    'prf-visualrois == V1v | brain'
    """
    return str(_expanded(parse(text), text, aliases, within))


def _expanded(part: Expression, text: str, aliases: Mapping[str, str], within: tuple[str, ...]) -> Expression:
    if isinstance(part, Joined):
        sides = (_expanded(side, text, aliases, within) for side in (part.left, part.right))
        return Joined(part.operator, *sides)
    if not isinstance(part, Name) or part.name not in aliases or part.name == BRAIN:
        return part
    if part.name in within:
        raise mistake(text, part.at, f"alias {part.name!r} is defined by itself: {' > '.join(within)}")
    inner = aliases[part.name]
    return _expanded(parse(inner), inner, aliases, (*within, part.name))
