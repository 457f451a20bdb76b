"""Results of a recipe: what its run left in the archive, for notebooks and for the report."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.archive import Archive
from storage.errors import Damaged, Denied, Missing, NoSuchProduct, Unreachable
from storage.remote import Location

from ..models.weights import WeightsMissing
from ..planner import plan
from .expected import noted, of_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    import xarray as xr

    from ..recipe import Recipe
    from .expected import Expected

#: Columns of `Results.summary`.
COLUMNS = ("subject", "images", "metric", "mean", "low", "high", "chance", "n")


@dataclass(frozen=True)
class Results:
    """What a recipe's run left in its archive; made by `open_results`.

    Parameters
    ----------
    recipe
        What was asked for.
    archive
        Where it is kept.
    subjects
        Whose results these are.
    expected
        Every product the recipe asks for, in the order in which they are made.
    """

    recipe: Recipe
    archive: Archive
    subjects: tuple[str, ...]
    expected: tuple[Expected, ...]

    # --- datasets ------------------------------------------------------------------------------

    def scores(self, name: str | None = None, subject: str | None = None) -> xr.Dataset:
        """Return score (metric, row, sample) and mean, low, high, chance (metric) float64.

        Parameters
        ----------
        name
            A table of ``[scores]``; may be left out where there is one.
        subject
            May be left out where there is one.

        Raises
        ------
        NoSuchProduct
            If the recipe asks for no such product.
        Unsealed
            If it is not complete.
        """
        return self._open("scores", name, subject)

    def images(self, name: str | None = None, subject: str | None = None) -> xr.Dataset:
        """Return picture (row, sample, y, x, channel) uint8 and seed (row, sample), lazily."""
        return self._open("images", name, subject)

    def predictions(self, name: str | None = None, subject: str | None = None) -> xr.Dataset:
        """Return predicted (row, feature) float32 and r, r2, alpha (feature), lazily."""
        return self._open("predictions", name, subject)

    def seen(self, name: str | None = None, subject: str | None = None) -> xr.Dataset:
        """Return picture (row, y, x, channel) uint8: what was seen, row by row beside `images`, lazily."""
        of = self._only_subject(subject)
        rows = self.images(name, of).image_id.values
        stimuli = self.open("stimuli", of)
        place = {image: at for at, image in enumerate(stimuli.image_id.values)}
        return stimuli.isel(image=[place[image] for image in rows]).rename_dims(image="row")

    def open(self, product: str, subject: str | None = None) -> xr.Dataset:
        """Return any product by its full name, such as ``smoother/pixels``."""
        found = self.find(product, self._only_subject(subject))
        with reading(found.product):
            return found.product.open()

    def _open(self, kind: str, name: str | None, subject: str | None) -> xr.Dataset:
        names = self.names(kind)
        if name is None and len(names) != 1:
            raise NoSuchProduct(
                f"{kind} of which name? The recipe has {', '.join(names) or 'none'}; give one"
            )
        return self.open(f"{kind}/{name or names[0]}", subject)

    def _only_subject(self, subject: str | None) -> str:
        if subject is None and len(self.subjects) > 1:
            raise NoSuchProduct(f"of which subject? There are {', '.join(self.subjects)}; give one")
        return subject or self.subjects[0]

    # --- products ------------------------------------------------------------------------------

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of the scores, images or predictions the recipe asks for, in its order."""
        asked: dict[str, Mapping[str, Any]] = {
            "scores": self.recipe.scores,
            "images": self.recipe.images,
            "predictions": self.recipe.ridge.spaces,
        }
        return tuple(asked[kind])

    def find(self, product: str, subject: str) -> Expected:
        """Return a product of a subject, or the one that the subject's own products are made from.

        Raises
        ------
        NoSuchProduct
            If the recipe asks for none; the message lists what there is.
        """
        reached = self._reached_from(subject)
        for one in reached:
            if one.product.name == product:
                return one
        known = ", ".join(sorted({one.product.name for one in reached})) or "nothing"
        raise NoSuchProduct(f"the recipe makes no {product} of {subject}; it makes {known}")

    def _reached_from(self, subject: str) -> list[Expected]:
        """Return a subject's products, then those of all that they are made from.

        Subjects may have different pictures, all of them owned by "all": what is a subject's own is a
        question of lineage.
        """
        known = {one.address: one for one in self.expected}
        found = {one.address: one for one in self.expected if one.product.owner == subject}
        queue = list(found.values())
        while queue:
            for address in queue.pop().inputs:
                if address in known and address not in found:
                    found[address] = known[address]
                    queue.append(known[address])
        return list(found.values())

    @property
    def missing(self) -> tuple[Expected, ...]:
        """The products that are not complete."""
        return tuple(one for one in self.expected if one.seal is None)

    # --- tables --------------------------------------------------------------------------------

    def summary(self) -> pd.DataFrame:
        """Return the complete scores: subject, images, metric, mean, low, high, chance, n."""
        import pandas as pd

        return pd.DataFrame(list(self._summary()), columns=list(COLUMNS))

    def _summary(self) -> Iterator[dict[str, Any]]:
        from ..outcome import summary

        for subject in self.subjects:
            for name, table in self.recipe.scores.items():
                if self.find(f"scores/{name}", subject).seal is not None:
                    for metric, found in summary(self.scores(name, subject)).items():
                        yield {"subject": subject, "images": table.images, "metric": metric, **found}

    def _repr_html_(self) -> str:
        table: str = self.summary().to_html(index=False)
        unfinished = f"<p>{len(self.missing)} of {len(self.expected)} products are not complete.</p>"
        return table + (unfinished if self.missing else "")


def open_results(recipe: Recipe, subjects: Sequence[str] | None = None) -> Results:
    """Open what a recipe's run left in its archive, however far it came.

    The source is asked for its identity alone. Where it cannot be reached, or published weights are not here,
    the archive's own note of what the recipe made is taken instead.

    Parameters
    ----------
    recipe
        What was run.
    subjects
        Some of the recipe's subjects; default all.

    Raises
    ------
    RecipeError
        If a subject is not one of the recipe's.
    Missing
        If there is no archive yet.
    NotAnArchive
        If the archive's place holds something else.
    """
    archive = Archive(Location.of(recipe.data.archive, recipe.data.storage_options.given()))
    chosen = tuple(subjects or recipe.data.subjects)
    try:
        expected = [of_step(step, archive) for step in plan(recipe, subjects)]
    except (Missing, Denied, Unreachable, WeightsMissing):
        expected = noted(archive, recipe, chosen)
        if not expected:
            raise
    owners = {one.product.owner for one in expected}
    return Results(recipe, archive, tuple(one for one in chosen if one in owners), tuple(expected))


@contextmanager
def reading(product: object) -> Iterator[None]:
    """Turn a failed checksum into a sentence that names the product.

    Raises
    ------
    Damaged
        If a chunk is not what was written.
    """
    try:
        yield
    except ValueError as error:
        if "checksum" not in str(error):  # zarr's crc32c codec says no more than that
            raise
        raise Damaged(
            f"{product} is damaged ({error}); `vox2pix run` with the same recipe repairs it"
        ) from None
