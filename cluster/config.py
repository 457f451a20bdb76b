"""Where a cluster is described: on the command line, in a recipe, in a file, or in dask's configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cluster.errors import ClusterConfigError
from cluster.kinds import MODELS, ClusterConfig, described
from cluster.mistakes import told

KINDS = tuple(MODELS)
CONFIGURED = "vox2pix.cluster"
"""Key of dask's configuration: a table of its YAML files, or ``DASK_VOX2PIX__CLUSTER__KIND`` and so on."""
_KEYS = frozenset(key for model in MODELS.values() for key in model.model_fields)
"""All that a description may hold."""
_KNOWN = (
    f"{', '.join(KINDS[:-2])}, tcp://HOST:PORT, tls://HOST:PORT, a TOML or YAML file with the keys of "
    "[cluster], or a scheduler's JSON file"
)


def chosen(value: str | None, recipe: Mapping[str, Any]) -> ClusterConfig:
    """Return the cluster to use: what the command line names, else the recipe's, else dask's configuration's.

    Parameters
    ----------
    value
        The word of the command line, if there is one, see `parse`.
    recipe
        The recipe's table ``[cluster]``, empty where it has none.

    Raises
    ------
    ClusterConfigError
        Naming what is wrong.
    """
    if value is not None:
        return parse(value, recipe)
    return _validated(dict(recipe), "[cluster]") if recipe else configured() or described({})


def parse(value: str, recipe: Mapping[str, Any] | None = None) -> ClusterConfig:
    """Return the cluster that one word describes.

    Parameters
    ----------
    value
        A kind, an address (``tcp://HOST:PORT``, ``tls://HOST:PORT``), the path of a TOML or YAML file with
        the keys of the kind, or that of a scheduler file (.json).
    recipe
        The recipe's table ``[cluster]``. Where it, else dask's configuration, describes the kind that is
        named, its other keys hold.

    Raises
    ------
    ClusterConfigError
        Where it is none of these, naming what is known and the nearest match.
    """
    if value in KINDS:
        return _of_kind(value, recipe or {})
    if "://" in value:
        return _validated({"kind": "address", "address": value}, repr(value))
    path = Path(value)
    if path.suffix == ".json":
        return _validated({"kind": "scheduler-file", "file": value}, value)
    if path.suffix in (".toml", ".yaml", ".yml") or path.is_file():
        return _validated(_read(path), value)
    near = get_close_matches(value, KINDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ClusterConfigError(f"{value!r} is no cluster; known: {_KNOWN}{hint}")


def configured() -> ClusterConfig | None:
    """Return the cluster that dask's configuration describes, if it does."""
    table = _configured()
    return _validated(table, f"{CONFIGURED} of dask's configuration") if table else None


def _configured() -> dict[str, Any]:
    import dask.config

    table = dask.config.get(CONFIGURED, {}) or {}
    if not isinstance(table, Mapping):
        raise ClusterConfigError(f"{CONFIGURED} of dask's configuration is {table!r}; expected a table")
    return {str(key).replace("-", "_"): found for key, found in table.items()}


def _of_kind(kind: str, recipe: Mapping[str, Any]) -> ClusterConfig:
    for table, place in ((recipe, "[cluster]"), (_configured(), f"{CONFIGURED} of dask's configuration")):
        if table and table.get("kind", "local") == kind:
            return _validated(dict(table), place)
    return _validated({"kind": kind}, repr(kind))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ClusterConfigError(f"cluster file {path} is not there; known: {_KNOWN}") from None
    except (OSError, ValueError) as error:
        raise ClusterConfigError(f"cluster file {path} can't be read: {error}") from error
    table = _yaml(text, path) if path.suffix in (".yaml", ".yml") else _toml(text, path)
    if not table:
        raise ClusterConfigError(f"cluster file {path} is empty; expected the keys of [cluster]")
    # as in dask's files and in a recipe, beside what is not about clusters
    for key in ("vox2pix", "cluster"):
        inner = table.get(key)
        table = inner if isinstance(inner, dict) and not _KEYS & table.keys() else table
    return table


def _toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ClusterConfigError(f"cluster file {path} can't be read as TOML: {error}") from error


def _yaml(text: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise ClusterConfigError(f"cluster file {path} can't be read as YAML: {said}") from error
    if not isinstance(table, dict | None):
        raise ClusterConfigError(f"cluster file {path} holds no table; expected the keys of [cluster]")
    return table or {}


def _validated(table: dict[str, Any], place: str) -> ClusterConfig:
    try:
        return described(table)
    except ValidationError as error:
        # not from it: it holds what was given, passwords too
        raise ClusterConfigError("; ".join(told(one, place) for one in error.errors())) from None
