"""The networks by name: built from a description, counted without memory, kept as safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PipelineError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

NAMES = ("conditional-ddpm", "voxel-ddpm", "basic-ae")
"""Decoders that learn: the small conditional diffusion model, the published one on voxels, FMRI2IMG."""


class WrongNetwork(PipelineError, ValueError):
    """Weights are those of another network than the one described."""

    exit_code = 3
    kind = "wrong-network"


def build(name: str, described: Mapping[str, Any]) -> nn.Module:
    """Return a network with random weights, from torch's global generator.

    Parameters
    ----------
    name
        One of `NAMES`.
    described
        Its sizes, as `describe` keeps them.
    """
    if name == "conditional-ddpm":
        from .conditional_unet import ConditionalUNet

        made: nn.Module = ConditionalUNet(**described)
    elif name == "voxel-ddpm":
        from .pixel_unet import PixelUNet

        made = PixelUNet(**described)
    elif name == "basic-ae":
        from .voxel_encoder import VoxelEncoder

        made = VoxelEncoder(**described)
    else:
        raise ValueError(f"no network is called {name!r}; known are {', '.join(NAMES)}{nearest(name, NAMES)}")
    return made


def skeleton(name: str, described: Mapping[str, Any]) -> nn.Module:
    """Return a network without memory for its weights: shapes alone."""
    import torch

    with torch.device("meta"):
        return build(name, described)


def parameters(network: nn.Module) -> int:
    """Return the number of learned numbers."""
    return sum(one.numel() for one in network.parameters())


def nbytes(network: nn.Module) -> int:
    """Return the bytes its weights take."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum(one.numel() * one.element_size() for one in tensors)


def to_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Return weights as a safetensors file."""
    from safetensors.torch import save

    content: bytes = save({name: one.detach().cpu().contiguous() for name, one in weights.items()})
    return content


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """Return the weights of a safetensors file, which unlike a pickle can hold nothing but numbers."""
    from safetensors.torch import load

    weights: dict[str, Tensor] = load(content)
    return weights


def fill(network: nn.Module, weights: Mapping[str, Tensor], place: str, lacking: str | None = None) -> None:
    """Give a network its weights.

    Parameters
    ----------
    network
        As `build` or `skeleton` made it.
    weights
        By name.
    place
        Where they come from, for messages.
    lacking
        Beginning of the names that the weights may lack; those keep what they have.

    Raises
    ------
    WrongNetwork
        If names or shapes are another network's.
    """
    expected = {name: tuple(one.shape) for name, one in network.state_dict().items()}
    needed = [name for name in expected if lacking is None or not name.startswith(lacking)]
    missing = [name for name in needed if name not in weights]
    strange = [name for name in weights if name not in expected]
    other = [name for name in needed if name in weights and tuple(weights[name].shape) != expected[name]]
    if missing or strange or other:
        raise WrongNetwork(f"{place} holds another network's weights: {_first(missing, strange, other)}")
    unmade = any(one.is_meta for one in network.parameters())  # else an optimiser may know the parameters
    network.load_state_dict(dict(weights), strict=lacking is None, assign=unmade)


def _first(missing: list[str], strange: list[str], other: list[str]) -> str:
    if other:
        return f"{other[0]} has another shape ({len(other)} such); check `model`, `size` and `features`"
    if missing:
        return f"{missing[0]} is not there ({len(missing)} such); check `model`"
    return f"{strange[0]} is not expected ({len(strange)} such); check `model`"
