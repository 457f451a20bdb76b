"""Collect what nobody needs any more: products that no kept recipe reaches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from .archive import Archive
    from .product import Product

#: A product somebody wrote to so recently may be one that is being made: seconds.
YOUNG = 24 * 3600.0


@dataclass(frozen=True)
class Leftover:
    """A product that no kept recipe reaches."""

    product: Product
    written: float
    """When its last marker was written, in seconds since the epoch."""
    young: bool
    """Whether that is so recent that it must stay."""


def leftovers(archive: Archive, kept: Collection[str], now: float | None = None) -> list[Leftover]:
    """Return the products that are not among the kept.

    Parameters
    ----------
    archive
        Where to look.
    kept
        Addresses ``OWNER/NAME@FINGERPRINT``, as `Archive.reached` returns them.
    now
        Seconds since the epoch; default the clock.
    """
    moment = time.time() if now is None else now
    found = []
    for product in archive:
        if product.address not in kept:
            written = _written(product)
            found.append(Leftover(product, written, young=moment - written < YOUNG))
    return found


def _written(product: Product) -> float:
    """Return the time of the youngest marker or checkpoint; without any, that of anything in the product."""
    kept = (product.place / name for name in ("done", "work"))
    marked = [stat.modified for place in kept for _, stat in place.files(recursive=False)]
    return max(marked or [stat.modified for _, stat in product.place.files()], default=0.0)


def remove(product: Product) -> None:
    """Remove a product: its seal first, then its markers, then the rest.

    A removal that is cut short leaves a product that is not complete, never one that only claims to be.
    """
    product.revoke(product.done())
    product.place.delete_tree()
