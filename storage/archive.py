"""An archive: a folder or bucket prefix that holds products, addressed by owner, name and fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import contents, notes, sign
from .differences import told_apart
from .errors import Ambiguous, NoSuchProduct
from .lineage import lineage
from .product import Product
from .remote import Location
from .tree import Tree

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, init=False, repr=False)
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
        sign.check(self.place, must_exist=must_exist)

    def __str__(self) -> str:
        return str(self.place)

    def __repr__(self) -> str:
        return f"Archive({self.place.url!r})"

    def _repr_html_(self) -> str:
        return self.tree()._repr_html_()

    def create(self) -> None:
        """Make this an archive, where nothing is yet."""
        sign.put_up(self.place)

    # --- products ------------------------------------------------------------------------------

    def product(self, owner: str, name: str, fingerprint: str) -> Product:
        """Return the product at an address, whether it exists or not."""
        return Product(self.place / owner / name / fingerprint, owner, name, fingerprint)

    def at(self, address: str) -> Product:
        """Return the product at a full address, whether it exists or not."""
        return self.product(*parse_address(address))

    def __iter__(self) -> Iterator[Product]:
        """Yield every product of the archive, complete or not, sorted by address."""
        return iter(contents.everything(self.place))

    def find(self, address: str) -> Product:
        """Return the one product that answers to ``OWNER/NAME[@FINGERPRINT-PREFIX]``.

        Raises
        ------
        NoSuchProduct
            If none does; the message lists what there is.
        Ambiguous
            If several do; the message lists them, with the settings in which they differ.
        """
        owner, name, prefix = parse_address(address)
        found = contents.named(self.place, name, owner, prefix)
        if not found:
            raise self._without(repr(address))
        return self._only(found, address)

    def products(self, subject: str | None = None) -> pd.DataFrame:
        """Return a table of the products: owner, name, fingerprint, sealed, blocks, done, bytes, created."""
        import pandas as pd

        return pd.DataFrame(self._summaries(subject), columns=list(contents.COLUMNS))

    def tree(self, subject: str | None = None) -> Tree:
        """Return the products by owner and name, for looking at: text in a terminal, HTML in a notebook."""
        return Tree(str(self), self._summaries(subject))

    def _summaries(self, subject: str | None) -> list[dict[str, Any]]:
        return contents.summaries(product for product in self if subject in (None, product.owner))

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
            found = [product for product in found if product.address in kept]
            if not found:
                raise NoSuchProduct(f"the recipe was not run into {self}: it has no {name!r} there; run it")
        return self._only(found, name).open(partial=partial)

    def _named(self, name: str, subject: str | None, fingerprint: str) -> list[Product]:
        found = contents.named(self.place, name, subject, fingerprint)
        if not found:
            raise self._without(repr(name) + (f" of {subject}" if subject else ""))
        return found

    def _without(self, asked: str) -> NoSuchProduct:
        known = ", ".join(sorted({f"{each.owner}/{each.name}" for each in self})) or "nothing"
        return NoSuchProduct(f"{self} holds no product {asked}; it holds {known}")

    def _only(self, found: Sequence[Product], asked: str) -> Product:
        if len(found) > 1:
            listed = told_apart(self.at, found)
            raise Ambiguous(f"{asked!r} could be any of {listed}; add the owner and @ with the first digits")
        return found[0]

    def lineage(self, name: str, subject: str | None = None, *, fingerprint: str = "") -> dict[str, Any]:
        """Return what a product was made from, down to the sources, as a nested mapping."""
        return lineage(self.at, self._only(self._named(name, subject, fingerprint), name))

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
