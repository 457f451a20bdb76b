"""Sizes of the networks that maintained generators are made of, as their published descriptions have them.

Beside each stand tiny ones of the same kind, for `weights = "random"`: every key is there, channels are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: UNet of Stable Diffusion 1.5 (Rombach et al., 2022): 859,520,964 parameters.
SD15_UNET: Mapping[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
#: UNet of Stable Diffusion XL base 1.0 (Podell et al., 2023): 2,567,463,684 parameters.
SDXL_UNET: Mapping[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 128,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [320, 640, 1280],
    "layers_per_block": 2,
    "transformer_layers_per_block": [1, 2, 10],
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
#: UNet of Kandinsky 2.2's decoder: 1,253,057,288 parameters.
KANDINSKY_UNET: Mapping[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 8,
    "down_block_types": ["ResnetDownsampleBlock2D"] + ["SimpleCrossAttnDownBlock2D"] * 3,
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ["SimpleCrossAttnUpBlock2D"] * 3 + ["ResnetUpsampleBlock2D"],
    "block_out_channels": [384, 768, 1152, 1536],
    "layers_per_block": 3,
    "cross_attention_dim": 768,
    "attention_head_dim": 64,
    "encoder_hid_dim": 1280,
    "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image",
    "addition_embed_type_num_heads": 64,
    "resnet_time_scale_shift": "scale_shift",
}
#: Its autoencoder, MoVQ: 67,832,495 parameters.
MOVQ: Mapping[str, Any] = {
    "_class_name": "VQModel",
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 3 + ["AttnDownEncoderBlock2D"],
    "up_block_types": ["AttnUpDecoderBlock2D"] + ["UpDecoderBlock2D"] * 3,
    "block_out_channels": [128, 256, 256, 512],
    "layers_per_block": 2,
    "latent_channels": 4,
    "num_vq_embeddings": 16384,
    "vq_embed_dim": 4,
    "norm_num_groups": 32,
    "norm_type": "spatial",
}
#: Text encoder of Stable Diffusion 1.5, and the first one of XL: CLIP ViT-L/14's, 123,060,480 parameters.
TEXT: Mapping[str, Any] = {
    "architectures": ["CLIPTextModel"],
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
}
#: The second one of XL: OpenCLIP ViT-bigG/14's, 694,659,840 parameters.
TEXT_G: Mapping[str, Any] = {
    **TEXT,
    "architectures": ["CLIPTextModelWithProjection"],
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}
#: Image encoder of Kandinsky 2.2: OpenCLIP ViT-bigG/14's, 1,844,907,264 parameters.
VISION_G: Mapping[str, Any] = {
    "architectures": ["CLIPVisionModelWithProjection"],
    "hidden_size": 1664,
    "intermediate_size": 8192,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}
#: Noise of Stable Diffusion 1.5 and XL: from a little to nearly all, in 1000 steps.
NOISE: Mapping[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
#: Noise of a random Kandinsky: the published one thresholds what it guesses, too (Saharia et al., 2022).
KANDINSKY_NOISE: Mapping[str, Any] = {
    **NOISE,
    "beta_schedule": "linear",
    "thresholding": True,
    "sample_max_value": 2.0,
}

_FEW = {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4}
_SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
RANDOM_SD15_UNET = {
    **SD15_UNET,
    **_FEW,
    "layers_per_block": 1,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
}
RANDOM_SDXL_UNET = {
    **SDXL_UNET,
    "block_out_channels": [8, 8, 16],
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1, 2],
    "cross_attention_dim": 32,
    "attention_head_dim": [1, 2, 2],
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 64,
}
RANDOM_KANDINSKY_UNET = {
    **KANDINSKY_UNET,
    **_FEW,
    "layers_per_block": 1,
    "cross_attention_dim": 16,
    "attention_head_dim": 4,
    "addition_embed_type_num_heads": 4,
}
RANDOM_MOVQ = {**MOVQ, "block_out_channels": [32] * 4, "layers_per_block": 1, "num_vq_embeddings": 8}
RANDOM_TEXT = {**TEXT, **_SMALL, "projection_dim": 16}
RANDOM_TEXT_G = {**TEXT_G, **_SMALL, "projection_dim": 16}
RANDOM_VISION_G = {**VISION_G, **_SMALL}
