"""What is run on a cluster to measure it: a simulated release, a recipe on it, and the stages that count."""

from __future__ import annotations

import json
import tomllib
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage.fingerprint import fingerprint

from ..errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from cluster import Workers
    from storage.remote import Location

    from ..recipe import Recipe

    Beside = Callable[[Workers], AbstractContextManager[object]]

UNDISTURBED = "on the cluster"


@dataclass(frozen=True)
class Workload:
    """Work for a cluster of somebody's own."""

    name: str
    probes: str
    """One sentence: what a reader learns from it."""
    simulator: str
    """Of `storage.simulate.SIMULATORS`."""
    release: Mapping[str, Any]
    """What it is called with: how large the data are."""
    tables: Mapping[str, Any]
    """The recipe, but for where its data lie."""
    stages: tuple[str, ...]
    """Those that are measured. What they take is made beforehand; what comes after the last is not made."""
    cases: Mapping[str, Beside] = field(default_factory=lambda: {UNDISTURBED: nullcontext})
    """What happens beside the work, by the case's name: called with the workers, entered for each repeat.

    Where it yields a list, its length is how often it did harm."""
    insist: Callable[[Workers], object] = lambda _workers: None
    """Refuses workers that are not fit for this, before anything is simulated."""

    @property
    def size(self) -> dict[str, Any]:
        """How large the data are, as a measurement tells it."""
        return {"simulator": self.simulator, **self.release}

    def simulated(self, folder: Location) -> Location:
        """Return the release, simulated in a folder unless it is there already.

        Raises
        ------
        RecipeError
            If no release can have that size.
        """
        from storage.simulate import SIMULATORS

        release = folder / f"{self.simulator}-{fingerprint(self.size)[:12]}"
        whole = folder / f"{release.name}.json"
        if not whole.exists():
            release.delete_tree()
            try:
                SIMULATORS[self.simulator](release, **self.release)
            except ValueError as error:
                raise RecipeError(f"a release of {_told(self.release)} can't be simulated: {error}") from None
            whole.write(json.dumps(self.size).encode())
        return release

    def recipe(self, release: Location, archive: Location) -> Recipe:
        """Return the recipe on a release, into an archive."""
        from ..recipe import Recipe

        data = tomllib.loads((release / "recipe.toml").read().decode())["data"]
        source = data["source"] if "://" in data["source"] else (release / data["source"]).url
        places = {"source": source, "archive": archive.url}
        tables = {name: table for name, table in self.tables.items() if name != "data"}
        return Recipe.from_mapping({**tables, "data": {**data, **self.tables.get("data", {}), **places}})


def _told(release: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in release.items())
