"""The hierarchy of a very deep VAE: its blocks from one picture size to the next, and the latents they hold.

A network of many layers of latents, from one that stands for the whole picture to one for every few pixels
(Child, 2021, "Very deep VAEs generalize autoregressive models and can outperform them on images").
No torch is needed to know how many numbers its latents are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from ..errors import ShapeError

PART = re.compile(r"(\d+)([xdm])(\d+)")


@dataclass(frozen=True)
class Step:
    """One block."""

    side: int
    """Of what it works on."""
    shrink: int = 1
    """By how much it makes the side smaller at its end."""
    source: int | None = None
    """Side of the coarser state that is added at its beginning."""


@cache
def steps(text: str) -> tuple[Step, ...]:
    """Return the blocks that a string stands for, in the notation of the published code.

    `64x11` are eleven blocks at 64 pixels a side, `64d2` is one that halves the side at its end, `4m1` one at
    4 pixels that adds the state of 1 pixel at its beginning.

    >>> steps("8d2,4m1")
    (Step(side=8, shrink=2, source=None), Step(side=4, shrink=1, source=1))

    Raises
    ------
    ValueError
        If it is none.
    """
    made: list[Step] = []
    for part in text.split(","):
        found = PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} in {text!r} is no block; expected one like 64x11, 64d2 or 4m1")
        side, number = int(found[1]), int(found[3])
        kinds = {"x": [Step(side)] * number, "d": [Step(side, number)], "m": [Step(side, source=number)]}
        made += kinds[found[2]]
    return tuple(made)


@dataclass(frozen=True)
class Hierarchy:
    """The sizes of a very deep VAE.

    Parameters
    ----------
    encoder, decoder
        Their blocks, as `steps` reads them. Each block of the decoder holds one latent.
    width
        Channels of states; a multiple of 4, as blocks have a quarter of them inside.
    channels
        Of a latent.
    components
        Logistic distributions that the colour of a pixel is a mixture of.
    """

    encoder: str
    decoder: str
    width: int = 512
    channels: int = 16
    components: int = 10

    @property
    def size(self) -> int:
        """Side of a picture."""
        return steps(self.encoder)[0].side

    @property
    def middle(self) -> int:
        """Channels inside a block."""
        return self.width // 4

    @property
    def latents(self) -> list[tuple[int, int, int]]:
        """Extents (channel, y, x) of each latent, coarse to fine."""
        return [(self.channels, step.side, step.side) for step in steps(self.decoder)]

    @property
    def ends(self) -> list[int]:
        """Where each latent ends in a row of all of them: latent by latent, C order within."""
        return list(accumulate(channels * y * x for channels, y, x in self.latents))

    def columns(self, layers: int) -> int:
        """Return how many numbers the first `layers` latents are.

        Raises
        ------
        ShapeError
            If there are not as many.
        """
        if not 1 <= layers <= len(self.ends):
            raise ShapeError(
                f"{layers} layers of latents were asked for; the network has {len(self.ends)}: "
                f"take 1 to {len(self.ends)}"
            )
        return self.ends[layers - 1]

    def layers(self, columns: int) -> int:
        """Return how many whole latents a row of `columns` numbers is; none for 0.

        Raises
        ------
        ShapeError
            If it ends inside one.
        """
        if columns not in (0, *self.ends):
            nearest = min(self.ends, key=lambda end: abs(end - columns))
            raise ShapeError(
                f"rows of {columns} numbers are no whole layers of latents; the nearest that are have "
                f"{nearest} ({self.ends.index(nearest) + 1} layers)"
            )
        return 0 if columns == 0 else self.ends.index(columns) + 1


#: The published network for ImageNet at 64 pixels (Child, 2021, `openai/vdvae`, set "imagenet64"): 75 latents
#: of 1,451,040 numbers. Brain-Diffuser (Ozcelik and VanRullen, 2023) takes the first 31, 91,168 numbers.
IMAGENET64 = Hierarchy(
    encoder="64x11,64d2,32x20,32d2,16x9,16d2,8x8,8d2,4x7,4d4,1x5",
    decoder="1x2,4m1,4x3,8m4,8x7,16m8,16x15,32m16,32x31,64m32,64x12",
)
PARAMETERS = 125_005_860
"""Parameters of the published one."""
#: What `weights = "random"` builds: the published one with fewer channels, to try a recipe with.
RANDOM = Hierarchy(IMAGENET64.encoder, IMAGENET64.decoder, width=16)
