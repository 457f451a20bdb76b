"""IP-Adapter (Ye et al., 2023): attention to a picture's embedding beside the attention to words.

An embedding becomes a few tokens, and every layer of a UNet that looks at words has a second pair of keys and
values for them. diffusers builds and runs all that; here are its shapes, and the file it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .checkpoint import read
from .weights import WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

WIDTH = 1024
"""Of the embedding that the published forms take here: OpenCLIP ViT-H/14's, pooled."""
TOKENS = 4
"""That an embedding becomes, in the plain form of the adapter."""
PROJECTION = "image_proj.proj.weight"
"""Name of what makes tokens of an embedding; other forms of the adapter have none of this name."""


def shapes(unet: nn.Module, width: int = WIDTH) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the adapter of a UNet, by the names of the published files.

    Layers are counted as the published files do: in diffusers' order of attention layers, those that look at
    words being every second.
    """
    network: Any = unet
    inner = network.config.cross_attention_dim
    made: dict[str, tuple[int, ...]] = {
        PROJECTION: (TOKENS * inner, width),
        "image_proj.proj.bias": (TOKENS * inner,),
        "image_proj.norm.weight": (inner,),
        "image_proj.norm.bias": (inner,),
    }
    layers = [name for name in network.attn_processors if name.endswith("attn2.processor")]
    for at, name in enumerate(layers):
        keys = network.get_submodule(name.removesuffix(".processor")).to_k.weight
        for one in ("k", "v"):
            made[f"ip_adapter.{2 * at + 1}.to_{one}_ip.weight"] = tuple(keys.shape)
    return made


def width_of(place: Path) -> int:
    """Return the width of the embedding that an adapter takes, without reading the adapter.

    Raises
    ------
    WeightsMissing
        If it is no plain IP-Adapter.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(place), "pt") as file:
            return int(file.get_slice(PROJECTION).get_shape()[1])
    except (SafetensorError, OSError) as error:
        raise WeightsMissing(
            f"{place} holds no {PROJECTION} ({str(error)[:80]}): it is damaged, or another form of "
            "IP-Adapter (plus, full face) than the plain one; name the plain one"
        ) from None


def adapter(place: Path | None, unet: nn.Module) -> dict[str, Tensor]:
    """Return the weights of an adapter by name: of a file, or random ones where there is none.

    Raises
    ------
    WeightsMissing
        If the file holds the adapter of another UNet.
    """
    if place is None:
        return _random(shapes(unet))
    found = read(place)
    if PROJECTION not in found:
        width_of(place)
    expected = shapes(unet, int(found[PROJECTION].shape[-1]))
    if other := [name for name, shape in expected.items() if _shape(found, name) != shape]:
        raise WeightsMissing(
            f"{place} is no adapter for this UNet: {other[0]} has shape {_shape(found, other[0])}, expected "
            f"{expected[other[0]]} ({len(other)} such); check `base`"
        )
    return found


def _shape(found: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(found[name].shape) if name in found else None


def _random(wanted: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    import torch

    source = torch.Generator().manual_seed(0)
    made = {name: torch.randn(shape, generator=source) / shape[-1] ** 0.5 for name, shape in wanted.items()}
    return made | {"image_proj.norm.weight": torch.ones(wanted["image_proj.norm.weight"])}


def adapt(unet: nn.Module, weights: Mapping[str, Tensor], scale: float = 1.0) -> nn.Module:
    """Give a UNet its adapter.

    Parameters
    ----------
    unet
        A UNet2DConditionModel, which is changed.
    weights
        As `adapter` returns them.
    scale
        How much the picture's embedding counts beside words. The UNet keeps it: one scale, one UNet.
    """
    from diffusers.models.embeddings import MultiIPAdapterImageProjection

    network: Any = unet
    halves: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, one in weights.items():
        half, _, rest = name.partition(".")
        halves[half][rest] = one.to(network.device, network.dtype)
    network.set_attn_processor(network._convert_ip_adapter_attn_to_diffusers([halves]))  # noqa: SLF001
    project = network._convert_ip_adapter_image_proj_to_diffusers(halves["image_proj"])  # noqa: SLF001
    network.encoder_hid_proj = MultiIPAdapterImageProjection([project])
    network.config.encoder_hid_dim_type = "ip_image_proj"
    for processor in network.attn_processors.values():
        if hasattr(processor, "to_k_ip"):
            processor.scale = [scale]
    return unet.requires_grad_(requires_grad=False).eval()


def adapted_skeleton(unet: nn.Module, width: int = WIDTH) -> nn.Module:
    """Return a UNet without memory for its weights, with an adapter that has none either."""
    import torch

    empty = {name: torch.empty(shape, device="meta") for name, shape in shapes(unet, width).items()}
    return adapt(unet, empty)
