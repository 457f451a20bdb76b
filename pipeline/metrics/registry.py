"""The metrics a recipe can name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from .correlation import pixcorr, pixel_correlations
from .identification import two_way_pixels
from .structure import check_columns, check_window, ssim, ssim_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .pictures import Pictures, Scores

Compare: TypeAlias = "Callable[[Pictures, Pictures], Scores]"
Check: TypeAlias = "Callable[[tuple[int, int]], None]"


def any_size(_size: tuple[int, int]) -> None:
    """Take seen pictures of any size."""


@dataclass(frozen=True)
class Metric:
    """A score of made pictures against the seen ones."""

    name: str
    """As recipes and archives spell it."""
    label: str
    """As reports print it."""
    higher_is_better: bool
    function: Compare
    """(seen, made) -> (row,) float64; pictures are (row, y, x, channel) uint8."""
    doc: str
    """What it says, in one sentence."""
    paper: str
    """Where it comes from."""
    likeness: Compare | None = None
    """(seen, made) -> (row of seen, row of made), where a score is `shares` of how alike all pairs are; these
    may come in any runs. None where each row is scored by itself."""
    check: Check = any_size
    """(y, x) of the seen pictures, to whose size the made ones are brought; ShapeError if too small."""


BRAIN_DIFFUSER = "Ozcelik and VanRullen 2023, Scientific Reports 13:15666"

_ALL = (
    Metric(
        name="pixcorr",
        label="PixCorr",
        higher_is_better=True,
        function=pixcorr,
        doc="Correlation of all pixel values of a made picture with those of the seen one.",
        paper=BRAIN_DIFFUSER,
    ),
    Metric(
        name="ssim",
        label="SSIM",
        higher_is_better=True,
        function=ssim,
        doc="Structural similarity of luminance in an 11 x 11 Gaussian window.",
        paper="Wang, Bovik, Sheikh and Simoncelli 2004, IEEE Transactions on Image Processing 13:600",
        check=check_window,
    ),
    Metric(
        name="ssim-columns",
        label="SSIM (columns)",
        higher_is_better=True,
        function=ssim_columns,
        doc="Mean over columns of one-dimensional structural similarities, as old scikit-image computed it.",
        paper=BRAIN_DIFFUSER,
        check=check_columns,
    ),
    Metric(
        name="two-way-pixels",
        label="Two-way (pixels)",
        higher_is_better=True,
        function=two_way_pixels,
        likeness=pixel_correlations,
        doc="Share of other seen pictures whose pixels correlate less with a made picture than its own.",
        paper=BRAIN_DIFFUSER,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name in recipes."""
