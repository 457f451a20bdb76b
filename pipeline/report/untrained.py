"""Whether anything went through a network with random weights: nobody may take it for a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .results import Results

#: Kinds of products that a network which is not trained here can be part of.
KINDS = ("features/", "model/", "images/")


def untrained(results: Results) -> Iterator[str]:
    """Yield the name of each product that a network with random weights was part of."""
    for one in results.expected:
        if one.product.name.startswith(KINDS) and one.product.created():
            settings = one.product.about()["settings"]
            if any(setting == {"weights": "random"} for setting in settings.values()):
                yield one.product.name
