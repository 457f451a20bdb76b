"""The plan: which products a recipe asks for, what each is made from, and what that costs.

Nothing is computed here. The stages are called on lazy Datasets, from the source's headers to the
scores, so every shape and id is checked before the first byte is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from storage.archive import Archive
from storage.remote import Location
from storage.workspace import Workspace

from .assembly import Subject
from .errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from storage.product import Product
    from storage.sources import Source

    from .recipe import Recipe
    from .step import Step

#: The stages in the order in which they can run, as ``--until`` names them.
STAGES = ("ingest", "respond", "featurize", "gram", "regress", "train", "reconstruct", "score")


@dataclass(frozen=True)
class Plan:
    """The steps of a recipe, in an order in which they can be made."""

    recipe: Recipe
    archive: Archive
    steps: tuple[Step, ...]
    reached: Mapping[str, Sequence[str]]
    """Addresses of the products by subject."""

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def until(self, stage: str | None) -> tuple[Step, ...]:
        """Return the steps up to and with a stage.

        Raises
        ------
        RecipeError
            If the stage is not known.
        """
        if stage is None:
            return self.steps
        if stage not in STAGES:
            raise RecipeError(f"--until {stage!r} is no stage; known are {', '.join(STAGES)}")
        return tuple(step for step in self.steps if STAGES.index(step.stage) <= STAGES.index(stage))

    def refusals(self, memory: int | None) -> list[str]:
        """Return a sentence for each step still to do that no worker could do.

        Parameters
        ----------
        memory
            Bytes a task may be estimated at on a worker, which are `cluster.needs.SHARE` of its limit.
        """
        if memory is None:
            return []
        open_steps = [step for step in self.steps if not step.in_archive(self.archive).sealed()]
        return [sentence for step in open_steps for sentence in _refusals(step, memory)]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a step: what is to be made, what is there already, and what it costs."""
        return [self._row(step) for step in self.steps]

    def _row(self, step: Step) -> dict[str, Any]:
        product = step.in_archive(self.archive)
        cost = step.cost
        done = step.blocks if product.sealed() else len(product.done() - {"frame"})
        return {
            "owner": step.owner,
            "product": step.product,
            "stage": step.stage,
            "fingerprint": step.fingerprint,
            "blocks": step.blocks,
            "done": done,
            "bytes_moved": cost.moved,
            "bytes_kept": step.dataset.nbytes,
            "memory": cost.memory,
            "flops": cost.flops,
            **_training(step, product),
        }


def _refusals(step: Step, memory: int) -> Iterator[str]:
    """Yield what a step needs that a worker does not have, and what to change."""
    from cluster import human
    from cluster.needs import SHARE
    from cluster.resident import SHARE as FOR_MODELS

    cost, models = step.cost, int(memory / SHARE * FOR_MODELS)
    cure = "lower [cluster] workers or raise [cluster] memory"
    if cost.memory > memory:
        yield f"{step} needs {human(cost.memory)} a worker, a worker has {human(memory)}: {cure}"
    elif cost.resident > models:
        yield (
            f"{step} needs {human(cost.resident)} for its networks, which may take {human(models)} of a "
            f"worker ({FOR_MODELS:.0%} of its limit): {cure}"
        )


def _training(step: Step, product: Product) -> dict[str, Any]:
    """Return how far a training says it is, while it goes on or after it was stopped."""
    told = Workspace(product.place).told() if step.maker.sequential and not product.sealed() else None
    return {} if told is None else {"training": told}


def plan(recipe: Recipe, subjects: Sequence[str] | None = None, until: str | None = None) -> Plan:
    """Return the plan of a recipe.

    Parameters
    ----------
    recipe
        What is wanted.
    subjects
        Some of the recipe's subjects; default all.
    until
        Last stage of interest: shapes and ids of later ones are not looked at. Default all.

    Raises
    ------
    RecipeError
        If the stage is not known, or a subject is not one of the recipe's.
    storage.errors.StorageError
        If the source lacks what the recipe needs, or the archive's place holds something else.
    ShapeError
        If shapes or ids do not fit.
    """
    chosen = recipe.data.subjects if not subjects else tuple(subjects)
    strangers = [subject for subject in chosen if subject not in recipe.data.subjects]
    if strangers:
        raise RecipeError(
            f"subject {strangers[0]!r} is not in the recipe; it has {', '.join(recipe.data.subjects)}"
        )
    archive = Archive(Location.of(recipe.data.archive, recipe.data.storage_options.given()), must_exist=False)
    source = source_of(recipe)
    by_subject = {subject: Subject(recipe, source, subject).steps() for subject in chosen}
    steps: dict[str, Step] = {}
    for step in chain.from_iterable(by_subject.values()):
        steps.setdefault(step.address, step)
    reached = {subject: [step.address for step in found] for subject, found in by_subject.items()}
    made = Plan(recipe, archive, tuple(steps.values()), reached)
    for step in made.until(until):
        _ = step.dataset  # every shape is checked now
    return made


def source_of(recipe: Recipe) -> Source:
    """Return the source a recipe names."""
    data = recipe.data
    place = Location.of(data.source, data.storage_options.given())
    if data.arrays is not None:
        from storage.sources.arrays import ArraysSource

        return ArraysSource(location=place, **data.arrays.model_dump())
    from storage.sources.nsd import NsdSource

    chosen = {key: getattr(data, key) for key in ("sessions", "space", "format", "test")}
    given = {key: value for key, value in {**chosen, "version": data.betas}.items() if value is not None}
    rois = tuple(sorted(recipe.rois.items()))
    return NsdSource(location=place, expression=data.voxels, rois=rois, **given)
