"""Structural similarity of pictures, two-dimensional and, as older numbers have it, column by column.

Settings of Brain-Diffuser's evaluation (Ozcelik and VanRullen 2023): luminance in [0, 1], Gaussian weights
with sigma 1.5, cut at 3.5 sigma (11 taps), population covariance. The numbers are those of scikit-image's
``structural_similarity`` with these settings, to 1e-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .pictures import pairs

if TYPE_CHECKING:
    from .pictures import Picture, Pictures, Scores

SIGMA = 1.5
TRUNCATE = 3.5
TAPS = 11
"""Width of the window: 2 int(TRUNCATE SIGMA + 0.5) + 1."""

C1, C2 = 0.01**2, 0.03**2
"""The constants of Wang et al. 2004 for values in [0, 1]."""

RED, GREEN, BLUE = 0.2125, 0.7154, 0.0721
"""Luminance of linear RGB (ITU-R BT.709), as in scikit-image's rgb2gray."""


def ssim(seen: Pictures, made: Pictures) -> Scores:
    """Return the structural similarity (Wang et al. 2004) of luminance, for every row.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        Made pictures are resized to the seen ones' size.

    Returns
    -------
    (row,) float64
        In [-1, 1].

    Raises
    ------
    ShapeError
        If pictures are smaller than the 11 x 11 window.
    """
    return _similarities(seen, made, (0, 1))


def ssim_columns(seen: Pictures, made: Pictures) -> Scores:
    """Return the mean over columns of one-dimensional structural similarities, for every row.

    What scikit-image up to 0.19 computed of two grey pictures when told they were ``multichannel``: the last
    axis, the columns, were taken for channels. Published with it: Brain-Diffuser. Not comparable with
    the two-dimensional score: it may lie above or below.

    Parameters
    ----------
    seen, made : (row, y, x, channel) uint8
        Made pictures are resized to the seen ones' size.

    Returns
    -------
    (row,) float64
        In [-1, 1].

    Raises
    ------
    ShapeError
        If pictures have fewer than 11 rows of pixels.
    """
    return _similarities(seen, made, (0,))


def _similarities(seen: Pictures, made: Pictures, axes: tuple[int, ...]) -> Scores:
    matched = pairs(seen, made)
    _check_size(seen, axes)
    return np.array([_similarity(luminance(a), luminance(b), axes) for a, b in matched])


def _check_size(seen: Pictures, axes: tuple[int, ...]) -> None:
    if min(seen.shape[1 + axis] for axis in axes) < TAPS:
        raise ShapeError(
            f"Pictures of {seen.shape[1]} x {seen.shape[2]} pixels found; SSIM's window needs at least "
            f"{TAPS} a side: use larger pictures, or leave SSIM out of the metrics."
        )


def luminance(picture: Picture) -> Scores:
    """Return the luminance (y, x) in [0, 1] of a uint8 picture (y, x, channel)."""
    values = picture / 255.0
    return np.asarray(values[:, :, 0] if picture.shape[2] == 1 else values @ np.array([RED, GREEN, BLUE]))


def _similarity(a: Scores, b: Scores, axes: tuple[int, ...]) -> float:
    mean_a, mean_b = _smooth(a, axes), _smooth(b, axes)
    variance_a, variance_b = _smooth(a * a, axes) - mean_a**2, _smooth(b * b, axes) - mean_b**2
    covariance = _smooth(a * b, axes) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    likeness = likeness * (2 * covariance + C2) / (variance_a + variance_b + C2)
    # Only where the window lies wholly inside the picture.
    edge = TAPS // 2
    inside = tuple(slice(edge, -edge) if axis in axes else slice(None) for axis in (0, 1))
    return float(likeness[inside].mean())


def _smooth(values: Scores, axes: tuple[int, ...]) -> Scores:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(values, SIGMA, truncate=TRUNCATE, axes=axes))
