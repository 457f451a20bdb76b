"""The block that the very deep VAE (Child, 2021) is made of, as `openai/vdvae` names its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from .hierarchy import Step

F = nn.functional


class Block(nn.Module):
    """Four convolutions with fewer channels in the middle, each after a GELU.

    Parameters
    ----------
    inputs, middle, outputs
        Channels.
    step
        Where it stands: at 2 pixels a side or less, no convolution looks at neighbours.
    residual
        Whether the input is added back.
    """

    def __init__(self, inputs: int, middle: int, outputs: int, step: Step, *, residual: bool = False) -> None:
        super().__init__()
        kernel = 3 if step.side > 2 else 1
        self.residual, self.shrink = residual, step.shrink
        self.c1 = nn.Conv2d(inputs, middle, 1)
        self.c2 = nn.Conv2d(middle, middle, kernel, padding=kernel // 2)
        self.c3 = nn.Conv2d(middle, middle, kernel, padding=kernel // 2)
        self.c4 = nn.Conv2d(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (picture, outputs, y / shrink, x / shrink)."""
        made = x
        for convolution in (self.c1, self.c2, self.c3, self.c4):
            made = convolution(F.gelu(made))
        made = x + made if self.residual else made
        return F.avg_pool2d(made, self.shrink) if self.shrink > 1 else made
