"""How the decoders learned: their losses, what they painted on the way, how their noise looks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .curves import curves
from .numbers import count, spans
from .pictures import stored
from .results import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storage.product import Product

    from .curves import Curves
    from .pictures import Shown
    from .results import Results

PROGRESSION, DENOISING, NOISE = "progression.png", "denoising.png", "noise-steps.png"
"""As `pipeline.training.decoders` names them."""


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side in one."""

    shown: Shown
    caption: str


@dataclass(frozen=True)
class TrainingCard:
    """What the page says of one decoder that learned."""

    recipe: str
    number: int
    """The recipe's number among those of the page."""
    subject: str
    name: str
    facts: tuple[tuple[str, str], ...] = ()
    """Name and value, in order; empty while the training is not complete."""
    curves: Curves | None = None
    sheets: tuple[Sheet, ...] = ()


def training_cards(results: Results, recipe: str, number: int) -> Iterator[TrainingCard]:
    """Yield a card for each subject and decoder that learns."""
    for subject in results.subjects:
        for name in results.recipe.train:
            yield _card(results, subject, name, (recipe, number))


def _card(results: Results, subject: str, name: str, of: tuple[str, int]) -> TrainingCard:
    found = results.find(f"model/{name}", subject)
    if found.seal is None:
        return TrainingCard(*of, subject, name)
    product, table = found.product, results.recipe.train[name]
    with reading(product):
        kept = product.open()
        loss, val_loss = kept.loss.values, kept.val_loss.values
    facts = (
        ("network", table.model),
        ("told", ", ".join(table.features) or "nothing"),
        ("steps", count(len(loss))),
        ("batch", count(table.batch)),
    )
    files = found.seal.get("files") or ()
    sheets = tuple(_sheets(product, files)) if "config.json" in files else ()
    return TrainingCard(*of, subject, name, facts, curves(loss, val_loss), sheets)


def _sheets(product: Product, files: tuple[str, ...]) -> Iterator[Sheet]:
    said: Mapping[str, Any] = json.loads((product.files / "config.json").read())
    after = spans(said.get("painted", []))
    conditional = bool(said["network"].get("width", True))
    if PROGRESSION in files:
        top = "training pictures that were not learned from; below them, " if conditional else ""
        text = f"{top}what it painted{' from their conditions' if conditional else ''} after {after} steps"
        yield _sheet(product, PROGRESSION, text)
    if DENOISING in files:
        yield _sheet(product, DENOISING, "the first of these on their way from noise, after all steps")
    if NOISE in files:
        yield _sheet(product, NOISE, "such a picture from the first noise step to the last")


def _sheet(product: Product, file: str, text: str) -> Sheet:
    caption = f"{text[0].upper()}{text[1:]}."
    return Sheet(stored((product.files / file).read(), caption), caption)
