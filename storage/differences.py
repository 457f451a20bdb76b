"""What tells products of one name apart: settings in which they, or what they are made from, differ."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

from .errors import StorageError
from .lineage import lineage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .lineage import At
    from .product import Product

#: Differences told of a product; more would bury the addresses.
MOST = 3
#: Characters of a value.
LONG = 40


def told_apart(at: At, products: Sequence[Product]) -> str:
    """Return products by their addresses, each with the settings that the others have not.

    Parameters
    ----------
    at
        Gives the product at an address; what products are made from is looked up there.
    products
        Some of one name. One that cannot be read is its address alone.
    """
    products = sorted(products, key=str)
    known = [_settings(at, product) for product in products]
    keys = _differing([settings for settings in known if settings])
    return ", ".join(_told(*each, keys) for each in zip(products, known, strict=True))


def _told(product: Product, settings: dict[str, Any], keys: Sequence[str]) -> str:
    said = "; ".join(f"{key} = {settings[key]!s:.{LONG}}" for key in keys if key in settings)
    return f"{product} ({said})" if said else str(product)


def _settings(at: At, product: Product) -> dict[str, Any]:
    with suppress(StorageError):
        return dict(_walk(lineage(at, product), ""))
    return {}


def _walk(line: dict[str, Any], of: str) -> Iterator[tuple[str, Any]]:
    """Yield a product's own settings, then those of what it is made from, named by it."""
    asked = {**(line.get("source") or {}), **(line.get("settings") or {}), "version": line.get("version")}
    for key, value in asked.items():
        if key != "subject":  # the address tells the owner
            yield f"{key}{of}", value
    for given in line.get("inputs", {}).values():
        yield from _walk(given, f" of {given['product'].partition('/')[2].partition('@')[0]}")


def _differing(known: Sequence[dict[str, Any]]) -> list[str]:
    """Return the first keys in which settings differ; of those that say the same, the first."""
    found: dict[str, str] = {}
    for key in dict.fromkeys(chain.from_iterable(known)):
        values = [repr(settings.get(key)) for settings in known]
        if len(set(values)) > 1:
            found.setdefault(f"{key.partition(' of ')[0]} {values}", key)
    return list(found.values())[:MOST]
