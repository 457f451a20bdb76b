"""Mistakes in the description of a cluster, each in a sentence: the key, what was found, what is expected."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from cluster.kinds import MODELS, Gpu

_EXPECTED = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a table",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than_equal": "{le:g} or less",
    "model_type": "a table",
    "string_too_short": "at least one character",
    "too_short": "at least {min_length}",
    "tuple_type": "a list, like ['one', 'two']",
}
WIDTH = 60
"""Characters shown of a value."""


def told(error: Any, place: str) -> str:
    """Return one of pydantic's complaints in a sentence, with the nearest known word.

    Parameters
    ----------
    error
        Of `pydantic.ValidationError.errors`.
    place
        Where the cluster is described.
    """
    tag, *keys = (str(part) for part in error["loc"]) if error["loc"] else ("",)
    key, found = ".".join(keys), ""
    known: tuple[str, ...] = ()
    match error["type"]:
        case "extra_forbidden":
            known, found = tuple((MODELS[tag] if key == keys[-1] else Gpu).model_fields), keys[-1]
            text = f"cluster {place}: {tag!r} has no key {key!r}; known: {', '.join(known)}"
        case "union_tag_invalid":
            known, found = tuple(MODELS), str(error["ctx"]["tag"])
            text = f"cluster {place}: unknown kind {found!r}; known: {', '.join(known)}"
        case "missing":
            text = f"cluster {place}: {tag!r} needs the key {key!r}; add it"
        case "value_error":
            text = f"cluster {place}: {key + ': ' if key else ''}{error['ctx']['error']}"
        case _:
            text = f"cluster {place}: {_misfit(error, keys)}"
    near = get_close_matches(found, known, n=1)
    return f"{text}; did you mean {near[0]!r}?" if near else text


def _misfit(error: Any, keys: list[str]) -> str:
    """Say what a key is, and what it should be; what `options` holds, passwords too, is not repeated."""
    value = error["input"]
    shown = "" if "options" in keys[:-1] or isinstance(value, dict) else f" = {_shown(value)}"
    if error["type"] == "string_type":
        sized = keys[-1:] == ["memory"]
        expected = "a number with a unit, in quotes, like '2GB'" if sized else "text"
    else:
        form = _EXPECTED.get(error["type"], error["msg"].removeprefix("Input should be "))
        expected = form.format(**error.get("ctx", {}))
    return f"{'.'.join(keys)}{shown}; expected {expected}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
