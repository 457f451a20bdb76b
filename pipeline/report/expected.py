"""What a recipe asks for: each product, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from storage.archive import parse_address
from storage.markers import FRAME

from ..planner import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.archive import Archive
    from storage.product import Product

    from ..recipe import Recipe
    from ..step import Step


@dataclass(frozen=True)
class Expected:
    """A product that the recipe asks for, whether it is there or not."""

    product: Product
    stage: str
    """Name of the stage that makes it; empty where that is not known."""
    blocks: int | None
    """How many blocks it has; None where that is not known."""
    inputs: tuple[str, ...]
    """Addresses of what it is made from."""
    seal: Mapping[str, Any] | None
    """What `product.json` says; None while the product is not complete."""

    @property
    def address(self) -> str:
        """Owner, name and fingerprint."""
        return f"{self.product.owner}/{self.product.name}@{self.product.fingerprint}"

    @cached_property
    def done(self) -> int:
        """How many blocks are finished, as of the first time this was asked."""
        if self.seal is not None:
            return len(self.seal["edges"]) - 1
        return len(self.product.done() - {FRAME})


def of_step(step: Step, archive: Archive) -> Expected:
    """Return the product of a planned step, as it is in the archive."""
    product = step.in_archive(archive)
    inputs = tuple(given.address for given in step.inputs.values())
    return Expected(product, step.stage, step.blocks, inputs, product.seal_record())


def noted(archive: Archive, recipe: Recipe, subjects: Sequence[str]) -> list[Expected]:
    """Return what the archive noted when the recipe was run, in the order of the stages."""
    addresses = [parse_address(address) for address in archive.reached(recipe.fingerprint())]
    found = [
        _of_archive(archive.product(*address)) for address in addresses if address[0] in {*subjects, "all"}
    ]
    return sorted(found, key=lambda one: STAGES.index(one.stage) if one.stage else len(STAGES))


def _of_archive(product: Product) -> Expected:
    if not product.created():
        return Expected(product, "", None, (), None)
    about = product.about()
    return Expected(
        product,
        about["stage"],
        len(about["edges"]) - 1,
        tuple(about["inputs"].values()),
        product.seal_record(),
    )
