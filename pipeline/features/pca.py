"""The feature space ``pca``: the first principal components of the training pictures, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Shorter side of the pixel matrix up to which all components are computed exactly (seconds); above, the
#: first ones are found by random projections (Halko, Martinsson and Tropp, 2011), drawn by the seed.
EXACT = 2048


@dataclass(frozen=True)
class Basis:
    """The axes of a space of pictures.

    Parameters
    ----------
    mean
        (feature,) float, the mean picture in pixel values.
    components
        (component, feature) float, orthonormal, in falling order of variance; of each component's
        values the one of largest magnitude is positive.
    variance
        (component,) float, variance of the training pictures along each component, ddof 1.
    """

    mean: NDArray[np.floating[Any]]
    components: NDArray[np.floating[Any]]
    variance: NDArray[np.floating[Any]]


def fit(pixels: NDArray[Any], components: int, seed: int) -> Basis:
    """Find the directions in which pictures vary most.

    Parameters
    ----------
    pixels
        (image, feature) float, pixel values of the training pictures; computed with in float64.
    components
        How many directions; at most the number of pictures and of pixel values.
    seed
        Of the random projections, which only large sets need.

    Raises
    ------
    ShapeError
        If there are fewer pictures or pixel values than components, or fewer than two pictures.
    """
    from sklearn.decomposition import PCA

    _check_enough(pixels, components)
    solver = "full" if min(pixels.shape) <= EXACT else "randomized"
    pca = PCA(components, svd_solver=solver, random_state=seed % 2**32)
    with np.errstate(divide="ignore", invalid="ignore"):  # pictures all alike have no variance to share
        pca.fit(pixels.astype(np.float64))
    return Basis(pca.mean_, pca.components_, pca.explained_variance_)


def encode(values: NDArray[Any], basis: Basis) -> NDArray[np.float32]:
    """Return how much of each component pictures hold.

    Parameters
    ----------
    values
        (image, feature) float, pixel values.
    basis
        The axes that `fit` found.

    Returns
    -------
    (image, component) float32, in pixel values.

    Raises
    ------
    ShapeError
        If pictures have another number of pixel values than the basis.
    """
    _check_width("pixel values", values, len(basis.mean))
    scores: NDArray[Any] = (values.astype(np.float64) - basis.mean) @ basis.components.T
    return scores.astype(np.float32)


def decode(scores: NDArray[Any], basis: Basis) -> NDArray[np.float32]:
    """Return the pixel values that components add up to, with the mean picture; the inverse of `encode`.

    Parameters
    ----------
    scores
        (row, component) float.
    basis
        The axes that `fit` found.

    Returns
    -------
    (row, feature) float32, pixel values, not clipped.

    Raises
    ------
    ShapeError
        If rows have another number of components than the basis.
    """
    _check_width("component scores", scores, len(basis.components))
    pixels: NDArray[Any] = scores.astype(np.float64) @ basis.components + basis.mean
    return pixels.astype(np.float32)


def _check_enough(pixels: NDArray[Any], components: int) -> None:
    if pixels.ndim != 2 or len(pixels) < 2:
        raise ShapeError(f"pixels have shape {pixels.shape}; expected (image, feature), 2 images or more")
    if components > min(pixels.shape):
        images, features = pixels.shape
        raise ShapeError(
            f"{components} components were asked of {images} training pictures of {features} pixel values; "
            f"at most {min(images, features)} exist, so set components to that or less"
        )


def _check_width(what: str, values: NDArray[Any], width: int) -> None:
    if values.ndim != 2 or values.shape[1] != width:
        raise ShapeError(f"{what} have shape {values.shape}; expected (row, {width}), as the basis has")
