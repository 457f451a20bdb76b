"""What a product says of the networks it was made with that nobody trains here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..models.autoencoder import Autoencoder
from ..models.planned import insist_same

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What is said of whatever went through a network that nobody trained.
RANDOM_WEIGHTS = 'made with random weights (weights = "random"): nothing it shows is a result'


def of_autoencoder(identity: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what a variable says of the frozen autoencoder; loudly, where that has learned nothing."""
    if identity is None:
        return {}
    said: dict[str, Any] = {"autoencoder": dict(identity)}
    return {**said, "note": RANDOM_WEIGHTS} if identity == {"weights": "random"} else said


def insist_autoencoder(weights: str, identity: Mapping[str, str] | None) -> None:
    """Refuse another autoencoder than the run was planned with, where it has one.

    Raises
    ------
    WeightsMissing
        Naming what differs.
    """
    if identity is not None:
        insist_same("the autoencoder", Autoencoder.of(weights).identity(), identity)


def of_networks(identity: Mapping[str, str]) -> dict[str, Any]:
    """Return what a variable says of the weights it was made with; loudly, where nobody trained them."""
    said: dict[str, Any] = {"weights": dict(identity)}
    return {**said, "note": RANDOM_WEIGHTS} if identity == {"weights": "random"} else said
