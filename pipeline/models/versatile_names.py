"""The names of Versatile Diffusion's own checkpoints, in those of diffusers.

Its authors offer one file for both UNets (`vd-four-flow-v1-0-fp16-deprecated.pth`, which Brain-Diffuser uses)
and one for the autoencoder (`kl-f8.pth`). No number changes; weights of the autoencoder's attention, 1 x 1
convolutions there, are matrices here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

DIFFUSION = "model.diffusion_model."
"""Before the names of what denoises."""
#: The two UNets by folder. They share what embeds the time.
UNETS = {"image_unet": f"{DIFFUSION}unet_image.", "text_unet": f"{DIFFUSION}unet_text."}
STEPS = 3
"""Blocks a level of a UNet has on its way down and up: two residual ones, and the change of size."""
ENDS = {
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "middle_block.1": "mid_block.attentions.0",
}
"""What both UNets have once; `middle_block.0` and `.2` are residual blocks."""
RESIDUAL = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
"""What is in a residual block of a UNet."""
BLOCK = re.compile(r"(input_blocks|middle_block|output_blocks)\.(\d+)\.(?:(\d+)\.)?(.+)")
RESIZED = re.compile(r"(?:(?:op|conv)\.)?(?:weight|bias)")
"""What changes the size: a convolution, or in the text UNet, where size is a width, a matrix."""

AUTOENCODER = re.compile(r"(encoder|decoder|quant_conv|post_quant_conv)\..+")
STAGE = re.compile(r"(encoder\.down|decoder\.up)\.(\d+)\.(?:block\.(\d+)|(?:down|up)sample)\.(.+)")
MIDDLE = re.compile(r"(encoder|decoder)\.mid\.(?:block_(\d)|attn_1)\.(.+)")
ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
"""What is in the one attention of the autoencoder's middle."""


def renamed(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the tensors of one of the authors' files by folder and name, as diffusers lays them out.

    Parameters
    ----------
    tensors
        By their names in the file. Those of other parts (CLIP, the decoder of texts, averages) are left out.

    Returns
    -------
    "image_unet", "text_unet" and "vae", those that are there.
    """
    made: dict[str, dict[str, Tensor]] = {}
    depth = 1 + max((int(found[2]) for found in _ups(tensors)), default=0)
    for name, tensor in tensors.items():
        for folder, new in _places(name, depth):
            flat = folder == "vae" and ".attentions." in new and tensor.ndim == 4
            made.setdefault(folder, {})[new] = tensor[:, :, 0, 0] if flat else tensor
    if set(UNETS) & set(made):  # one that embeds the time alone is none
        made = {folder: held for folder, held in made.items() if "conv_in.weight" in held or folder == "vae"}
    return made


def _ups(names: Iterable[str]) -> Iterator[re.Match[str]]:
    return (found for name in names if (found := STAGE.fullmatch(name)) and found[1] == "decoder.up")


def _places(name: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield folder and name of a tensor: none, one, or both UNets for what embeds the time."""
    for folder, before in UNETS.items():
        if name.startswith(before):
            yield folder, _in_unet(name.removeprefix(before))
        elif name.startswith(f"{DIFFUSION}time_embed."):
            yield folder, _in_unet(name.removeprefix(DIFFUSION))
    if AUTOENCODER.fullmatch(name):
        yield "vae", _in_autoencoder(name, depth)


def _in_unet(name: str) -> str:
    """Return the name of a tensor of a UNet."""
    for old, new in ENDS.items():
        if name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    found = BLOCK.fullmatch(name)
    if found is None:
        return name
    side, number, within, rest = found[1], int(found[2]), found[3], found[4]
    if side == "middle_block":
        inside = f"{within}.{rest}" if within else rest
        return f"mid_block.resnets.{number // 2}.{_translated(inside, RESIDUAL)}"
    down = side == "input_blocks"
    level, at = divmod(number - 1 if down else number, STEPS)
    stage = f"{'down' if down else 'up'}_blocks.{level}"
    if RESIZED.fullmatch(rest):
        kind = "downsamplers" if down else "upsamplers"
        return f"{stage}.{kind}.0.{rest.replace('op.', 'conv.')}"
    if within == "0":
        return f"{stage}.resnets.{at}.{_translated(rest, RESIDUAL)}"
    return f"{stage}.attentions.{at}.{rest}"


def _in_autoencoder(name: str, depth: int) -> str:
    """Return the name of a tensor of the autoencoder, whose decoder counts its stages the other way round."""
    if found := STAGE.fullmatch(name):
        side, level, at, rest = found[1], int(found[2]), found[3], found[4]
        down = side == "encoder.down"
        stage = f"{side}_blocks.{level if down else depth - 1 - level}"
        if at is None:
            return f"{stage}.{'down' if down else 'up'}samplers.0.{rest}"
        return f"{stage}.resnets.{at}.{rest.replace('nin_shortcut', 'conv_shortcut')}"
    if found := MIDDLE.fullmatch(name):
        side, number, rest = found[1], found[2], found[3]
        if number is None:
            return f"{side}.mid_block.attentions.0.{_translated(rest, ATTENTION)}"
        return f"{side}.mid_block.resnets.{int(number) - 1}.{rest}"
    return name.replace("norm_out", "conv_norm_out")


def _translated(name: str, words: Mapping[str, str]) -> str:
    """Return a name ending in ".weight" or ".bias" with the rest of it translated."""
    stem, dot, end = name.rpartition(".")
    return words.get(stem, stem) + dot + end
