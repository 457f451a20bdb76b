"""Places in a recipe: from where pydantic found a mistake to the keys a user wrote, and to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

Loc = Sequence[str | int]


def keys_of(loc: Loc, document: type[BaseModel]) -> list[str]:
    """Return a place as it is written in TOML: without the tags of unions and positions in lists."""
    keys: list[str] = []
    kind: Any = document
    for part in loc:
        if isinstance(part, int) or part == "[key]":
            break
        kind = _given(kind)
        if not _is_union(kind):
            keys.append(part)
        kind = _below(kind, part)
    return keys


def model_at(loc: Loc, document: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model of the table at a place, None where no table belongs."""
    kind: Any = document
    for part in loc:
        kind = _below(_given(kind), str(part))
    kind = _given(kind)
    return kind if _is_model(kind) else None


def place(keys: Sequence[str]) -> str:
    """Return the keys of a value as a message writes them, ``[ridge.spaces.pixels] alpha``."""
    return f"{table(keys[:-1])} {keys[-1]}" if len(keys) > 1 else keys[0]


def table(keys: Sequence[str]) -> str:
    """Return the keys of a table as TOML writes them, ``[ridge.spaces.pixels]``."""
    return f"[{'.'.join(keys)}]" if keys else "the recipe"


def _below(kind: Any, part: str) -> Any:
    """Return the type of what stands under `part` in a value of type `kind`; None where that is nothing."""
    if _is_model(kind):
        field = kind.model_fields.get(part)
        found = field.annotation if field else None
        return _cluster() if part == "cluster" and get_origin(found) is Mapping else found
    if _is_union(kind):
        return next((_bare(one) for one in get_args(kind) if part in _tags(one)), None)
    if get_origin(kind) is Mapping:
        return _bare(get_args(kind)[1])
    return None


def _given(kind: Any) -> Any:
    """Return the type of a value that may be left out, where it is given."""
    some = [one for one in get_args(kind) if one is not type(None)] if _is_union(kind) else []
    return _bare(some[0]) if len(some) == 1 else kind


def _cluster() -> Any:
    """Return the models of the one table that is kept as it was written."""
    from cluster.kinds import ClusterConfig

    return _bare(ClusterConfig)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _tags(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Annotated:
        return tuple(told.tag for told in get_args(kind) if isinstance(told, Tag))
    told = [field for name, field in _fields(kind).items() if name in ("model", "estimator", "kind")]
    return get_args(told[0].annotation) if told else ()


def _fields(kind: Any) -> Mapping[str, Any]:
    return kind.model_fields if _is_model(kind) else {}
