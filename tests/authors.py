"""Weights as the authors of Versatile Diffusion write them: their names of what diffusers calls otherwise."""

from __future__ import annotations

from pipeline.models.versatile_names import DIFFUSION

RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def inside(names, stage, old):
    """Yield a block's names in diffusers and in the authors' files."""
    for name in names:
        if name.startswith(f"{stage}."):
            rest = name.removeprefix(f"{stage}.")
            stem = rest.rpartition(".")[0]
            yield name, f"{old}.{rest.replace(stem, RESIDUAL.get(stem, stem), 1)}"


def of_unet(names, before):
    """Return the authors' name of each of diffusers', walking the blocks as they lay them out."""
    made = {}
    ends = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
    walk = [(new, before + old) for new, old in ends.items()]
    walk += [(f"time_embedding.linear_{1 + i}", f"{DIFFUSION}time_embed.{2 * i}") for i in range(2)]
    middle = ["resnets.0", "attentions.0", "resnets.1"]
    walk += [(f"mid_block.{new}", f"{before}middle_block.{i}") for i, new in enumerate(middle)]
    at = 0
    for level in range(4):
        for layer in range(2):
            at += 1
            walk += [
                (f"down_blocks.{level}.resnets.{layer}", f"{before}input_blocks.{at}.0"),
                (f"down_blocks.{level}.attentions.{layer}", f"{before}input_blocks.{at}.1"),
            ]
        at += 1
        walk.append((f"down_blocks.{level}.downsamplers.0", f"{before}input_blocks.{at}.0"))
    at = -1
    for level in range(4):
        for layer in range(3):
            at += 1
            walk += [
                (f"up_blocks.{level}.resnets.{layer}", f"{before}output_blocks.{at}.0"),
                (f"up_blocks.{level}.attentions.{layer}", f"{before}output_blocks.{at}.1"),
            ]
        place = f"{before}output_blocks.{at}.{2 if level else 1}"  # no attention before it in the first
        walk.append((f"up_blocks.{level}.upsamplers.0", place))
    for stage, old in walk:
        for new, found in inside(names, stage, old):
            made[new] = found.replace(".conv.", ".op.") if "downsamplers" in new else found
    return made


def of_autoencoder(new, tensor, depth):
    """Return the authors' name of a tensor of the autoencoder, and it in their shape."""
    parts = new.split(".")
    end = parts[-1]
    if parts[0] in ("quant_conv", "post_quant_conv"):
        return new, tensor
    side, stage = parts[0], parts[1]
    if stage == "mid_block" and parts[2] == "attentions":
        word = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}[parts[4]]
        matrix = word != "norm" and end == "weight"
        return f"{side}.mid.attn_1.{word}.{end}", tensor[:, :, None, None] if matrix else tensor
    if stage == "mid_block":
        return f"{side}.mid.block_{int(parts[3]) + 1}.{'.'.join(parts[4:])}", tensor
    if stage in ("down_blocks", "up_blocks"):
        level = int(parts[2]) if stage == "down_blocks" else depth - 1 - int(parts[2])
        way = stage.removesuffix("_blocks")
        if parts[3] == "resnets":
            rest = ".".join(parts[5:]).replace("conv_shortcut", "nin_shortcut")
            return f"{side}.{way}.{level}.block.{parts[4]}.{rest}", tensor
        return f"{side}.{way}.{level}.{way}sample.conv.{end}", tensor
    return new.replace("conv_norm_out", "norm_out"), tensor
