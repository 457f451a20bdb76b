"""Encoders: what networks that others have trained tell of pictures; `captions` has those that read.

Each knows how pictures are brought to its size, what shape its features have, and how much memory it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from ..models.batches import walked
from ..models.pretrained import Pretrained, clip_image, clip_vision, kandinsky_image, vdvae
from ..models.threads import one_thread
from .resize import coloured, resize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

Draw = Literal["posterior", "mean"]

LAYERS = 31
"""Latents of the very deep VAE that Brain-Diffuser (Ozcelik and VanRullen, 2023) predicts; 91,168 numbers."""
SHOWN = 224
"""Side of the pictures that CLIP sees."""
BETWEEN = 512
"""Side that Brain-Diffuser brings pictures to before CLIP's own resizing."""


class Encoder(Protocol):
    """Tells the features of pictures, some at a time."""

    @property
    def pretrained(self) -> Pretrained:
        """The network."""
        ...

    @property
    def unflattened(self) -> tuple[int, ...]:
        """Shape of the features of a picture."""
        ...

    def blank(self, count: int) -> list[NDArray[Any]]:
        """Return what `tell` takes of so many pictures, to reckon with."""
        ...

    def tell(self, network: Any, *given: NDArray[Any]) -> Tensor:
        """Return (picture, ...) features, on the network's device."""
        ...


class PictureEncoder(Encoder, Protocol):
    """An encoder that sees the pictures."""

    def shown(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (picture, y, x, 3) uint8 of the network's size."""
        ...


@dataclass(frozen=True)
class Latents:
    """The first latents of the very deep VAE.

    Parameters
    ----------
    weights
        "published", "random" or a path.
    layers
        How many latents, coarse to fine.
    draw
        Whether they are drawn from their posterior, each picture's by its own seed, or are its mean.
    """

    weights: str = "published"
    layers: int = LAYERS
    draw: Draw = "posterior"

    @property
    def pretrained(self) -> Pretrained:
        """The network."""
        return vdvae(self.weights)

    @property
    def unflattened(self) -> tuple[int, ...]:
        """(number,): latent by latent, each (channel, y, x) in C order."""
        from ..models.hierarchy import IMAGENET64

        return (IMAGENET64.columns(self.layers),)

    def shown(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pictures of 64 pixels a side, by Pillow's bilinear filter, as Brain-Diffuser does."""
        from ..models.hierarchy import IMAGENET64

        return resize(coloured(pictures), (IMAGENET64.size, IMAGENET64.size), "bilinear")

    def blank(self, count: int) -> list[NDArray[Any]]:
        """Return black pictures, and seeds."""
        return [self.shown(np.zeros((count, 1, 1, 3), np.uint8)), np.zeros(count, np.int64)]

    def tell(self, network: Any, *given: NDArray[Any]) -> Tensor:
        """Return (picture, number) of pictures as `shown` returns them, and their seeds."""
        import torch

        from ..models.noise import generators

        pictures, seeds = given
        sources = generators(seeds.tolist()) if self.draw == "posterior" else None
        made: Tensor = network.encode(torch.from_numpy(pictures), self.layers, sources)
        return made


@dataclass(frozen=True)
class _Clip:
    weights: str = "published"
    faithful: bool = False
    """Whether pictures are brought to 512 pixels first, as Brain-Diffuser does."""

    def shown(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return pictures of 224 pixels a side, by Pillow's bicubic filter."""
        pictures = coloured(pictures)
        if self.faithful:
            pictures = resize(pictures, (BETWEEN, BETWEEN), "bilinear")
        return resize(pictures, (SHOWN, SHOWN))

    def blank(self, count: int) -> list[NDArray[Any]]:
        """Return black pictures."""
        return [np.zeros((count, SHOWN, SHOWN, 3), np.uint8)]

    def tell(self, network: Any, *given: NDArray[Any]) -> Tensor:
        """Return (picture, ...) of pictures as `shown` returns them."""
        import torch

        made: Tensor = network(torch.from_numpy(given[0]))
        return made


class Patches(_Clip):
    """All tokens of a picture that CLIP ViT-L/14 sees, by the length of the one that stands for the whole."""

    @property
    def pretrained(self) -> Pretrained:
        """The network."""
        return clip_vision(self.weights)

    @property
    def unflattened(self) -> tuple[int, ...]:
        """(token, feature)."""
        return shape_of(self)


@dataclass(frozen=True)
class Embedding(_Clip):
    """The embedding of a picture by one of LAION's CLIPs, projected, not normalised."""

    encoder: str = "vit-h-14"
    """Whose; "vit-bigg-14" is Kandinsky's."""

    @property
    def pretrained(self) -> Pretrained:
        """The network."""
        return clip_image(self.weights) if self.encoder == "vit-h-14" else kandinsky_image(self.weights)

    @property
    def unflattened(self) -> tuple[int, ...]:
        """(feature,)."""
        return shape_of(self)


def encoder_of(model: str, weights: str, settings: Mapping[str, Any]) -> PictureEncoder:
    """Return the encoder of pictures that `[features.X] model` names."""
    kinds: dict[str, Any] = {"vdvae": Latents, "clip-vision": Patches, "clip-image": Embedding}
    made: PictureEncoder = kinds[model](weights, **settings)
    return made


def encoded(
    encoder: Encoder, read: Callable[[int, int], Sequence[NDArray[Any]]], count: int, batch: int
) -> NDArray[np.float32]:
    """Return (picture, feature) float32 of pictures, read ahead while others are encoded.

    Parameters
    ----------
    encoder
        Its network is loaded once a worker.
    read
        Returns what `tell` takes of the pictures from one to another.
    count
        Pictures there are.
    batch
        Pictures at once; the last ones are filled up to as many.

    Raises
    ------
    OutOfMemory
        If half a batch is still too much.
    """
    network = encoder.pretrained.on_worker()

    def tell(*given: NDArray[Any]) -> NDArray[np.float32]:
        import torch

        with one_thread(), torch.inference_mode():
            made: NDArray[np.float32] = encoder.tell(network, *given).flatten(1).float().cpu().numpy()
        return made

    return walked(tell, read, count, batch)


def warmed(encoder: Encoder, batch: int) -> None:
    """Have the network loaded, and torch choose its routines for a batch, before anything is measured."""
    encoded(encoder, lambda _start, _stop: encoder.blank(batch), batch, batch)


@cache
def shape_of(encoder: Encoder) -> tuple[int, ...]:
    """Return the shape of a picture's features, from a look at a network without numbers."""
    import torch

    with torch.no_grad():
        return tuple(encoder.tell(encoder.pretrained.skeleton(), *encoder.blank(1)).shape[1:])


@cache
def memory(encoder: Encoder, batch: int) -> tuple[int, int]:
    """Return the bytes of the network, and of its layers for a batch."""
    import torch

    from ..models.layout import most_held

    network = encoder.pretrained.skeleton()
    with torch.no_grad():
        layers = most_held(lambda: encoder.tell(network, *encoder.blank(batch)), network.parameters())
    return encoder.pretrained.nbytes, layers
