"""Pictures through a frozen autoencoder and back: the best that a decoder of its latents could paint."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from cluster import Key, resident

from ..models.autoencoder import Autoencoder, decode, encode
from ..models.batches import in_batches
from ..models.device import device
from ..models.networks import nbytes
from ..models.threads import one_thread
from .generators import as_levels, from_levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def autoencoded(pictures: NDArray[np.uint8], weights: str, batch: int) -> NDArray[np.uint8]:
    """Return what an autoencoder makes of the latents that it makes of pictures.

    Parameters
    ----------
    pictures
        (picture, y, x, channel) uint8, of a side it takes; grey ones are shown it as colours and made grey.
    weights
        "published", "random" or a folder.
    batch
        Pictures at once.
    """
    frozen = Autoencoder.of(weights)
    key = Key(weights, json.dumps(frozen.identity()), device=device())
    network = resident(key, lambda: frozen.load().to(device()), nbytes(frozen.skeleton()))

    def through(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import torch

        with one_thread(), torch.inference_mode():
            latents = encode(network, from_levels(part).to(device()), frozen.shape[0])
            return as_levels(decode(network, latents, part.shape[3]))

    return in_batches(through, [pictures], batch)


@cache
def memory(weights: str, count: int, channels: int, side: int) -> tuple[int, int]:
    """Return the bytes of the autoencoder, and of the layers of a batch of so many pictures."""
    import torch

    from ..models.layout import most_held

    frozen = Autoencoder.of(weights)
    network: Any = frozen.skeleton()
    with torch.no_grad(), torch.device("meta"):
        seen = torch.empty(count, channels, side, side)
        layers = most_held(
            lambda: decode(network, encode(network, seen, frozen.shape[0]), channels), [*network.parameters()]
        )
    return nbytes(network), layers
