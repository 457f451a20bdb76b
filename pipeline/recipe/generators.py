"""What generators whose networks nobody trains here paint from, and which keys of [images.X] they know.

Their defaults, each with its source, are those of their classes in `pipeline.diffusion`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Takes:
    """What one generator can be told."""

    roles: Mapping[str, str]
    """The model of [features.X] that fits each role, which also names the space taken where none is named."""
    keys: frozenset[str]
    """Keys beside those that all generators know."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Roles that may stand beside all of those."""

    @property
    def all(self) -> Mapping[str, str]:
        """The model that fits each role there is."""
        return {**self.roles, **self.further}


_DIFFUSION = frozenset({"start", "strength", "steps", "guidance", "dtype"})
#: By the name that ``generator`` gives.
CONDITIONED: dict[str, Takes] = {
    "vdvae": Takes({"latents": "vdvae"}, frozenset({"temperature"})),
    "versatile-diffusion": Takes({"vision": "clip-vision", "text": "clip-text"}, _DIFFUSION | {"mixing"}),
    "ip-adapter": Takes({"image": "clip-image"}, _DIFFUSION | {"scale", "base"}, {"text": "prompt"}),
    "kandinsky": Takes({"image": "clip-image"}, _DIFFUSION),
}
#: Keys that only these generators know.
ONLY_HERE = {"mixing", "temperature", "scale", "base", "faithful", "dtype"}


def unfit_roles(generator: str, given: Mapping[str, str]) -> str:
    """Return what is wrong with the roles that spaces are given, nothing where they fit."""
    known = CONDITIONED[generator].all
    strange = [role for role in given if role not in known]
    if strange:
        return (
            f"features names the role {strange[0]!r}, which generator {generator!r} does not know; "
            f"it paints from {', '.join(known)}{nearest(strange[0], known)}"
        )
    return "" if given else f"features is empty; generator {generator!r} paints from {', '.join(known)}"
