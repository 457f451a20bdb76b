"""An archive: a folder or bucket prefix that holds products, addressed by owner, name and fingerprint."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import notes
from .documents import parse
from .errors import Ambiguous, Missing, NoSuchProduct, NotAnArchive
from .fingerprint import is_fingerprint
from .markers import FRAME
from .product import Product
from .remote import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    import xarray as xr

#: Version of the layout on disk.
FORMAT = 1

_SIGN = {"format": "vox2pix archive", "version": FORMAT}


@dataclass(frozen=True, init=False)
class Archive:
    """The products kept in one place.

    Parameters
    ----------
    place
        Folder or ``s3://bucket/prefix``.
    storage_options
        `endpoint_url`, `profile`, `anon`, for object stores.
    must_exist
        Whether a place with nothing in it is an error; a run makes the archive there.

    Raises
    ------
    NotAnArchive
        If the place holds something else.
    Missing
        If nothing is there.

    Examples
    --------
    >>> archive = Archive("s3://my-lab/vox2pix")  # doctest: +SKIP
    >>> archive.open("responses", subject="subj01")  # doctest: +SKIP
    """

    place: Location

    def __init__(
        self,
        place: str | os.PathLike[str] | Location,
        storage_options: Mapping[str, str | bool] | None = None,
        *,
        must_exist: bool = True,
    ) -> None:
        object.__setattr__(self, "place", Location.of(place, storage_options))
        _check_sign(self.place, must_exist=must_exist)

    def __str__(self) -> str:
        return str(self.place)

    def create(self) -> None:
        """Make this an archive, where nothing is yet."""
        if not (self.place / "archive.json").exists():
            (self.place / "archive.json").write(json.dumps(_SIGN).encode())

    # --- products ------------------------------------------------------------------------------

    def product(self, owner: str, name: str, fingerprint: str) -> Product:
        """Return the product at an address, whether it exists or not."""
        return Product(self.place / owner / name / fingerprint, owner, name, fingerprint)

    def __iter__(self) -> Iterator[Product]:
        """Yield every product of the archive, complete or not."""
        for owner in self.place.folders():
            if owner != "recipes":
                yield from self._below(owner, "")

    def _below(self, owner: str, name: str) -> Iterator[Product]:
        folder = self.place / owner / name if name else self.place / owner
        for entry in folder.folders():
            if is_fingerprint(entry) and name:
                yield self.product(owner, name, entry)
            elif name.count("/") < 1:
                yield from self._below(owner, f"{name}/{entry}" if name else entry)

    def find(self, address: str) -> Product:
        """Return the one product that answers to ``OWNER/NAME[@FINGERPRINT-PREFIX]``.

        Raises
        ------
        NoSuchProduct
            If none does; the message lists what there is.
        Ambiguous
            If several do; the message lists them.
        """
        path, _, prefix = address.partition("@")
        owner, _, name = path.partition("/")
        everything = list(self)
        found = [
            product
            for product in everything
            if (product.owner, product.name) == (owner, name) and product.fingerprint.startswith(prefix)
        ]
        if not found:
            known = (
                ", ".join(sorted({f"{product.owner}/{product.name}" for product in everything})) or "nothing"
            )
            raise NoSuchProduct(f"{self} holds no product {address!r}; it holds {known}")
        return _only(found, address)

    def products(self, subject: str | None = None) -> pd.DataFrame:
        """Return a table of the products: owner, name, fingerprint, sealed, blocks, done, bytes, created."""
        import pandas as pd

        rows = [summary(product) for product in self if subject in (None, product.owner)]
        columns = ["owner", "name", "fingerprint", "sealed", "blocks", "done", "bytes", "created"]
        return pd.DataFrame(rows, columns=columns)

    def open(
        self,
        name: str,
        subject: str | None = None,
        *,
        recipe: Any = None,
        fingerprint: str = "",
        partial: bool = False,
    ) -> xr.Dataset:
        """Return a product as a lazy Dataset, in its units.

        Parameters
        ----------
        name
            As in ``images/final``.
        subject
            The owner; may be left out where only one owner has a product of that name.
        recipe
            A recipe whose run made the product, to choose among several fingerprints.
        fingerprint
            Beginning of the fingerprint, to choose among several.
        partial
            Also open a product that is still being made; missing blocks read as zeros.

        Raises
        ------
        NoSuchProduct, Ambiguous, Unsealed
        """
        found = self._named(name, subject, fingerprint)
        if recipe is not None:
            kept = set(self.reached(recipe.fingerprint()))
            found = [product for product in found if _address(product) in kept]
            if not found:
                raise NoSuchProduct(f"the recipe was not run into {self}: it has no {name!r} there; run it")
        return _only(found, name).open(partial=partial)

    def _named(self, name: str, subject: str | None, fingerprint: str) -> list[Product]:
        found = [
            product
            for product in self
            if product.name == name
            and subject in (None, product.owner)
            and product.fingerprint.startswith(fingerprint)
        ]
        if not found:
            raise NoSuchProduct(f"{self} holds no product {name!r}" + (f" of {subject}" if subject else ""))
        return found

    def lineage(self, name: str, subject: str | None = None, *, fingerprint: str = "") -> dict[str, Any]:
        """Return what a product was made from, down to the sources, as a nested mapping."""
        return self._lineage(_only(self._named(name, subject, fingerprint), name))

    def _lineage(self, product: Product) -> dict[str, Any]:
        about = product.about()
        inputs = {key: self.product(*parse_address(address)) for key, address in about["inputs"].items()}
        return {
            "product": _address(product),
            "stage": about["stage"],
            "version": about["version"],
            "settings": about["settings"],
            "source": about.get("source"),
            "inputs": {
                key: self._lineage(given) if given.created() else {"product": _address(given)}
                for key, given in inputs.items()
            },
        }

    # --- recipes -------------------------------------------------------------------------------

    def remember(self, fingerprint: str, text: str, reached: Mapping[str, Sequence[str]]) -> None:
        """Keep a recipe and, by subject, the addresses of the products it reaches."""
        notes.remember(self.place, fingerprint, text, reached)

    def recipes(self) -> list[str]:
        """Return the fingerprints of the recipes that were run."""
        return notes.recipes(self.place)

    def reached(self, fingerprint: str) -> list[str]:
        """Return the addresses of the products a stored recipe reaches; none where it was never run.

        Raises
        ------
        Damaged
            If what was noted cannot be read, or is gone while the recipe is there.
        """
        return notes.reached(self.place, fingerprint)

    def damaged_recipes(self) -> list[str]:
        """Return the fingerprints of stored recipes whose products are no longer known."""
        return notes.damaged(self.place)


def parse_address(address: str) -> tuple[str, str, str]:
    """Return owner, name and fingerprint of a full address.

    >>> parse_address("subj01/images/final@3fa9")
    ('subj01', 'images/final', '3fa9')
    """
    path, _, fingerprint = address.partition("@")
    owner, _, name = path.partition("/")
    return owner, name, fingerprint


def _address(product: Product) -> str:
    return f"{product.owner}/{product.name}@{product.fingerprint}"


def _only(found: Sequence[Product], asked: str) -> Product:
    if len(found) > 1:
        listed = ", ".join(sorted(f"{p.owner}/{p.name}@{p.fingerprint[:8]}" for p in found))
        raise Ambiguous(f"{asked!r} could be any of {listed}; add the owner and @ with the first digits")
    return found[0]


def summary(product: Product) -> dict[str, Any]:
    """Return a product's row of the table: one read where it is sealed."""
    record = product.seal_record()
    address = {"owner": product.owner, "name": product.name, "fingerprint": product.fingerprint}
    if record is not None:
        blocks = len(record["edges"]) - 1
        known = {"sealed": True, "blocks": blocks, "done": blocks}
        return {**address, **known, "bytes": record["bytes"], "created": record["created"]}
    blocks = len(product.blocks()) if product.created() else 0
    size = sum(stat.size for _, stat in product.data.files())
    done = len(product.done() - {FRAME})
    return {**address, "sealed": False, "blocks": blocks, "done": done, "bytes": size, "created": None}


def _check_sign(place: Location, *, must_exist: bool) -> None:
    if place.is_local and os.path.isfile(place.url):  # noqa: PTH113  (Path's raises on a long name)
        raise NotAnArchive(f"{place} is a file; an archive is a folder")
    try:
        sign = parse((place / "archive.json").read())
    except Missing:
        if place.is_folder():
            raise NotAnArchive(
                f"{place} is no vox2pix archive (it holds no archive.json) and is not empty; "
                "name another folder"
            ) from None
        if must_exist:
            raise Missing(f"{place} holds no archive; `vox2pix run` makes one") from None
        return
    except ValueError:
        sign = {}
    if sign.get("format") != _SIGN["format"]:
        raise NotAnArchive(f"{place}/archive.json is not vox2pix's; name another folder")
    if sign.get("version") != FORMAT:
        raise NotAnArchive(
            f"{place} has layout version {sign.get('version')}, this vox2pix reads {FORMAT}; "
            "use a matching vox2pix"
        )
