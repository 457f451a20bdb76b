"""What a product was made from, down to the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .product import Product

    At = Callable[[str], Product]


def lineage(at: At, product: Product) -> dict[str, Any]:
    """Return a product's stage, version, settings, source and inputs, these in the same way.

    `at` gives the product at an address. An input that is not there any more is its address alone; what
    several products stand on is read once.
    """
    return _lineage(at, product, {})


def _lineage(at: At, product: Product, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    about = product.about()
    inputs = {}
    for key, address in about["inputs"].items():
        if address not in known:
            known[address] = _input(at, address, known)
        inputs[key] = known[address]
    said = {key: about.get(key) for key in ("stage", "version", "settings", "source")}
    return {"product": product.address, **said, "inputs": inputs}


def _input(at: At, address: str, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    try:
        return _lineage(at, at(address), known)
    except Missing:
        return {"product": address}
