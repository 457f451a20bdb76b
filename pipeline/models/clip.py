"""CLIP (Radford et al., 2021), patch by patch and word by word, as Versatile Diffusion is guided by it.

CLIP itself compares a picture and a text by one embedding each. Here all tokens are brought into the space of
those embeddings, and divided by the length that the one which counts has there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import ShapeError
from .vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PUBLISHED = "ViT-L-14-quickgelu"
"""The architecture of OpenAI's weights, as open_clip names it; under its name without the end, the same
weights load and compute something else."""
LARGER = "ViT-H-14"
"""That of LAION's weights (laion2b_s32b_b79k), whose embedding of a picture IP-Adapter takes."""
#: What `weights = "random"` builds: as many tokens as the published one, of fewer features.
RANDOM: Mapping[str, Any] = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "patch_size": 14, "width": 64, "layers": 2, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
#: The same for `LARGER`, with as many features as that has: there are few.
RANDOM_LARGER: Mapping[str, Any] = {**RANDOM, "embed_dim": 1024, "quick_gelu": False}
MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Of the brightness, 0 to 1, of the pictures that CLIP learned from, by colour: what it standardises by."""
STD = (0.26862954, 0.26130258, 0.27577711)
"""Its standard deviation."""
END = 49407
"""The token at the end of a text. Brain-Diffuser fills up with it what a text leaves, as transformers does;
open_clip would take 0, with which all embeddings after the end differ."""


def described(name: str = PUBLISHED) -> dict[str, Any]:
    """Return the sizes of one of open_clip's architectures."""
    prepare_torchvision()
    import open_clip

    found: dict[str, Any] = open_clip.get_model_config(name)
    return found


class _Vision(nn.Module):
    """Sees pictures. Weights have the names that they have in open_clip, `visual.` and so on.

    Parameters
    ----------
    sizes
        As `described` returns them.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        self.visual: Any = _whole(sizes).visual
        self.size: int = self.visual.image_size[0]

    def standardised(self, pictures: Tensor) -> Tensor:
        """Return (picture, colour, y, x) as CLIP takes them, of (picture, y, x, colour), 0 to 255.

        Raises
        ------
        ShapeError
            If they have another size than the network's.
        """
        return standardised(pictures, self.size, self.visual.proj)


def standardised(pictures: Tensor, size: int, weight: Tensor) -> Tensor:
    """Return (picture, colour, y, x) as CLIP takes them, of (picture, y, x, colour), 0 to 255.

    They get the precision and the device of a weight.

    Raises
    ------
    ShapeError
        If pictures have another size.
    """
    if tuple(pictures.shape[1:]) != (size, size, 3):
        raise ShapeError(
            f"pictures have shape {tuple(pictures.shape)}; "
            f"expected (picture, {size}, {size}, 3): resize them before"
        )
    exact = pictures.to(weight.device, torch.promote_types(weight.dtype, torch.float32))
    mean, std = (torch.tensor(one).to(exact) for one in (MEAN, STD))
    return ((exact / 255 - mean) / std).permute(0, 3, 1, 2).to(weight.dtype)


class VisionTokens(_Vision):
    """Tells the class token and the patches of pictures."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (picture, token, feature): the class token, then the patches row by row.

        Parameters
        ----------
        pictures
            (picture, y, x, colour), 0 to 255, of the network's size.

        Raises
        ------
        ShapeError
            If they have another size.
        """
        seen = self.visual.forward_intermediates(
            self.standardised(pictures),
            indices=1,
            normalize_intermediates=True,
            intermediates_only=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        parts = [seen["image_intermediates_prefix"][0], seen["image_intermediates"][0]]
        tokens = torch.cat(parts, dim=1) @ self.visual.proj
        made: Tensor = tokens / tokens[:, :1].norm(dim=-1, keepdim=True)
        return made


class ImageEmbedding(_Vision):
    """Tells one embedding of a picture, as IP-Adapter takes it: projected, of whatever length it has."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (picture, feature).

        Parameters
        ----------
        pictures
            (picture, y, x, colour), 0 to 255, of the network's size.

        Raises
        ------
        ShapeError
            If they have another size.
        """
        made: Tensor = self.visual(self.standardised(pictures))
        return made


class TextTokens(nn.Module):
    """Tells the tokens of texts.

    Weights have the names that they have in open_clip.

    Parameters
    ----------
    sizes
        As `described` returns them.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        whole = _whole(sizes)
        self.length: int = whole.context_length
        self.token_embedding = whole.token_embedding
        self.positional_embedding = whole.positional_embedding
        self.transformer = whole.transformer
        self.ln_final = whole.ln_final
        self.text_projection = whole.text_projection

    def forward(self, numbers: Tensor) -> Tensor:
        """Return (text, token, feature), divided by the length of the token at the end of each text.

        Parameters
        ----------
        numbers
            (text, token) int, as `numbers_of` returns them.
        """
        numbers = numbers.to(self.positional_embedding.device)
        x = self.token_embedding(numbers) + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=_causal(x)))
        tokens: Tensor = x @ self.text_projection
        end = _ends(numbers)
        made: Tensor = tokens / tokens[torch.arange(len(end)), end].norm(dim=-1)[:, None, None]
        return made


def _causal(x: Tensor) -> Tensor:
    """Return what keeps each token from those after it; no buffer, as files of weights have none."""
    length = x.shape[1]
    return x.new_full((length, length), -torch.inf).triu(1)


def _whole(sizes: Mapping[str, Any]) -> Any:
    prepare_torchvision()
    from open_clip import CLIP

    return CLIP(**sizes)


def numbers_of(texts: Sequence[str], length: int = 77) -> Tensor:
    """Return (text, token) int64: the numbers of the tokens of texts, cut or filled up to `length`."""
    prepare_torchvision()
    import open_clip

    numbers: Tensor = open_clip.get_tokenizer(PUBLISHED)(list(texts), context_length=length)
    return numbers.where(torch.arange(length) <= _ends(numbers)[:, None], END)


def _ends(numbers: Tensor) -> Tensor:
    """Return the place of the first end in each text; those after it fill up."""
    return (numbers == END).int().argmax(dim=1)


def mean_of_texts(tokens: Tensor, counts: Sequence[int]) -> Tensor:
    """Return (picture, token, feature): the mean over the texts of each picture.

    Parameters
    ----------
    tokens
        (text, token, feature), the texts of one picture after those of another.
    counts
        How many texts each picture has.

    Raises
    ------
    ShapeError
        If a picture has none.
    """
    if 0 in counts:
        raise ShapeError(f"picture {list(counts).index(0)} has no caption; every picture needs one")
    return torch.stack([one.mean(dim=0) for one in tokens.split(list(counts))])
