"""What ran: every product of a recipe with its time and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import human

from .numbers import NONE, count, duration

if TYPE_CHECKING:
    from .expected import Expected
    from .results import Results


@dataclass(frozen=True)
class Line:
    """One product."""

    owner: str
    stage: str
    product: str
    fingerprint: str
    blocks: str
    seconds: str
    stored: str
    moved: str
    requests: str
    state: str
    """Empty for a complete product, else what there is of it."""


@dataclass(frozen=True)
class Ledger:
    """All products of a recipe."""

    lines: tuple[Line, ...]
    seconds: str
    stored: str
    moved: str
    requests: str
    software: tuple[tuple[str, str], ...]
    """Package and version; several versions where products were made with several."""


def ledger(results: Results) -> Ledger:
    """Return what ran for a recipe, and what is still to run."""
    seals = [one.seal for one in results.expected if one.seal is not None]
    return Ledger(
        tuple(_line(one) for one in results.expected),
        duration(sum(seal["seconds"] for seal in seals)),
        human(sum(seal["bytes"] for seal in seals)),
        human(sum(seal["moved"] for seal in seals)),
        count(sum(seal.get("requests") or 0 for seal in seals)),
        _software(results),
    )


def _line(one: Expected) -> Line:
    address = (one.product.owner, one.stage or NONE, one.product.name, one.product.fingerprint[:8])
    if one.seal is None:
        blocks = NONE if one.blocks is None else count(one.blocks)
        return Line(*address, blocks, NONE, NONE, NONE, NONE, state_of(one))
    seal = one.seal
    sizes = (human(seal["bytes"]), human(seal["moved"]), count(seal.get("requests") or 0))
    return Line(*address, count(one.done), duration(seal["seconds"]), *sizes, "")


def state_of(one: Expected) -> str:
    """Return what there is of a product that is not complete."""
    if not one.done:
        return "not made yet"
    return f"{one.done} of {one.blocks or NONE} blocks made"


def _software(results: Results) -> tuple[tuple[str, str], ...]:
    found: dict[str, set[str]] = {}
    for one in results.expected:
        for package, version in (one.seal or {}).get("software", {}).items():
            found.setdefault(package, set()).add(version)
    return tuple((package, " and ".join(sorted(found[package]))) for package in sorted(found))
