"""The state of a training, and the checkpoint it survives in: numbers alone, in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PipelineError
from ..models.networks import fill, from_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

CURVES = ("loss", "val_loss", "learning_rate")


class WrongCheckpoint(PipelineError, ValueError):
    """A checkpoint is another training's."""

    exit_code = 3
    kind = "wrong-checkpoint"


@dataclass
class State:
    """Where a training is.

    Parameters
    ----------
    network
        Learning.
    optimiser
        Of its parameters.
    described
        What the network is; a checkpoint of another is refused.
    steps
        How many there will be.
    """

    network: nn.Module
    optimiser: Any
    described: Mapping[str, Any]
    steps: int
    step: int = 0
    """Steps done."""
    average: dict[str, Tensor] = field(init=False)
    """Moving average of the weights: what is kept in the end."""
    curves: dict[str, NDArray[np.float32]] = field(init=False)
    painted: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    """After some steps, what was painted of pictures kept back: (picture, y, x, channel) each."""

    def __post_init__(self) -> None:
        self.average = {name: one.detach().clone() for name, one in self.network.state_dict().items()}
        self.curves = {name: np.full(self.steps, np.nan, np.float32) for name in CURVES}

    @cached_property
    def _live(self) -> dict[str, Tensor]:
        """The network's own weights as they change, looked up at the first step, when they are in place."""
        return {name: one.detach() for name, one in self.network.state_dict().items()}

    @cached_property
    def _followed(self) -> tuple[list[Tensor], list[Tensor]]:
        """What is averaged, and what it follows."""
        names = [name for name, one in self._live.items() if one.is_floating_point()]
        return [self.average[name] for name in names], [self._live[name] for name in names]

    @property
    def finite(self) -> bool:
        """Whether all weights are numbers."""
        import torch

        sums = [one.sum() for one in self._live.values() if one.is_floating_point()]
        return bool(torch.stack(sums).isfinite().all())

    def follow(self, decay: float) -> None:
        """Move the average towards the weights: decay * average + (1 - decay) * weights.

        In the first steps the decay is (1 + step) / (10 + step), so that the beginning is soon forgotten.
        """
        import torch

        rate = min(decay, (1 + self.step) / (10 + self.step))
        averages, weights = self._followed
        torch._foreach_lerp_(averages, weights, 1 - rate)  # one call: there are hundreds
        for name, one in self._live.items():
            if not one.is_floating_point():
                self.average[name].copy_(one)

    def to_bytes(self) -> bytes:
        """Return the checkpoint."""
        import torch
        from safetensors.torch import save

        tensors = {f"network.{name}": one for name, one in self.network.state_dict().items()}
        tensors |= {f"average.{name}": one for name, one in self.average.items()}
        for index, kept in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": one for name, one in kept.items()}
        tensors |= {f"curve.{name}": torch.from_numpy(one[: self.step]) for name, one in self.curves.items()}
        tensors |= {f"painted.{step}": torch.from_numpy(one) for step, one in self.painted.items()}
        plain = {name: one.detach().cpu().clone().contiguous() for name, one in tensors.items()}
        said = {"step": str(self.step), "described": json.dumps(dict(self.described), sort_keys=True)}
        content: bytes = save(plain, metadata=said)
        return content

    def restore(self, content: bytes, place: str) -> None:
        """Go to where a checkpoint was taken.

        Raises
        ------
        WrongCheckpoint
            If it is another network's.
        """
        said = _metadata(content)
        expected = json.dumps(dict(self.described), sort_keys=True)
        if said.get("described") != expected:
            raise WrongCheckpoint(
                f"checkpoint {place} is of the network {said.get('described')}, expected {expected}; "
                "remove the folder it lies in, and the training begins anew"
            )
        tensors = from_bytes(content)
        fill(self.network, _below(tensors, "network."), place)
        for name, one in _below(tensors, "average.").items():
            self.average[name].copy_(one)
        self.optimiser.load_state_dict(
            {"state": _by_index(tensors), "param_groups": self.optimiser.state_dict()["param_groups"]}
        )
        self.step = int(said["step"])
        for name, one in _below(tensors, "curve.").items():
            self.curves[name][: self.step] = one.numpy()
        self.painted = {int(step): one.numpy() for step, one in _below(tensors, "painted.").items()}


def _metadata(content: bytes) -> dict[str, str]:
    """Return what a safetensors file says of itself: its header is JSON behind eight bytes of length."""
    length = int.from_bytes(content[:8], "little")
    said: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return said


def _below(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}


def _by_index(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    found: dict[int, dict[str, Tensor]] = {}
    for name, one in _below(tensors, "optimiser.").items():
        index, _, what = name.partition(".")
        found.setdefault(int(index), {})[what] = one
    return found


class averaged:  # noqa: N801  (reads as a word where it is used)
    """Let the network have its averaged weights, and not learn, for the life of the context."""

    def __init__(self, state: State) -> None:
        self.state = state

    def __enter__(self) -> None:
        network = self.state.network
        self.own = {name: one.detach().clone() for name, one in network.state_dict().items()}
        network.load_state_dict(self.state.average)
        network.eval()

    def __exit__(self, *_: object) -> None:
        self.state.network.load_state_dict(self.own)
        self.state.network.train()
