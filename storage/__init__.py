"""What is kept: archives of products, and the sources they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .archive import Archive
    from .product import Product
    from .remote import Location

__all__ = ["Archive", "Location", "Product"]

_HOMES = {"Archive": "archive", "Location": "remote", "Product": "product"}


def __getattr__(name: str) -> object:
    """Import on first use, so that `import storage` costs nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
