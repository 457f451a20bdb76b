"""A decoder: new rows of voxels, and the stages of a finished run that make pictures of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..errors import RecipeError, ShapeError, nearest
from ..report.results import reading
from ..stage import block_of
from .finished import Finished
from .recordings import Recordings, among, check_standardization
from .spaces import Space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import xarray as xr

    from ..recipe import Recipe
    from ..step import Step

#: Root mean square of standardised rows beyond which they are doubted: that of training trials is 1, that of
#: NSD's integers, which are 300 times percent signal change, some 300.
FAR = 10.0
#: Products that follow from test rows, and are made anew for new ones.
ANEW = ("cross", "smoother", "projection", "predictions", "neighbours", "images")
#: Products of the pictures that test rows saw; nobody says what new rows saw.
SEEN = ("true-features", "true-neighbours")


@dataclass(frozen=True, eq=False)
class Decoder:
    """New rows of voxels before a finished run.

    Held are the rows, predictions of each space asked for, and pictures that others start from: memory is a
    row's voxels and features times the number of rows, and what a block of features or pictures takes.

    Parameters
    ----------
    finished
        The run.
    responses
        Its training rows, lazily, and the new rows in place of its test rows.
    rows
        (row, voxel) float32: the new rows, standardised.
    name
        What to call them.
    standardized
        Whether they were when they came.
    """

    finished: Finished
    responses: xr.Dataset
    rows: np.ndarray
    name: str
    standardized: bool
    _made: dict[str, xr.Dataset] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        voxels: np.ndarray | str | Path,
        *,
        subject: str | None = None,
        standardized: bool = False,
        image_id: Sequence[str] | None = None,
        command: str = "",
    ) -> Decoder:
        """Return a decoder; everything about the voxels is checked.

        Parameters
        ----------
        recipe
            What was run.
        voxels, subject, standardized, image_id
            As for `decode`.
        command
            What the user would type to finish the run.
        """
        check_standardization(recipe.responses.standardize, already=standardized)
        finished = Finished.of(recipe, subject, command)
        trained = finished.open("responses", raw=False)
        given = Recordings.of(voxels, trained.sizes["voxel"], finished.subject)
        names = (
            [str(row) for row in range(len(given))] if image_id is None else [str(one) for one in image_id]
        )
        if len(names) != len(given):
            raise ShapeError(f"{len(names)} ids for the {len(given)} rows of {given.name}; expected one each")
        how = recipe.responses.standardize
        moments = finished.open("moments") if how == "scalar" else None
        with reading(f"{finished.subject}/responses"):
            rows = given.standardized(how, trained, moments, already=standardized)
        return cls(finished, among(trained, rows, names), rows, given.name, standardized)

    @property
    def doubt(self) -> str:
        """A sentence where the rows can hardly be what they should be; empty where nothing speaks against."""
        if self.finished.recipe.responses.standardize == "none":
            return ""
        away = float(np.sqrt(np.mean(np.square(self.rows, dtype=np.float64))))
        if away <= FAR:
            return ""
        expected = "standardised rows" if self.standardized else "percent signal change, not 300 times that"
        return (
            f"{self.name} is {away:.3g} standard deviations of the training trials away from their mean; "
            f"expected {expected}"
        )

    # --- what is asked for ---------------------------------------------------------------------

    def chosen(self, asked: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the images that can be painted of new rows: those asked for, else all of the recipe's.

        Those that start from others come first: what they start from is painted on the way, once, and held.

        Raises
        ------
        RecipeError
            If there are none, none of that name, or they are painted of what test rows saw.
        ShapeError
            If a single row is to be corrected by its own batch.
        storage.errors.Unsealed
            If a product that they need is not complete.
        """
        known = self.finished.recipe.images
        for name in asked:
            if name not in known:
                there = ", ".join(known) or "none"
                raise RecipeError(f"the recipe has no [images.{name}], it has {there}{nearest(name, known)}")
            if seen := self._seen(name):
                raise RecipeError(
                    f"[images.{name}] needs {seen}: the pictures that test rows saw, and of new rows nobody "
                    "knows them; name other images"
                )
        found = tuple(asked) or tuple(name for name in known if not self._seen(name))
        if not found:
            raise RecipeError("the recipe has no [images] that could be painted of new rows; add some")
        for name in found:
            self._check(self._step(name))
        return tuple(sorted(found, key=self._beneath, reverse=True))

    def _beneath(self, name: str) -> int:
        """Return how many pictures are painted before some."""
        return sum(_kind(step) == "images" for step in _needed(self._step(name)))

    def _step(self, name: str) -> Step:
        return self.finished.steps[f"images/{name}"]

    def _seen(self, name: str) -> str:
        """Return what test rows saw that some images are painted of, or begin with; empty for nothing."""
        images = self.finished.recipe.images
        for step in (self._step(name), *_needed(self._step(name))):
            kind, _, of = step.product.partition("/")
            if kind in SEEN or (kind == "images" and images[of].truth):
                return step.product
        return ""

    def _check(self, images: Step) -> None:
        for step in _needed(images):
            if _kind(step) == "predictions" and step.settings["correction"] == "test-batch":
                self._check_batch(step)
            if step.product == "responses" or _kind(step) in ("images", "neighbours"):
                continue
            self.finished.insist(step)

    def _check_batch(self, step: Step) -> None:
        if len(self.rows) < 2:
            space = step.product.partition("/")[2]
            raise ShapeError(
                f'[ridge.spaces.{space}] correction = "test-batch" goes by the spread of all rows decoded '
                f'together, and {self.name} holds 1: give two at least, or run with correction = "stored"'
            )

    # --- what is made --------------------------------------------------------------------------

    def predictions(self, space: str) -> xr.Dataset:
        """Return predicted (row, feature) float32 of a feature space."""
        product = f"predictions/{space}"
        if product not in self.finished.steps:
            known = self.finished.recipe.ridge.spaces
            raise RecipeError(
                f"the recipe predicts no {space}, it predicts {', '.join(known)}{nearest(space, known)}"
            )
        return self.dataset(self.finished.steps[product])

    def told(self, name: str) -> dict[str, xr.Dataset]:
        """Return the predictions that pictures are painted of, by space; none where voxels are shown."""
        spaces = {one.product: one for one in _needed(self._step(name)) if _kind(one) == "predictions"}
        return {product.partition("/")[2]: self.dataset(step) for product, step in spaces.items()}

    def lazy(self, name: str) -> xr.Dataset:
        """Return pictures as their stage gives them: nothing is painted yet, what they are told is there."""
        if f"images/{name}" in self._made:
            return self._made[f"images/{name}"]
        return self._called(self._step(name))

    def blocks(self, lazy: xr.Dataset) -> Iterator[tuple[int, Mapping[str, np.ndarray]]]:
        """Yield the first row and picture, seed of some rows at a time, each block painted when asked for."""
        if not lazy.chunks:
            yield 0, {name: lazy[name].values for name in ("picture", "seed")}
            return
        spans = list(pairwise(accumulate(lazy.chunksizes["row"], initial=0)))
        with reading(f"an input of {self.finished.subject}'s pictures"):
            for (start, _), made in zip(spans, block_of(lazy).several(spans), strict=True):
                yield start, made

    def painted(self, name: str) -> xr.Dataset:
        """Return picture (row, sample, y, x, channel) uint8 and seed (row, sample), in memory."""
        lazy = self.lazy(name)
        parts = [made for _, made in self.blocks(lazy)]
        made = {
            key: (lazy[key].dims, np.concatenate([part[key] for part in parts]), lazy[key].attrs)
            for key in ("picture", "seed")
        }
        return lazy.drop_vars(list(made)).assign(made)

    def dataset(self, step: Step) -> xr.Dataset:
        """Return a product as the stages are shown it: made anew where it follows from test rows."""
        if step.product == "responses":
            return self.responses
        if _kind(step) not in ANEW or "left" in step.maker.schema.variables:
            return self.finished.open(step.product)
        if step.product not in self._made:
            with reading(f"an input of {self.finished.subject}/{step.product}"):
                self._made[step.product] = self._make(step)
        return self._made[step.product]

    def _make(self, step: Step) -> xr.Dataset:
        kind, _, name = step.product.partition("/")
        if kind == "predictions":
            return Space(name, self.finished, self.responses, self.rows, self.dataset).predictions()
        if kind == "images":
            return self.painted(name)
        if kind == "smoother":  # what a correction needs of held-out rows is stored with the predictions
            step = replace(step, settings={**step.settings, "held_out": False})
        return self._called(step).compute(scheduler="synchronous")

    def _called(self, step: Step) -> xr.Dataset:
        return step.lazy({role: self.dataset(given) for role, given in step.inputs.items()})


def _kind(step: Step) -> str:
    return step.product.partition("/")[0]


def _needed(images: Step) -> Iterator[Step]:
    """Yield what some pictures are made of, down to what a run has left whatever its test rows."""
    for step in images.inputs.values():
        yield step
        if _kind(step) in ("images", "neighbours"):
            yield from _needed(step)
