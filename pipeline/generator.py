"""From a table [images.X] to the generator that it asks for, whose networks nobody trains here."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from .diffusion.conditioned import kind
from .errors import PipelineError, RecipeError
from .recipe.generators import CONDITIONED

if TYPE_CHECKING:
    from .diffusion.conditioned import Conditioned
    from .recipe import Recipe


def generator_of(recipe: Recipe, name: str) -> Conditioned:
    """Return the generator of some images as a recipe has it; what it leaves open is the generator's default.

    Raises
    ------
    RecipeError
        If the generator can't be had so, or a role that it then paints from has no space.
    """
    table = recipe.images[name]
    keys = {"size", "batch"} | CONDITIONED[table.generator].keys - {"start"}
    told = table.model_dump(include=keys, exclude_none=True)
    told["weights"] = table.weights or recipe.weights or "published"
    known = {field.name for field in fields(cast("Any", kind(table.generator)))}
    if "faithful" in known:
        told["faithful"] = recipe.fidelity == "faithful" if table.faithful is None else table.faithful
    for space in table.spaces if "layers" in known else ():  # as many as the space has
        told["layers"] = getattr(recipe.features[space], "layers")  # noqa: B009
    try:
        made = kind(table.generator)(**told)
    except PipelineError as error:
        raise RecipeError(f"[images.{name}] {error}") from None
    needed = CONDITIONED[table.generator].roles.keys() & made.roles.keys()
    lacking = sorted(needed - table.roles.keys())
    if lacking:
        raise RecipeError(
            f"[images.{name}] features names no space for {lacking[0]!r}; as asked for, generator "
            f"{table.generator!r} paints from {', '.join(sorted(needed))}"
        )
    return made
