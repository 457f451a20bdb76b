"""Generators that walk through the latents of a published model, told of what a ridge predicts.

What differs between them, which networks and what they are told where nothing is, is left to each.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from cluster import Key, resident

from ..errors import RecipeError
from ..features.resize import resize
from ..models.batches import in_batches
from ..models.device import device
from ..models.noise import draw, generators
from ..models.parts import precision
from ..models.threads import one_thread
from .generators import as_levels, from_levels
from .guided import Described, beside, check, guided, halves
from .sample import Manner
from .sample import paint as walked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor
    from torch import dtype as Dtype  # noqa: N812

    from ..models.parts import Part
    from .guided import Telling

FACTOR = 8
"""How much larger a picture is than its latent, in all models here."""
CHANNELS = 4
"""Of a latent, in all of them."""


class Networks(Protocol):
    """What paints, once in a process: it must keep nothing, as threads share it."""

    unet: Any
    autoencoder: Any

    def telling(self, told: Mapping[str, Tensor], side: int) -> Telling:
        """Return the network under conditions (picture, feature) by role."""
        ...

    def encode(self, pictures: Tensor, sources: Sequence[Generator]) -> Tensor:
        """Return latents float32 of (picture, channel, y, x), -1 to 1."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Return (picture, channel, y, x) float32, about -1 to 1, of latents."""
        ...


@dataclass(frozen=True)
class Latent(ABC):
    """A generator in latents; its fields are documented where they get their defaults."""

    weights: str = "published"
    batch: int = 4
    size: int = 512
    steps: int = 50
    guidance: float = 1.0
    strength: float = 0.75
    dtype: str | None = None

    multiple: ClassVar[int] = FACTOR
    """Of what a side must be a multiple."""

    def __post_init__(self) -> None:
        """Refuse a side that the network can't paint."""
        if self.size < self.multiple or self.size % self.multiple:
            raise RecipeError(
                f"size = {self.size}: {self.called} paints pictures whose side is a multiple of "
                f"{self.multiple}"
            )

    @property
    @abstractmethod
    def roles(self) -> Mapping[str, int]:
        """How many features each role takes. "image" is needed, others may be left out."""

    @property
    @abstractmethod
    def noise(self) -> Mapping[str, Any]:
        """What is said of the noise that the model was trained with."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others: sha256 by file."""

    @abstractmethod
    def networks(self, numbers: Dtype) -> Networks:
        """Load what paints."""

    @abstractmethod
    def untold(self, numbers: Dtype) -> dict[str, Tensor]:
        """Return (1, feature) by role: what the networks are told where nothing is, for guidance."""

    @abstractmethod
    def layout(self) -> Networks:
        """Return what paints, without memory for its weights."""

    @property
    @abstractmethod
    def once(self) -> list[Part]:
        """Networks that are needed for `untold` alone, one after the other, before the others are loaded."""

    def exact(self, numbers: Dtype) -> Dtype:
        """Return the numbers that the autoencoder computes in, where the UNet computes in some."""
        return numbers

    def paint(
        self,
        conditions: Mapping[str, NDArray[np.float32]],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return (picture, y, x, 3) uint8; see `Conditioned`.

        Raises
        ------
        ShapeError
            If "image" is missing, or features have another shape.
        """
        check(conditions, self.roles, "image")
        given: dict[str, NDArray[Any]] = {**conditions, "seeds": seeds}
        if start is not None and self._manner.taken < self.steps:
            resized = resize(start, (self.size, self.size))
            given["start"] = resized.repeat(3, axis=3) if resized.shape[3] == 1 else resized
        untold, networks = self._resident()

        def painted(*arrays: NDArray[Any]) -> NDArray[np.uint8]:
            return as_levels(self.painted(networks, untold, dict(zip(given, arrays, strict=True))))

        return in_batches(painted, [*given.values()], self.batch)

    def painted(
        self, networks: Networks, untold: Mapping[str, Tensor], given: Mapping[str, NDArray[Any]]
    ) -> Tensor:
        """Return (picture, channel, y, x) float32, about -1 to 1, of one batch.

        Parameters
        ----------
        networks, untold
            As the methods return them.
        given
            Conditions by role, `seeds`, and pictures `start`, of side `size` and 3 channels.
        """
        import torch

        seeds, side = given["seeds"].tolist(), self.size // FACTOR
        shape = (CHANNELS, side, side)
        with one_thread(), torch.inference_mode():
            told, begun = {}, None
            for role, nothing in untold.items():
                blind = nothing.to(device())
                seen = torch.tensor(given[role]) if role in given else nothing.expand(len(seeds), -1)
                told[role] = beside(blind, seen.to(blind), self.guidance)
            if "start" in given:
                sources = generators(seeds)
                draw(sources, shape)  # the noise that is painted from; what follows is the encoder's
                begun = networks.encode(from_levels(given["start"]).to(device()), sources)
            network = guided(networks.telling(told, self.size), self.guidance)
            noise, where = Described(said=self.noise), device()
            return networks.decode(
                walked(network, noise, self._manner, None, seeds, shape, begun, device=where)
            )

    def memory(self) -> tuple[int, int]:
        """Return the bytes of the networks, and of the layers of a batch."""
        return _memory(self, json.dumps(self.identity()), device())

    @property
    def _manner(self) -> Manner:
        # guidance is the network's: both halves go through it in one batch
        return Manner("ddim", self.steps, strength=self.strength)

    def _resident(self) -> tuple[dict[str, Tensor], Networks]:
        """Return what is told where nothing is, then the networks: those needed once are let go before."""
        numbers, here = precision(self.dtype, device()), device()
        known = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()

        def key(what: str) -> Key:
            return Key(f"{self.called} ({what})", known, str(numbers).removeprefix("torch."), here)

        nothing = resident(key("told nothing"), lambda: self.untold(numbers), 4 * sum(self.roles.values()))
        return nothing, resident(key("networks"), lambda: self.networks(numbers), self.memory()[0])

    @property
    @abstractmethod
    def called(self) -> str:
        """What tells these networks from others of the same weights."""


@cache
def _memory(generator: Latent, _weights: str, here: str) -> tuple[int, int]:
    """Look at the networks on tensors without numbers: seconds for large ones, so once a process."""
    import torch

    from ..models.layout import most_held
    from ..models.networks import nbytes

    numbers = precision(generator.dtype, here)
    each, exact = numbers.itemsize, generator.exact(numbers).itemsize
    networks, side = generator.layout(), generator.size // FACTOR
    count = generator.batch * halves(generator.guidance)
    with torch.device("meta"), torch.inference_mode():
        latents, times = torch.empty(count, CHANNELS, side, side), torch.empty(count)
        told = {role: torch.empty(count, width) for role, width in generator.roles.items()}
        telling = networks.telling(told, generator.size)
        known = [*networks.unet.parameters(), *networks.autoencoder.parameters()]
        painting = most_held(lambda: telling(latents, times), known) * each // 4
        decoding = most_held(lambda: networks.decode(latents[:1]), known) * exact // 4
    models = nbytes(networks.unet) * each // 4 + nbytes(networks.autoencoder) * exact // 4
    needed = [part.nbytes() * each // 4 for part in generator.once]
    return max(models, *needed), max(painting, decoding)
