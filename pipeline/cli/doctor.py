"""Look at everything a run will need, and say how to mend what is missing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .checks import archive_place, disk, gpus, machine, networks, packages, python, reach, room
from .command import command
from .manner import manner
from .printing import counted, put, put_json, put_table, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.recipe import Recipe


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str
    cure: str = ""
    code: int = 0
    """Exit code of a run that would fail by it."""

    def as_json(self) -> dict[str, Any]:
        """Return the check's entry of ``doctor --json``."""
        return {"name": self.name, "ok": self.ok, "found": self.found, "cure": self.cure}


def examine(name: str, look: Callable[[], str]) -> Check:
    """Look at one thing: what it returns was found, what it raises is wrong."""
    try:
        return Check(name, ok=True, found=look())
    except Exception as error:  # noqa: BLE001  (every failure is what this command is there to tell)
        text = " ".join(str(error).split()) or type(error).__name__
        found, _, cure = text.rpartition("; ")
        code = int(getattr(error, "exit_code", 1))
        return Check(name, ok=False, found=found or text, cure=cure if found else "", code=code)


@command("doctor", "Check everything a run needs.", example="vox2pix doctor recipe.toml --cluster local")
@click.argument("path", metavar="[RECIPE]", required=False)
@click.option(
    "--cluster", metavar="KIND|FILE|ADDRESS", help="Start or reach these workers, look at them, let them go."
)
def doctor(path: str | None, cluster: str | None) -> int:
    """Check installation, machine, recipe, source, archive and cluster, and say how to mend what is wrong."""
    checks = list(_checks(path, cluster))
    failed = [check for check in checks if not check.ok]
    if manner().json:
        put_json({"checks": [check.as_json() for check in checks]})
    else:
        put_table([_row(check) for check in checks])
        for check in failed:
            put(f"{check.name}: {check.cure or check.found}")
    if failed:
        tell(
            f"vox2pix: {counted(len(failed), 'check')} of {len(checks)} failed, the first is {failed[0].name}"
        )
    return failed[0].code if failed else 0


def _row(check: Check) -> dict[str, str]:
    return {"check": check.name, "ok": "ok" if check.ok else "NO", "found": check.found}


def _checks(path: str | None, cluster: str | None) -> Iterator[Check]:
    yield examine("python", lambda: python(sys.version_info[:3]))
    yield examine("packages", packages)
    if manner().verbose:
        yield examine("networks", networks)
    yield examine("machine", machine)
    yield examine("gpu", gpus)
    if path is not None:
        yield from _recipe_checks(path)
    if cluster is not None:
        yield examine("cluster", lambda: _cluster(cluster))


def _recipe_checks(path: str) -> Iterator[Check]:
    """Look at what a recipe needs; what stands on something that is wrong is not looked at."""
    from pipeline.recipe import load_recipe

    read: list[Recipe] = []
    yield examine("recipe", lambda: _named(load_recipe(path), read))
    if not read:
        return
    (recipe,) = read
    yield (source := examine("source", lambda: reach(recipe)))
    yield (place := examine("archive", lambda: archive_place(recipe)))
    if source.ok and place.ok:
        yield examine("plan", lambda: room(recipe))
        yield examine("disk", lambda: disk(recipe))


def _named(recipe: Recipe, read: list[Recipe]) -> str:
    read.append(recipe)
    return (
        f"{recipe.path}, fingerprint {recipe.fingerprint()}, {counted(len(recipe.data.subjects), 'subject')}"
    )


def _cluster(value: str) -> str:
    from cluster import connect, human, parse

    with connect(parse(value)) as workers:
        each = f" of {human(workers.memory)}" if workers.memory else ""
        where = f", dashboard {workers.dashboard}" if workers.dashboard else ""
        return f"{workers.kind}: {counted(workers.slots, 'worker')}{each}{where}; started and stopped"
