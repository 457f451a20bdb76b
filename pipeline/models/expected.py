"""Which tensors a file of published weights should hold: told by the networks that are to take them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .versatile import ATTENTION, FORMER
from .vision_ops import prepare_torchvision
from .weights import WeightsMissing, config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    Shapes = Mapping[str, tuple[int, ...]]

CLIPS = {"clip-vit-l-14": "ViT-L-14-quickgelu", "clip-vit-h-14": "ViT-H-14"}
"""Architectures, as open_clip names them."""
FLAT = "UNetFlatConditionModel"
"""What a repository says its text UNet is. Only its attention is of use, and that has the names and shapes of
diffusers' UNet of pictures."""
ADAPTER = re.compile(r"image_proj\.(proj|norm)\.(weight|bias)|ip_adapter\.\d+\.to_[kv]_ip\.weight")
"""What an IP-Adapter holds: a projection of one embedding, and keys and values of each cross-attention."""
UNUSED = re.compile(r".*(position_ids|num_batches_tracked)|logit_bias")
"""What older versions of libraries kept, and nobody needs."""


def shapes(model: str, path: Path) -> Shapes | None:
    """Return the shape of each tensor that is needed, by name; None where no network says.

    Parameters
    ----------
    model
        A name of `published.CATALOGUE`.
    path
        The file, or the folder in diffusers' layout, whose config.json says which network it is.

    Raises
    ------
    WeightsMissing
        If the description is of no network that is known.
    """
    if model == "vdvae":
        return _of(_vdvae)
    if model in CLIPS:
        return _of(lambda: _clip(CLIPS[model]))
    if path.is_dir() and (path / "config.json").is_file():
        return described(config(path), str(path / "config.json"))
    return None


def misfit(held: Shapes, expected: Shapes) -> str | None:
    """Return in what tensors differ from those that are needed; those that nobody needs may be there."""
    lacking = sorted(expected.keys() - held.keys())
    if lacking:
        return f"{len(lacking)} of {len(expected)} tensors are not in it, the first is {lacking[0]}"
    for name, shape in expected.items():
        if tuple(held[name]) != shape:
            return f"{name} has shape {tuple(held[name])}, expected {shape}"
    return None


def renewed(held: Shapes) -> Shapes:
    """Return shapes by the names that diffusers has now; what was a convolution of 1 x 1 is a matrix."""
    return dict(_renewed(name, shape) for name, shape in held.items() if not UNUSED.fullmatch(name))


def _renewed(name: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    found = ATTENTION.search(name)
    if found is None:
        return name, tuple(shape)
    return ATTENTION.sub(rf"\1.{FORMER[found[2]]}.", name), tuple(shape[:2])


def _of(make: Callable[[], nn.Module]) -> Shapes:
    import torch

    with torch.device("meta"):
        made = make()
    return {name: tuple(one.shape) for name, one in made.state_dict().items() if not UNUSED.fullmatch(name)}


def _vdvae() -> nn.Module:
    from .vdvae import VDVAE

    return VDVAE()


def _clip(name: str) -> nn.Module:
    prepare_torchvision()
    import open_clip

    made: nn.Module = open_clip.CLIP(**open_clip.get_model_config(name))
    return made


def described(said: Mapping[str, Any], place: str) -> Shapes:
    """Return the tensors of a network that a config.json describes: one of diffusers', or of transformers'.

    Parameters
    ----------
    said
        What it says.
    place
        Where it lies.

    Raises
    ------
    WeightsMissing
        If it describes no network that is known.
    """
    prepare_torchvision()
    try:
        if "architectures" in said:
            return _of(lambda: _transformer(said))
        if said.get("_class_name") == FLAT:
            whole = _of(lambda: _diffuser(_of_pictures(said)))
            return {name: shape for name, shape in whole.items() if ".attentions." in name}
        return _of(lambda: _diffuser(said))
    except WeightsMissing:
        raise
    except Exception as error:  # noqa: BLE001  (a description may be wrong in any way)
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise WeightsMissing(
            f"{place} describes no network ({reason[:120]}); fetch the folder again"
        ) from None


def _of_pictures(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a UNet of pictures that has the attention of one of texts."""
    made = json.loads(json.dumps(dict(said)).replace("Flat", "2D"))
    return {**made, "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4}


def _diffuser(said: Mapping[str, Any]) -> nn.Module:
    import diffusers

    name = said.get("_class_name")
    if name not in dir(diffusers):
        raise WeightsMissing(f"{name!r} is no network of diffusers; fetch the folder again")
    made: nn.Module = getattr(diffusers, str(name)).from_config(dict(said))
    return made


def _transformer(said: Mapping[str, Any]) -> nn.Module:
    import transformers

    name = said["architectures"][0]
    if not hasattr(transformers, name):
        raise WeightsMissing(f"{name!r} is no network of transformers; fetch the folder again")
    kind = getattr(transformers, name)
    made: nn.Module = kind(kind.config_class(**said))
    return made
