"""Generator `versatile-diffusion`: pictures from vision tokens and text tokens, as Brain-Diffuser ends.

Ozcelik and VanRullen (2023): a picture to start from is encoded, most of the way is painted over, and at each
step two transformers guide: one by what was seen, one by what can be said of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster import Key, resident

from ..errors import RecipeError, ShapeError, nearest
from ..features.resize import resize
from ..models.batches import in_batches
from ..models.device import device
from ..models.threads import one_thread
from ..models.versatile import NAME, SIDES, Networks, Versatile
from .dual_guidance import TOKENS, decoded, encoded, guided, latent_shape, layers, models
from .generators import as_levels
from .process import LATENT
from .sample import Manner, paint

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

WIDTH = 768
"""Features of a published token."""


@dataclass(frozen=True)
class VersatileDiffusion:
    """Paints with Versatile Diffusion, guided by text, vision or both; defaults are Brain-Diffuser's.

    Parameters
    ----------
    weights
        "published", "random" or a path.
    batch
        Pictures painted at once; the UNet sees twice as many where guidance isn't 1.
    size
        Side of the pictures, a multiple of 64.
    steps
        Noise steps of DDIM, of the 1000 of training.
    guidance
        How far to go beyond what the tokens say, away from an empty text and a grey picture; 1 takes them as
        they are.
    mixing
        Weight of the text; the vision has the rest. At 1 no vision tokens are needed, at 0 no text tokens.
    strength
        How much of a picture to start from is painted over.
    faithful
        Whether the start gets the noise of the step before the first that is taken, as in Brain-Diffuser:
        with its 50 steps that of noise step 741, while painting begins at 721.
    dtype
        Of the networks, by torch's name; default float16 on an NVIDIA GPU, else float32. Latents are float32
        between the steps in any case: a step of the sampler costs nothing beside the UNet.

    Raises
    ------
    RecipeError
        If such pictures can't be painted.
    """

    weights: str = "published"
    batch: int = 1
    size: int = 512
    steps: int = 50
    guidance: float = 7.5
    mixing: float = 0.4
    strength: float = 0.75
    faithful: bool = False
    dtype: str | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be painted."""
        if self.size < SIDES or self.size % SIDES:
            raise RecipeError(
                f"size = {self.size}: {NAME} paints pictures whose side is a multiple of {SIDES}"
            )
        for name in ("mixing", "strength"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"{name} = {getattr(self, name)}; expected a number from 0 to 1")

    @property
    def roles(self) -> Mapping[str, int]:
        """How many features each role takes; one that `mixing` gives no weight may be left out."""
        return {role: count * self._width for role, count in TOKENS.items()}

    @property
    def _width(self) -> int:
        return Versatile.of(self.weights).width if self.weights == "random" else WIDTH

    @property
    def _dtype(self) -> str:
        return self.dtype or ("float16" if device() == "cuda" else "float32")

    def memory(self) -> tuple[int, int]:
        """Return the bytes of the networks, and of the layers of a batch; see `Conditioned`."""
        described, dtype = Versatile.of(self.weights), self._dtype
        held = layers(described, self.batch, self.size, self.guidance, dtype)
        return models(described, dtype), held

    def identity(self) -> dict[str, str]:
        """Return what tells the weights from others, of CLIP too; see `Conditioned`."""
        found = Versatile.of(self.weights).identity()
        if self.weights == "random":
            return found
        from ..models.guides import identity_of

        return {**found, **{f"clip/{name}": one for name, one in identity_of(self.weights).items()}}

    def paint(
        self,
        conditions: Mapping[str, NDArray[np.float32]],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return pictures; see `Conditioned`. A role that is given alone guides alone.

        Raises
        ------
        ShapeError
            If conditions have other features, or starts other channels.
        """
        self._check(conditions, start)
        told, manner = self._heard(conditions), self._manner
        given: list[NDArray[Any]] = [*told.values(), seeds]
        if start is not None and manner.taken < manner.steps:
            given.append(resize(start, (self.size, self.size)))
        blank, networks = self._blank(), self._networks()

        def painted(*batch: NDArray[Any]) -> NDArray[np.uint8]:
            tokens = {role: self._tokens(role, one) for role, one in zip(told, batch, strict=False)}
            network = guided(networks.unet, tokens, blank, self.guidance, self.mixing)
            return self._painted(networks, network, manner, *batch[len(told) :])

        with one_thread():
            return in_batches(painted, given, self.batch)

    def _heard(self, conditions: Mapping[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]]:
        """Return those conditions that have a weight; one alone has all of it."""
        weight = {"text": self.mixing, "vision": 1 - self.mixing}
        return {role: one for role, one in conditions.items() if weight[role] or len(conditions) == 1}

    @property
    def _manner(self) -> Manner:
        # guidance is the network's: both halves go through it in one batch
        return Manner("ddim", self.steps, strength=self.strength, overshoot=self.faithful)

    def _painted(
        self,
        networks: Networks,
        network: Any,
        manner: Manner,
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        import torch

        autoencoder, numbers = networks.autoencoder, seeds.tolist()
        shape = latent_shape(autoencoder, self.size)
        with torch.inference_mode():
            begun = None if start is None else encoded(autoencoder, start, numbers)
            made = paint(network, LATENT, manner, None, numbers, shape, begun, device=device())
            return as_levels(decoded(autoencoder, made))

    def _tokens(self, role: str, features: NDArray[np.float32]) -> Tensor:
        import torch

        tokens: Tensor = torch.tensor(features).unflatten(1, (TOKENS[role], self._width))
        return tokens

    def _check(self, conditions: Mapping[str, NDArray[np.float32]], start: NDArray[np.uint8] | None) -> None:
        if not conditions:
            raise ShapeError(f"{NAME} is told nothing; expected {' or '.join(TOKENS)}")
        for role, told in conditions.items():
            if role not in TOKENS:
                raise ShapeError(
                    f"{NAME} takes no {role!r}; it takes {', '.join(TOKENS)}{nearest(role, TOKENS)}"
                )
            if told.ndim != 2 or told.shape[1] != TOKENS[role] * self._width:
                raise ShapeError(
                    f"{role} has shape {told.shape}; expected (picture, {TOKENS[role]} * {self._width}): "
                    "CLIP's tokens, one after another"
                )
        if start is not None and start.shape[3:] != (3,):
            raise ShapeError(f"pictures to start from have shape {start.shape}; expected (picture, y, x, 3)")

    def _networks(self) -> Networks:
        described, where = Versatile.of(self.weights), device()

        def load() -> Networks:
            return described.load().to(where, self._dtype)

        return resident(self._key("networks", self._dtype, where), load, models(described, self._dtype))

    def _blank(self) -> Mapping[str, Tensor]:
        """Return what guidance goes away from, float32 on the CPU: computed once a worker."""
        from ..models.guides import of_nothing

        size = sum(TOKENS.values()) * self._width * 4
        return resident(self._key("unconditional"), lambda: of_nothing(self.weights), size)

    def _key(self, what: str, dtype: str = "float32", where: str = "cpu") -> Key:
        return Key(f"{NAME} {what} {self.weights}", json.dumps(self.identity()), dtype, where)
