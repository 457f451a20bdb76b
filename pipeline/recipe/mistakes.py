"""Mistakes in a recipe, told in one line: the place, what was found, what is known, the nearest match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from pipeline.errors import nearest

from .places import keys_of, model_at, place, table

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails, InitErrorDetails

    from .origin import Origin
    from .places import Loc

#: Mistakes told in full; of the others only the number.
MOST = 3
#: Characters shown of a value.
WIDTH = 60

_SHOULD = {
    "bool_type": "be true or false",
    "dict_type": "be a table",
    "finite_number": "be a finite number",
    "float_type": "be a number",
    "int_type": "be a whole number",
    "mapping_type": "be a table",
    "model_attributes_type": "be a table",
    "model_type": "be a table",
    "string_too_short": "not be empty",
    "string_type": "be text",
    "too_short": "name one at least",
    "tuple_type": "be a list",
}
_NAMES = {r"^[a-z0-9-]+$": "a-z, 0-9 and -", r"^[A-Za-z0-9_-]+$": "letters, digits, _ and -"}


def mistake(loc: Loc, text: str, found: object) -> InitErrorDetails:
    """Return a mistake that pydantic's types cannot see, in the form it collects them."""
    kind = PydanticCustomError("mistake", "{text}", {"text": text})
    return {"type": kind, "loc": tuple(loc), "input": found}


def tell(error: ValidationError, document: type[BaseModel], origin: Origin) -> str:
    """Return one line about everything that is wrong, beginning with the recipe's name."""
    found = _decisive(error.errors(include_url=False))
    told = [_tell_one(one, document, origin) for one in found[:MOST]]
    rest = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return f"{origin.name}: " + "; ".join(told + rest)


def _decisive(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out what only follows: another data set would have other keys."""
    decisive = [one for one in found if (one["loc"], one["type"]) == (("data", "dataset"), "literal_error")]
    return decisive or found


def _tell_one(error: ErrorDetails, document: type[BaseModel], origin: Origin) -> str:
    keys = keys_of(error["loc"], document)
    if error["type"].startswith("union_tag"):
        keys.append(error["ctx"]["discriminator"].strip("'"))
    return origin.say_where(_message(error, keys, document), keys)


def _message(error: ErrorDetails, keys: list[str], document: type[BaseModel]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(error["loc"], keys, document)
        case "missing" | "union_tag_not_found":
            return _missing(error["loc"], keys, document)
        case "literal_error" | "union_tag_invalid":
            return _not_here(error, keys)
        case "string_pattern_mismatch" | "string_too_long":
            return _bad_name(error, keys)
    if _is_of_a_table(error, document):
        return f"{table(keys)} {error['ctx'].get('error', error['msg'])}"
    return f"{place(keys)} = {_show(error['input'])}{_complaint(error)}"


def _is_of_a_table(error: ErrorDetails, document: type[BaseModel]) -> bool:
    """Return whether a mistake is told of a whole table, by a text that names the keys it is about."""
    if error["type"] == "mistake":
        return isinstance(error["input"], (Mapping, type(None)))
    return error["type"] == "value_error" and model_at(error["loc"], document) is not None


def _complaint(error: ErrorDetails) -> str:
    match error["type"]:
        case "mistake":
            return f" {error['msg']}"
        case "value_error":
            return f": {error['ctx']['error']}"
    return f", but it should {_SHOULD.get(error['type']) or error['msg'].removeprefix('Input should ')}"


def _unknown_key(loc: Loc, keys: list[str], document: type[BaseModel]) -> str:
    model = model_at(loc[:-1], document)
    fields = model.model_fields if model else {}
    known = [field.alias or name for name, field in fields.items()]
    hint = nearest(keys[-1], known)
    return f"{table(keys[:-1])} takes no {keys[-1]!r} in this version; it takes {', '.join(known)}{hint}"


def _missing(loc: Loc, keys: list[str], document: type[BaseModel]) -> str:
    model = model_at(loc, document)
    if model is None:
        return f"{table(keys[:-1])} lacks {keys[-1]!r}, which has no default; add it"
    needs = [key for key, field in model.model_fields.items() if field.is_required()]
    return f"the table {table(keys)} is missing; add it, with {', '.join(needs)}"


def _not_here(error: ErrorDetails, keys: list[str]) -> str:
    context = error["ctx"]
    value = context.get("tag", error["input"])
    here = re.findall(r"'([^']*)'", context.get("expected") or context["expected_tags"])
    hint = nearest(value, here) if isinstance(value, str) else ""
    return f"{place(keys)} = {_show(value)} is not in this version, which has {', '.join(here)}{hint}"


def _bad_name(error: ErrorDetails, keys: list[str]) -> str:
    found = table(keys[:-1]) + " name" if error["loc"][-1] == "[key]" else place(keys)
    limit = error["ctx"]
    expected = _NAMES[limit["pattern"]] if "pattern" in limit else f"at most {limit['max_length']} characters"
    return f"{found} {_show(error['input'])} is no name; expected {expected}"


def _show(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(list(value) if isinstance(value, tuple) else value)
    return shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 3]}..."
