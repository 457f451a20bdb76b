"""How the tables of a recipe must fit each other: what one names, another declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import nearest

from .alphas import Alphas
from .generators import CONDITIONED
from .mistakes import mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import InitErrorDetails

    from .features import FeatureSpace
    from .images import Images
    from .ridge import Ridge
    from .tables import Data, Scores


def contradictions(
    features: Mapping[str, FeatureSpace],
    ridge: Ridge,
    images: Mapping[str, Images],
    scores: Mapping[str, Scores],
    fidelity: str,
) -> Iterator[InitErrorDetails]:
    """Yield every mistake that only shows when tables are seen together."""
    if fidelity == "faithful":
        yield from _halved(features)
    for name, space in ridge.spaces.items():
        if name not in features:
            text = _undeclared("features", features, name)
            yield mistake(("ridge", "spaces", name), text, space.model_dump())
    for name, table in images.items():
        if isinstance(table.features, str):
            yield from _unpaintable(name, table, features, ridge)
    for name, score in scores.items():
        if score.images not in images:
            text = _undeclared("images", images, score.images)
            yield mistake(("scores", name, "images"), text, score.images)


def miscast(
    images: Mapping[str, Images], features: Mapping[str, FeatureSpace], ridge: Ridge
) -> Iterator[InitErrorDetails]:
    """Yield the mistakes of spaces in roles: not declared, not predicted, or of another model."""
    for name, table in images.items():
        for role, space in table.roles.items():
            told = _unfit(table, role, space, features, ridge)
            if told:
                yield mistake(("images", name, "features", "table", role), told, space)


def _unfit(table: Images, role: str, space: str, features: Mapping[str, FeatureSpace], ridge: Ridge) -> str:
    if space not in features:
        return _undeclared("features", features, space)
    model, fits = features[space].model, CONDITIONED[table.generator].all[role]
    if model != fits:
        return (
            f"is a space of {model!r}, which generator {table.generator!r} cannot take as {role}; "
            f"take one of {fits!r}"
        )
    if space not in ridge.spaces and not table.truth:
        return _undeclared("ridge.spaces", ridge.spaces, space)
    return ""


def unnamed(ridge: Ridge, rois: Mapping[str, str]) -> Iterator[InitErrorDetails]:
    """Yield the spaces whose region no alias names."""
    known = ["all", *rois]
    for name, space in ridge.spaces.items():
        if space.rois not in known:
            text = f"names no region; declared in [rois]: {', '.join(known)}{nearest(space.rois, known)}"
            yield mistake(("ridge", "spaces", name, space.estimator, "rois"), text, space.rois)


def undroppable(data: Data, ridge: Ridge) -> Iterator[InitErrorDetails]:
    """Yield the spaces that no random removal of voxels can be tried on."""
    for name, space in ridge.spaces.items() if data.drop is not None else ():
        if space.estimator == "mlp":
            text = "is a network, which [data.drop] has no ridge to try with; leave one of them out"
            yield mistake(("ridge", "spaces", name), text, space.model_dump())
        elif isinstance(space.alpha, Alphas):
            text = "is to be chosen, but [data.drop] compares its tries by one given ridge; give a number"
            yield mistake(("ridge", "spaces", name, "ridge", "alpha"), text, None)


def _halved(features: Mapping[str, FeatureSpace]) -> Iterator[InitErrorDetails]:
    for name, space in features.items():
        if space.dtype == "float16":
            text = "loses digits that fidelity = 'faithful' promises to keep; take float32"
            yield mistake(("features", name, space.model, "dtype"), text, space.dtype)


def _unpaintable(
    name: str, table: Images, features: Mapping[str, FeatureSpace], ridge: Ridge
) -> Iterator[InitErrorDetails]:
    place, space = ("images", name, "features", "name"), str(table.features)
    if space not in ridge.spaces:
        yield mistake(place, _undeclared("ridge.spaces", ridge.spaces, space), space)
    elif table.linear and space in features and features[space].model != table.generator:
        model = features[space].model
        yield mistake(
            place, f"is a space of {model!r}, which generator {table.generator!r} cannot paint", space
        )


def _undeclared(parent: str, declared: Mapping[str, object], name: str) -> str:
    known = f"declared: {', '.join(sorted(declared))}" if declared else "none is declared"
    return f"needs a table [{parent}.{name}]; {known}{nearest(name, declared)}"
