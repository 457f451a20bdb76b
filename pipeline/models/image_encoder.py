"""What sees in a CLIP that is kept in transformers' names: one embedding of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .clip import standardised
from .vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping


class ImageEncoder(nn.Module):
    """Tells one embedding of a picture, projected, of whatever length it has.

    Weights have the names that they have in transformers' CLIPVisionModelWithProjection.

    Parameters
    ----------
    sizes
        As `architectures.VISION_G`.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        prepare_torchvision()
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        whole: Any = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes))
        self.vision_model: Any = whole.vision_model
        self.visual_projection: Any = whole.visual_projection
        self.size: int = sizes["image_size"]
        # No weight, so files lack it, and a network laid out without memory would keep it without numbers.
        del self.vision_model.embeddings.position_ids

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
        inside, weight = self.vision_model.embeddings, self.visual_projection.weight
        inside.position_ids = torch.arange(inside.num_positions, device=weight.device)[None]
        seen = self.vision_model(pixel_values=standardised(pictures, self.size, weight))
        made: Tensor = self.visual_projection(seen.pooler_output)
        return made
