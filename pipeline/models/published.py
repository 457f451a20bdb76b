"""Which published weights there are: their home, their licence, and what needs them.

Nothing is shipped with vox2pix. A size or checksum that isn't known stands here as None, never as a guess:
what comes from the Hugging Face hub is compared with what the hub says of it, anything else is noted when it
is fetched first and compared from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import RecipeError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGENET = "learned from ImageNet, whose terms are non-commercial research"
"""What is to be known besides the licence."""
LAION = "learned from pictures of the web (LAION)"


@dataclass(frozen=True)
class Part:
    """A file, or a folder in diffusers' layout (a description and weights, or settings and vocabularies)."""

    path: str
    """Where it lies in its home, and below the folder of its model."""
    name: str = ""
    """What it is called, after the model's name and a slash; none where the model is this file."""
    size: int | None = None
    """Bytes; None where nobody has said."""
    sha256: str | None = None
    parameters: int | None = None
    """Numbers in it."""
    otherwise: str = ""
    """What it was called before, in its home; taken where `path` isn't there."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, rather than a folder."""
        return "." in self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Published:
    """A model that others have trained and given away."""

    name: str
    what: str
    home: str
    """A repository of the Hugging Face hub, "owner/name", or the URL of the folder of its files."""
    parts: tuple[Part, ...]
    licence: str
    note: str = ""
    """What is to be known besides the licence."""
    features: tuple[str, ...] = ()
    """Models of [features.X] that need it."""
    generators: tuple[str, ...] = ()
    """Generators of [images.X] that need it."""

    @property
    def on_the_hub(self) -> bool:
        """Whether it lies in a repository of the Hugging Face hub."""
        return "://" not in self.home

    def called(self, part: Part) -> str:
        """Return the name of a part, as `named` knows it."""
        return f"{self.name}/{part.name}" if part.name else self.name


def _folders(**parameters: int | None) -> tuple[Part, ...]:
    return tuple(Part(name, name, parameters=count) for name, count in parameters.items())


def _clip(parameters: int) -> Part:
    """Return a file as open_clip calls it, now and before it had one of tensors alone."""
    return Part("open_clip_model.safetensors", parameters=parameters, otherwise="open_clip_pytorch_model.bin")


#: Numbers in networks that several have: the autoencoder, and CLIP ViT-L/14's half that reads.
VAE, TEXT = 83_653_863, 123_060_480
#: Homes and licences as the model cards say, where no other source is named.
MODELS = (
    Published(
        "vdvae",
        "very deep VAE for ImageNet at 64 pixels (Child, 2021), averaged weights",
        "https://openaipublic.blob.core.windows.net/very-deep-vaes-assets/vdvae-assets-2",
        (Part("imagenet64-iter-1600000-model-ema.th", parameters=125_005_860),),
        "MIT",
        IMAGENET,
        features=("vdvae",),
        generators=("vdvae",),
    ),
    Published(
        "clip-vit-l-14",
        "CLIP ViT-L/14 (Radford et al., 2021), OpenAI's weights in open_clip's names",
        "timm/vit_large_patch14_clip_224.openai",  # where open_clip's own table of weights points
        (_clip(427_616_513),),
        "MIT",
        "learned from pictures of the web",
        features=("clip-vision", "clip-text"),
        generators=("versatile-diffusion",),
    ),
    Published(
        "clip-vit-h-14",
        "OpenCLIP ViT-H/14 (laion2b_s32b_b79k), whose pooled embedding IP-Adapter takes",
        "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",  # as above
        (_clip(986_109_441),),
        "MIT",
        LAION,
        features=("clip-image",),
    ),
    Published(
        "versatile-diffusion",
        "Versatile Diffusion (Xu et al., 2023), in diffusers' layout",
        "shi-labs/versatile-diffusion",
        _folders(image_unet=859_520_964, text_unet=1_708_848_448, vae=VAE),
        "MIT",
        LAION,
        generators=("versatile-diffusion",),
    ),
    Published(
        "stable-diffusion-1-5",
        "Stable Diffusion 1.5 (Rombach et al., 2022); basic-ae needs its vae alone",
        # Where it was published was withdrawn in 2024; diffusers' own documentation names this mirror.
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        _folders(unet=859_520_964, vae=VAE, scheduler=0, text_encoder=TEXT),
        "CreativeML OpenRAIL-M",
        f"restrictions of use pass on; {LAION}",
        features=("prompt",),
        generators=("ip-adapter",),
    ),
    Published(
        "stable-diffusion-xl",
        "Stable Diffusion XL base 1.0 (Podell et al., 2023)",
        "stabilityai/stable-diffusion-xl-base-1.0",
        _folders(unet=2_567_463_684, vae=VAE, scheduler=0, text_encoder=TEXT, text_encoder_2=694_659_840),
        "CreativeML OpenRAIL++-M",
        "restrictions of use pass on",
        features=("prompt",),
        generators=("ip-adapter",),
    ),
    Published(
        "ip-adapter",
        "IP-Adapter (Ye et al., 2023), the forms that take a pooled ViT-H/14 embedding",
        "h94/IP-Adapter",
        (
            Part("models/ip-adapter_sd15.safetensors", "sd15"),
            Part("sdxl_models/ip-adapter_sdxl_vit-h.safetensors", "sdxl"),
        ),
        "Apache-2.0",
        generators=("ip-adapter",),
    ),
    Published(
        "kandinsky-2-2",
        "Kandinsky 2.2, its decoder from an image embedding",
        "kandinsky-community/kandinsky-2-2-decoder",
        _folders(unet=1_253_057_288, movq=67_832_495, scheduler=0),
        "Apache-2.0",
        generators=("kandinsky",),
    ),
    Published(
        "kandinsky-2-2-prior",
        "OpenCLIP ViT-bigG/14 (laion2b_s39b_b160k) as Kandinsky 2.2 has it, for embeddings of pictures",
        "kandinsky-community/kandinsky-2-2-prior",
        _folders(image_encoder=1_844_907_264),
        "Apache-2.0",
        LAION,
        features=("clip-image",),
        generators=("kandinsky",),
    ),
)
CATALOGUE: Mapping[str, Published] = {one.name: one for one in MODELS}


def named(name: str) -> tuple[Published, tuple[Part, ...]]:
    """Return the model that a name stands for, and those of its parts that are meant.

    Parameters
    ----------
    name
        Of a model, "versatile-diffusion", or of a part of it, "versatile-diffusion/vae".

    Raises
    ------
    RecipeError
        If there is none of that name.
    """
    model, _, part = name.partition("/")
    found = CATALOGUE.get(model)
    if found is None:
        raise RecipeError(
            f"no weights are called {name!r}; there are {', '.join(CATALOGUE)}{nearest(model, CATALOGUE)}"
        )
    parts = tuple(one for one in found.parts if part in ("", one.name))
    if not parts:
        known = [f"{model}/{one.name}" for one in found.parts if one.name]
        raise RecipeError(
            f"{model} has no part {part!r}; it has {', '.join(known) or 'none'}{nearest(name, known)}"
        )
    return found, parts
