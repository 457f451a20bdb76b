"""The tables ``[features.X]``: what of a picture is predicted from the brain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .table import Table
from .tables import Components, Count, Side, Weights

Dtype = Literal["float32", "float16"]
#: Pictures a network encodes at once, by model, where the recipe doesn't say. No device chooses it: what a
#: product is called depends on it, and must not depend on who works. Some 1 to 2 GB of layers.
BATCH = {"vdvae": 16, "clip-vision": 32, "clip-text": 16, "clip-image": 32, "prompt": 16}
#: Most latents the very deep VAE has.
LATENTS = 75


class PixelFeatures(Table):
    """The brightness of each pixel of a picture shrunk to `size` by `size`."""

    model: Literal["pixels"]
    size: Side
    dtype: Dtype = "float32"


class PcaFeatures(Table):
    """The first principal components of the training pictures, shrunk to `size` by `size`."""

    model: Literal["pca"]
    size: Side
    components: Components
    dtype: Dtype = "float32"


class WordFeatures(Table):
    """How often each word of the training captions stands in a picture's; no generator paints it."""

    model: Literal["words"]
    least: Count = 2
    """Training pictures that a word must stand with."""
    dtype: Dtype = "float32"


class _Encoded(Table):
    """What a network that others have trained tells."""

    batch: Count | None = None
    """Pictures at once; default `BATCH` of the model."""
    dtype: Dtype = "float32"
    weights: Weights | None = None
    """Default what the recipe says."""


class LatentFeatures(_Encoded):
    """The first latents of the very deep VAE (Child, 2021) of a picture at 64 pixels."""

    model: Literal["vdvae"]
    layers: Annotated[int, Field(ge=1, le=LATENTS)] = 31
    """How many, coarse to fine; 31 in Brain-Diffuser, 91,168 numbers."""
    draw: Literal["posterior", "mean"] = "posterior"
    """Whether they are drawn, each picture's by its own seed, as Brain-Diffuser does, or are the mean."""


class PatchFeatures(_Encoded):
    """All tokens of a picture that CLIP ViT-L/14 sees: 257 of 768."""

    model: Literal["clip-vision"]


class TextFeatures(_Encoded):
    """All tokens of a picture's captions that CLIP ViT-L/14 reads, averaged over the captions: 77 of 768."""

    model: Literal["clip-text"]


class EmbeddingFeatures(_Encoded):
    """The embedding of a picture by a CLIP of LAION, as generators take it: projected, not normalised."""

    model: Literal["clip-image"]
    encoder: Literal["vit-h-14", "vit-bigg-14"] = "vit-h-14"
    """ViT-H/14 tells 1,024 numbers, for IP-Adapter; ViT-bigG/14 tells 1,280, for Kandinsky 2.2."""


class PromptFeatures(_Encoded):
    """What the text encoders of a Stable Diffusion say of a picture's captions, averaged over the captions.

    77 tokens of 768 for 1.5; for XL 77 of 2,048 and a pooled embedding of 1,280.
    """

    model: Literal["prompt"]
    base: Literal["sdxl", "sd15"] = "sdxl"
    """Whose, as in the pictures that are painted of it."""


EncodedFeatures = LatentFeatures | PatchFeatures | TextFeatures | EmbeddingFeatures | PromptFeatures
FeatureSpace = Annotated[
    PixelFeatures | PcaFeatures | WordFeatures | EncodedFeatures, Field(discriminator="model")
]
