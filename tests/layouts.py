"""Folders as `vox2pix weights fetch --to` leaves them, of the tiny networks of random generators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from pipeline.diffusion.adapters import IpAdapter
from pipeline.diffusion.kandinsky import Kandinsky
from pipeline.models.image_prompt import adapter
from pipeline.models.parts import Part, quiet
from pipeline.models.stable_diffusion import BASES

if TYPE_CHECKING:
    from pathlib import Path

ADAPTERS = {"sdxl": "sdxl_models/ip-adapter_sdxl_vit-h", "sd15": "models/ip-adapter_sd15"}


def save(part: Part, folder: Path) -> None:
    """Save a part as diffusers or transformers do."""
    network: Any = part.load(torch.float32)
    with quiet():
        network.save_pretrained(folder)


def save_adapted(root: Path, base: str = "sd15") -> IpAdapter:
    """Save an IP-Adapter and all of its base, and return the generator of random weights that they are of."""
    random = IpAdapter("random", size=64, base=base)
    model = root / BASES[base].model
    for name, part in (("unet", random._unet), ("vae", random._vae)):
        save(part, model / name)
    for text, part in zip(BASES[base].texts, random.once, strict=True):
        save(part, model / text.part)
    describe(model / "scheduler", random.noise)
    place = root / "ip-adapter" / f"{ADAPTERS[base]}.safetensors"
    place.parent.mkdir(parents=True)
    save_file(adapter(None, random._unet.load(torch.float32)), place)
    return random


def save_kandinsky(root: Path) -> Kandinsky:
    """Save a decoder and its image encoder, and return the generator of random weights that they are of."""
    random = Kandinsky("random", size=64)
    save(random._unet, root / "kandinsky-2-2" / "unet")
    save(random._movq, root / "kandinsky-2-2" / "movq")
    save(random.once[0], root / "kandinsky-2-2-prior" / "image_encoder")
    describe(root / "kandinsky-2-2" / "scheduler", random.noise)
    return random


def describe(folder: Path, noise: Any) -> None:
    """Write a scheduler's description, as of another sampler than ours."""
    folder.mkdir(parents=True)
    said = {"_class_name": "PNDMScheduler", "skip_prk_steps": True, **noise}
    (folder / "scheduler_config.json").write_text(json.dumps(said))
