"""Generators that paint from feature spaces by networks nobody trains here, and where each of them is."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import RecipeError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

#: Module and class by generator, as ``[images.X] generator`` names it.
KINDS: Mapping[str, str] = {
    "vdvae": "pipeline.diffusion.hierarchical:Vdvae",
    "versatile-diffusion": "pipeline.diffusion.versatile:VersatileDiffusion",
    "ip-adapter": "pipeline.diffusion.adapters:IpAdapter",
    "kandinsky": "pipeline.diffusion.kandinsky:Kandinsky",
}


class Conditioned(Protocol):
    """Paints from one or several feature spaces, each in a role.

    Implementations are frozen dataclasses, whose further fields are their own settings; all go into JSON.
    """

    @property
    def weights(self) -> str:
        """Where the networks come from: "published", "random", or a path."""
        ...

    @property
    def batch(self) -> int:
        """Pictures painted at once."""
        ...

    @property
    def size(self) -> int:
        """Side of the pictures that are painted."""
        ...

    @property
    def roles(self) -> Mapping[str, int]:
        """How many features each role takes, by its name."""
        ...

    def paint(
        self,
        conditions: Mapping[str, NDArray[np.float32]],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return (picture, y, x, channel) uint8, of side `size`.

        Parameters
        ----------
        conditions
            (picture, feature) float32 by role.
        seeds
            (picture,): the noise of a picture follows from its own alone.
        start
            (picture, y, x, channel) uint8 to start from, of any side.
        """
        ...

    def memory(self) -> tuple[int, int]:
        """Return the bytes of the networks, and of the layers of a batch."""
        ...

    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others: sha256 by file, or ``{"weights": "random"}``.

        Raises
        ------
        WeightsMissing
            If they are not on this machine, saying what gets them.
        """
        ...


def kind(generator: str) -> type[Conditioned]:
    """Return the class of a generator.

    Raises
    ------
    RecipeError
        If there is none of that name.
    """
    if generator not in KINDS:
        raise RecipeError(
            f"{generator!r} is no generator; known are {', '.join(KINDS)}{nearest(generator, KINDS)}"
        )
    module, _, name = KINDS[generator].partition(":")
    found: type[Conditioned] = getattr(import_module(module), name)
    return found


def conditioned(generator: str, **settings: Any) -> Conditioned:
    """Return a generator with the given settings; those that are left out are its own.

    Raises
    ------
    RecipeError
        If there is none of that name.
    """
    return kind(generator)(**settings)


def settings_of(generator: Conditioned) -> dict[str, Any]:
    """Return all settings of a generator but where its weights come from, as a fingerprint holds them."""
    found = asdict(cast("Any", generator))
    return {name: value for name, value in found.items() if name != "weights"}
