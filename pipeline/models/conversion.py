"""Weights as their authors offer them, written as safetensors under the names that are read here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage.errors import Denied

from .autoencoder import STABLE_DIFFUSION
from .checkpoint import read
from .expected import FLAT, described, misfit, shapes
from .published import CATALOGUE
from .sums import note
from .versatile import IMAGE_UNET
from .versatile_names import renamed
from .weights import WeightsMissing, hashed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

WEIGHTS = "diffusion_pytorch_model.safetensors"
"""What diffusers calls them."""
#: The UNet of texts, whose latents are 768 numbers.
TEXT_UNET: Mapping[str, Any] = {
    **IMAGE_UNET,
    "_class_name": FLAT,
    "in_channels": [768, 1, 1],
    "out_channels": [768, 1, 1],
    "down_block_types": [*["CrossAttnDownBlockFlat"] * 3, "DownBlockFlat"],
    "up_block_types": ["UpBlockFlat", *["CrossAttnUpBlockFlat"] * 3],
}
#: What is written beside the weights of Versatile Diffusion, by folder.
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "image_unet": {**IMAGE_UNET, "_class_name": "UNet2DConditionModel"},
    "text_unet": TEXT_UNET,
    "vae": STABLE_DIFFUSION,
}


def convert(file: Path, to: Path) -> list[Path]:
    """Write what a file holds as safetensors; nothing in it is executed, no number changes.

    Parameters
    ----------
    file
        The very deep VAE's .th, or one of the .pth files of Versatile Diffusion's authors.
    to
        The folder to write to, as `weights fetch --to` does: below the model's name.

    Returns
    -------
    What was written.

    Raises
    ------
    WeightsMissing
        If it is missing, damaged, holds more than numbers, or weights of something else.
    Denied
        If the folder can't be written.
    """
    from safetensors import SafetensorError

    held = read(file)
    try:
        return _written_by_name(held, file, to)
    except WeightsMissing:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Denied(f"{to} can't be written ({reason}); name another folder by --to") from None


def _written_by_name(held: Mapping[str, Tensor], file: Path, to: Path) -> list[Path]:
    """Write tensors to where their names say they belong."""
    expected = shapes("vdvae", file)
    if expected is not None and misfit(_shapes(held), expected) is None:
        path = to / "vdvae" / CATALOGUE["vdvae"].parts[0].path
        return [_written(held, path.with_suffix(".safetensors"), to / "vdvae")]
    made = renamed(held)
    if not made:
        raise WeightsMissing(
            f"{file} holds {len(held)} tensors, but not those of the very deep VAE, nor of Versatile "
            "Diffusion's UNets or autoencoder; name one of their files"
        )
    for part, tensors in made.items():
        if wrong := misfit(_shapes(tensors), described(CONFIGS[part], part)):
            raise WeightsMissing(
                f"{file} holds another {part} than Versatile Diffusion's: {wrong}; name its own file"
            )
    folder = to / "versatile-diffusion"
    return [path for part, tensors in made.items() for path in _part(tensors, folder, part)]


def _part(tensors: Mapping[str, Tensor], folder: Path, part: str) -> list[Path]:
    weights = _written(tensors, folder / part / WEIGHTS, folder)
    about = folder / part / "config.json"
    about.write_text(json.dumps(dict(CONFIGS[part]), indent=2), "utf-8")
    return [about, weights]


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(one.shape) for name, one in tensors.items()}


def _written(tensors: Mapping[str, Tensor], path: Path, model: Path) -> Path:
    """Write tensors, under their name when they are whole, and note their checksum."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    save_file({name: one.contiguous() for name, one in tensors.items()}, unfinished, {"format": "pt"})
    unfinished.replace(path)
    note(model, {path.relative_to(model).as_posix(): hashed(path)})
    return path
