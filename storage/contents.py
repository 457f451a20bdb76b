"""What an archive holds: products, found by listing folders and never a chunk, and a line about each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .errors import Damaged, Missing
from .fingerprint import is_fingerprint
from .markers import FRAME
from .product import Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .remote import Location

#: Requests in flight: an archive on S3 has some hundred folders and seals, each some 30 ms away.
REQUESTS = 32

#: Most characters of an owner or a part of a name.
LONGEST = 200

#: What is said of a product.
COLUMNS = ("owner", "name", "fingerprint", "sealed", "blocks", "done", "bytes", "created")


def everything(archive: Location) -> list[Product]:
    """Return every product, complete or not, sorted by address."""
    level = [(owner, "") for owner in archive.folders() if owner != "recipes"]
    found = []
    with ThreadPoolExecutor(REQUESTS) as pool:
        while level:
            entries = list(pool.map(lambda at: _folder(archive, *at).folders(), level))
            below = [
                (owner, name, each)
                for (owner, name), here in zip(level, entries, strict=True)
                for each in here
            ]
            found += [_product(archive, *at) for at in below if at[1] and is_fingerprint(at[2])]
            level = list(_deeper(below))
    return sorted(found, key=lambda product: product.address)


def _folder(archive: Location, owner: str, name: str) -> Location:
    return archive / owner / name if name else archive / owner


def _product(archive: Location, owner: str, name: str, fingerprint: str) -> Product:
    return Product(_folder(archive, owner, name) / fingerprint, owner, name, fingerprint)


def _deeper(below: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the folders that may hold products: names have one part or two."""
    for owner, name, entry in below:
        if not (name and is_fingerprint(entry)) and "/" not in name:
            yield owner, f"{name}/{entry}" if name else entry


def named(archive: Location, name: str, owner: str | None, prefix: str = "") -> list[Product]:
    """Return the products of a name whose fingerprints begin so; a listing for each owner there may be."""
    if not all(map(_is_part, [*name.split("/"), owner or "all"])):
        return []
    owners = [each for each in archive.folders() if each != "recipes"] if owner is None else [owner]
    with ThreadPoolExecutor(REQUESTS) as pool:
        listed = list(pool.map(lambda each: _folder(archive, each, name).folders(), owners))
    return [
        _product(archive, each, name, entry)
        for each, entries in zip(owners, listed, strict=True)
        for entry in entries
        if is_fingerprint(entry) and entry.startswith(prefix)
    ]


def _is_part(text: str) -> bool:
    """Tell whether a folder of an archive may have this name; others would lead out of it, or nowhere."""
    return text not in ("", ".", "..") and text.isprintable() and "/" not in text and len(text) <= LONGEST


def summaries(products: Iterable[Product]) -> list[dict[str, Any]]:
    """Return the rows of some products."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(summary, products))


def summary(product: Product) -> dict[str, Any]:
    """Return a product's row: one read where it is sealed; one that is damaged has no blocks to count."""
    address = {"owner": product.owner, "name": product.name, "fingerprint": product.fingerprint}
    record = product.seal_record()
    if record is not None:
        blocks = len(record["edges"]) - 1
        known = {"sealed": True, "blocks": blocks, "done": blocks}
        return {**address, **known, "bytes": record["bytes"], "created": record["created"]}
    try:
        blocks, done = len(product.blocks()), len(product.done() - {FRAME})
    except (Damaged, Missing):
        blocks = done = 0
    size = sum(stat.size for _, stat in product.data.files())
    return {**address, "sealed": False, "blocks": blocks, "done": done, "bytes": size, "created": None}
