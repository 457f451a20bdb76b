"""Networks that others have trained: laid out without memory, given their weights, once a worker.

Each is found by its name among the published ones (`vox2pix weights list`). `weights = "random"` is a tiny
one of the same make with seeded weights, to try a recipe with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from cluster import Key, resident

from .checkpoint import read
from .device import device
from .networks import fill, nbytes
from .planned import insist_same
from .weights import identity, located, weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn


@dataclass(frozen=True)
class Pretrained:
    """A network, and where its weights are."""

    name: str
    """Of the published model, as `located` knows it."""
    part: str
    """Which part of it this is, as in "vision"."""
    weights: str
    """ "published", "random" or a path."""
    build: Callable[[], nn.Module]
    """Makes it, on the device that torch is told to."""
    kept: Callable[[str], bool] = bool
    """Whether a weight of the published model, by its name, is of this part."""

    def identity(self) -> dict[str, str]:
        """Return what tells its weights from others, for a fingerprint: sha256 by file.

        Raises
        ------
        WeightsMissing
            If they are not on this machine; the message has the command that gets them.
        """
        if self.weights == "random":
            return {"weights": "random"}
        return identity(located(self.name, self.weights), self.name)

    def insist(self, identity: Mapping[str, str]) -> None:
        """Refuse other weights than those a plan was made with, as a machine may have.

        Raises
        ------
        WeightsMissing
            Naming both.
        """
        insist_same(self.name, self.identity(), identity)

    @property
    def nbytes(self) -> int:
        """Bytes of its weights in float32."""
        return _nbytes(self.build)

    def skeleton(self) -> nn.Module:
        """Return it, frozen, without memory for its weights."""
        import torch

        with torch.device("meta"):
            return _frozen(self.build())

    def load(self) -> nn.Module:
        """Return it with its weights, frozen, in float32 on this process's device.

        Raises
        ------
        WeightsMissing
            If they are not there, damaged, or more than numbers.
        WrongNetwork
            If they are those of another network.
        """
        import torch

        if self.weights == "random":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                made = _frozen(self.build())
        else:
            path = located(self.name, self.weights)
            made = self.skeleton()
            files = [path] if path.is_file() else weight_files(path)
            held = {name: one for file in files for name, one in read(file).items() if self.kept(name)}
            fill(made, held, str(path))
        return made.to(device(), torch.float32)

    def on_worker(self) -> Any:
        """Return it as this process holds it, loaded on first use."""
        revision = " ".join(self.identity().values())
        return resident(Key(f"{self.name} {self.part}", revision, device=device()), self.load, self.nbytes)


def _frozen(network: nn.Module) -> nn.Module:
    return network.requires_grad_(requires_grad=False).eval()


@cache
def _nbytes(build: Callable[[], nn.Module]) -> int:
    import torch

    with torch.device("meta"):
        return nbytes(build())


def vdvae(weights: str) -> Pretrained:
    """Return the very deep VAE for ImageNet at 64 pixels."""
    return Pretrained("vdvae", "whole", weights, _vdvae_random if weights == "random" else _vdvae)


def clip_vision(weights: str) -> Pretrained:
    """Return what sees in OpenAI's CLIP ViT-L/14: all tokens of a picture."""
    build = partial(_clip, "VisionTokens", "RANDOM" if weights == "random" else "PUBLISHED")
    return Pretrained("clip-vit-l-14", "vision", weights, build, _visual)


def clip_text(weights: str) -> Pretrained:
    """Return what reads in OpenAI's CLIP ViT-L/14: all tokens of a text."""
    build = partial(_clip, "TextTokens", "RANDOM" if weights == "random" else "PUBLISHED")
    return Pretrained("clip-vit-l-14", "text", weights, build, _textual)


def clip_image(weights: str) -> Pretrained:
    """Return what sees in LAION's CLIP ViT-H/14: one embedding of a picture."""
    build = partial(_clip, "ImageEmbedding", "RANDOM_LARGER" if weights == "random" else "LARGER")
    return Pretrained("clip-vit-h-14", "vision", weights, build, _visual)


def kandinsky_image(weights: str) -> Pretrained:
    """Return what sees in LAION's CLIP ViT-bigG/14, as Kandinsky 2.2 has it: one embedding of a picture."""
    build = partial(_seeing, "RANDOM_VISION_G" if weights == "random" else "VISION_G")
    return Pretrained("kandinsky-2-2-prior", "vision", weights, build, _learned)


def _seeing(sizes: str) -> nn.Module:
    from . import architectures
    from .image_encoder import ImageEncoder

    return ImageEncoder(getattr(architectures, sizes))


def _learned(name: str) -> bool:
    return not name.endswith("position_ids")  # numbers from 0 on, which older files hold


def _vdvae() -> nn.Module:
    from .vdvae import VDVAE

    return VDVAE()


def _vdvae_random() -> nn.Module:
    from .hierarchy import RANDOM
    from .vdvae import VDVAE

    return VDVAE(RANDOM)


def _clip(part: str, sizes: str) -> nn.Module:
    from . import clip

    said = getattr(clip, sizes)
    made: nn.Module = getattr(clip, part)(clip.described(said) if isinstance(said, str) else said)
    return made


def _visual(name: str) -> bool:
    return name.startswith("visual.")


def _textual(name: str) -> bool:
    return not _visual(name) and name != "logit_scale"
