"""Generators: what makes pictures of conditions, each loaded once a worker."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cluster import Key, resident

from ..models.autoencoder import Autoencoder, decode
from ..models.batches import in_batches
from ..models.device import device
from ..models.networks import fill, from_bytes, nbytes, skeleton
from ..models.threads import one_thread
from .process import PROCESSES
from .sample import Manner, paint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from storage.attached import Attached


class Generator(Protocol):
    """Makes pictures of conditions, and of the noise that belongs to each."""

    def paint(
        self,
        conditions: NDArray[np.float32],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return (picture, y, x, channel) uint8.

        Parameters
        ----------
        conditions
            (picture, feature) float32.
        seeds
            (picture,).
        start
            (picture, y, x, channel) uint8 to start from, as large as those that are painted.
        """
        ...


@dataclass(frozen=True)
class Trained:
    """A generator that was trained here.

    Parameters
    ----------
    files
        Where its product left config.json and model.safetensors.
    revision
        What tells these weights from others at the same place.
    batch
        Pictures painted at once.
    manner
        How a diffusion model paints.
    weights
        Of a frozen autoencoder, where there is one.
    channels
        Of the pictures that are painted.
    """

    files: Attached
    revision: str
    batch: int
    manner: Manner = field(default_factory=Manner)
    weights: str = "published"
    channels: int = 3

    def paint(
        self,
        conditions: NDArray[np.float32],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return pictures; see `Generator`."""
        said = json.loads(self.files.read("config.json"))
        network = self._network(said)
        painter = self._diffusing if said["model"] in PROCESSES else self._decoding
        given: list[NDArray[Any]] = [conditions, seeds]
        if start is not None:
            given.append(start)
        return in_batches(lambda *batch: painter(network, said, *batch), given, self.batch)

    def _network(self, said: dict[str, Any]) -> nn.Module:
        name = "model.safetensors"
        place = str(self.files / name)

        def load() -> nn.Module:
            made = skeleton(said["model"], said["network"])
            fill(made, from_bytes(self.files.read(name)), place)
            return made.to(device()).eval()

        size = _size(said["model"], json.dumps(said["network"]))
        return resident(Key(place, self.revision, device=device()), load, size)

    def _diffusing(
        self,
        network: Any,
        said: dict[str, Any],
        told: NDArray[np.float32],
        seeds: NDArray[np.int64],
        start: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        import torch

        sizes = said["network"]
        shape = (sizes["channels"], sizes["size"], sizes["size"])
        condition = torch.from_numpy(told).to(device())
        process = PROCESSES[said["model"]]
        begun = None if start is None else from_levels(start).to(device())
        with one_thread():
            return as_levels(paint(network, process, self.manner, condition, seeds.tolist(), shape, begun))

    def _decoding(
        self, network: Any, said: dict[str, Any], told: NDArray[np.float32], _seeds: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        import torch

        del said
        frozen = Autoencoder.of(self.weights)
        key = Key(self.weights, json.dumps(frozen.identity()), device=device())
        autoencoder = resident(key, lambda: frozen.load().to(device()), _frozen_size(self.weights))
        with one_thread(), torch.inference_mode():
            latents = network(torch.from_numpy(told).to(device()))
            return as_levels(decode(autoencoder, latents, self.channels))


@cache
def _size(model: str, network: str) -> int:
    """Return the bytes of a network's weights; it takes some 50 ms to lay one out, so once a process."""
    return nbytes(skeleton(model, json.loads(network)))


@cache
def _frozen_size(weights: str) -> int:
    return nbytes(Autoencoder.of(weights).skeleton())


def memory(
    model: str, network: Mapping[str, Any], pictures: tuple[int, int, int], weights: str
) -> tuple[int, int]:
    """Return the bytes of the models that paint, and of the layers of a batch.

    Parameters
    ----------
    model, network
        Which network, and its sizes.
    pictures
        How many a batch has, their channels and their side.
    weights
        Of a frozen autoencoder, where there is one.
    """
    return _memory(model, json.dumps(dict(network), sort_keys=True), pictures, weights)


@cache
def _memory(model: str, network: str, pictures: tuple[int, int, int], weights: str) -> tuple[int, int]:
    import torch

    from ..models.layout import most_held

    made: Any = skeleton(model, json.loads(network))
    width = json.loads(network).get("width", 0)
    count, channels, side = pictures
    with torch.device("meta"):
        told = torch.empty(count, width) if width else None
        noisy, time = torch.empty(count, channels, side, side), torch.empty(count, dtype=torch.int64)
    with torch.no_grad():
        if model in PROCESSES:
            return nbytes(made), most_held(lambda: made(noisy, time, told), [*made.parameters()])
        frozen = Autoencoder.of(weights).skeleton()
        known = [*made.parameters(), *frozen.parameters()]
        return nbytes(made) + nbytes(frozen), most_held(lambda: decode(frozen, made(told)), known)


def as_levels(pictures: Tensor) -> NDArray[np.uint8]:
    """Return (picture, y, x, channel) uint8, rounded, of (picture, channel, y, x) from -1 (black) to 1."""
    levels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1)
    made: NDArray[np.uint8] = levels.cpu().numpy().astype(np.uint8)
    return made


def from_levels(pictures: NDArray[np.uint8]) -> Tensor:
    """Return (picture, channel, y, x) float32, -1 (black) to 1, of (picture, y, x, channel) uint8."""
    import torch

    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
