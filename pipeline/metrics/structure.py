"""Structural similarity of pictures, two-dimensional and, as older numbers have it, column by column.

Settings of Brain-Diffuser's evaluation (Ozcelik and VanRullen 2023): luminance in [0, 1], Gaussian weights
with sigma 1.5, cut at 3.5 sigma (11 taps), population covariance; computed by scikit-image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ShapeError

from .pictures import pairs

if TYPE_CHECKING:
    from .pictures import Picture, Pictures, Scores

TAPS = 11
"""Width of the window of sigma 1.5, cut by scikit-image at 3.5 sigma."""


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
    return _similarities(seen, made, columns=False)


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
    return _similarities(seen, made, columns=True)


def check_window(size: tuple[int, int]) -> None:
    """Check that `ssim` can be computed on seen pictures of a size.

    Parameters
    ----------
    size
        Pixels (y, x).

    Raises
    ------
    ShapeError
        If either is less than the window's 11.
    """
    _check_size(size)


def check_columns(size: tuple[int, int]) -> None:
    """Check that `ssim_columns` can be computed on seen pictures of a size.

    Parameters
    ----------
    size
        Pixels (y, x).

    Raises
    ------
    ShapeError
        If there are fewer than 11 rows of pixels.
    """
    _check_size(size[:1])


def _similarities(seen: Pictures, made: Pictures, *, columns: bool) -> Scores:
    matched = pairs(seen, made)
    (check_columns if columns else check_window)((seen.shape[1], seen.shape[2]))
    channel = 1 if columns else None
    return np.array([_similarity(luminance(a), luminance(b), channel) for a, b in matched])


def _check_size(sides: tuple[int, ...]) -> None:
    if min(sides) < TAPS:
        raise ShapeError(
            f"Pictures of {' x '.join(map(str, sides))} pixels found; SSIM's window needs at least "
            f"{TAPS} a side: use larger pictures, or leave SSIM out of the metrics."
        )


def luminance(picture: Picture) -> Scores:
    """Return the luminance (y, x) in [0, 1] of a uint8 picture (y, x, channel)."""
    from skimage.color import rgb2gray

    return np.asarray(picture[:, :, 0] / 255.0 if picture.shape[2] == 1 else rgb2gray(picture))


def _similarity(a: Scores, b: Scores, channel: int | None) -> float:
    from skimage.metrics import structural_similarity

    measure: Any = structural_similarity  # untyped
    return float(
        measure(
            a,
            b,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=channel,
        )
    )
