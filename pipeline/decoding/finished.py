"""A finished run: its steps, and what they left in the archive."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.archive import Archive
from storage.errors import Unsealed
from storage.remote import Location

from ..errors import RecipeError
from ..planner import plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..recipe import Recipe
    from ..step import Step


@dataclass(frozen=True)
class Finished:
    """What a recipe made of one subject.

    Parameters
    ----------
    recipe
        What was run.
    archive
        Where its products are.
    subject
        Whose they are.
    steps
        The steps by product.
    command
        The command line that would finish it.
    """

    recipe: Recipe
    archive: Archive
    subject: str
    steps: Mapping[str, Step]
    command: str

    @classmethod
    def of(cls, recipe: Recipe, subject: str | None = None, command: str = "") -> Finished:
        """Return what a recipe made of a subject.

        Parameters
        ----------
        recipe
            What was run.
        subject
            One of the recipe's; may be left out where there is one.
        command
            What the user would type to run it; default the recipe's own path.

        Raises
        ------
        RecipeError
            If the recipe has several subjects and none is named, or one that it doesn't have.
        storage.errors.Missing
            If there is no archive.
        """
        known = recipe.data.subjects
        if subject is None and len(known) > 1:
            raise RecipeError(f"voxels are of one brain, the recipe has {', '.join(known)}: name a subject")
        archive = Archive(Location.of(recipe.data.archive, recipe.data.storage_options.given()))
        chosen = subject or known[0]
        steps = {step.product: step for step in plan(recipe, [chosen])}
        again = command or f"vox2pix run {shlex.quote(str(recipe.path or 'RECIPE'))}"
        return cls(recipe, archive, chosen, steps, again)

    def sealed(self, product: str) -> bool:
        """Tell whether the recipe asks for a product and it is complete."""
        return product in self.steps and self.steps[product].in_archive(self.archive).sealed()

    def insist(self, step: Step) -> None:
        """Raise `Unsealed` where a product is not complete, with the command that makes it."""
        product = step.in_archive(self.archive)
        if not product.sealed():
            raise Unsealed(
                f"{product} is not complete, and new voxels need it; finish the run: {self.command}"
            )

    def open(self, product: str, *, raw: bool = True) -> xr.Dataset:
        """Return a sealed product as the stages read it.

        Raises
        ------
        Unsealed
            If it is not complete.
        """
        step = self.steps[product]
        self.insist(step)
        return step.in_archive(self.archive).open(raw=raw)
