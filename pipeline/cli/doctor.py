"""Look at everything a run will need, and say how to mend what is missing."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from .check import Check, examine, failed
from .checks import (
    archive_place,
    disk,
    gpus,
    logs,
    machine,
    networks,
    packages,
    python,
    reach,
    room,
    weights,
)
from .cluster import cluster_checks
from .command import command
from .manner import manner
from .printing import counted, put, put_json, put_table, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.recipe import Recipe


@command("doctor", "Check everything a run needs.", example="vox2pix doctor recipe.toml --cluster local")
@click.argument("path", metavar="[RECIPE]", required=False)
@click.option(
    "--cluster", metavar="KIND|FILE|ADDRESS", help="Start or reach these workers, look at them, let them go."
)
@click.option("--insecure", is_flag=True, help="Allow an unencrypted scheduler on another machine.")
def doctor(path: str | None, cluster: str | None, insecure: bool) -> int:
    """Check installation, machine, recipe, source, archive and cluster, and say how to mend what is wrong."""
    checks = list(_checks(path, cluster, insecure=insecure))
    wrong = [check for check in checks if not check.ok]
    if manner().json:
        put_json({"checks": [check.as_json() for check in checks]})
    else:
        put_table([_row(check) for check in checks])
        for check in wrong:
            put(f"{check.name}: {check.cure or check.found}")
    if wrong:
        tell(f"vox2pix: {counted(len(wrong), 'check')} of {len(checks)} failed, the first is {wrong[0].name}")
    return wrong[0].code if wrong else 0


def _row(check: Check) -> dict[str, str]:
    return {"check": check.name, "ok": "ok" if check.ok else "NO", "found": check.found}


def _checks(path: str | None, cluster: str | None, *, insecure: bool) -> Iterator[Check]:
    yield examine("python", lambda: python(sys.version_info[:3]))
    yield examine("packages", packages)
    if manner().verbose:
        yield examine("networks", networks)
    yield examine("machine", machine)
    yield examine("gpu", gpus)
    read: list[Recipe] = []
    if path is not None:
        yield from _recipe_checks(path, read)
    if cluster is not None:
        yield from _cluster_checks(cluster, read, insecure=insecure)


def _cluster_checks(value: str, read: list[Recipe], *, insecure: bool) -> Iterator[Check]:
    from .limits import cluster_of

    recipe = read[0] if read else None
    try:
        config = cluster_of(recipe, value)
    except Exception as error:  # noqa: BLE001  (every failure is what this command is there to tell)
        yield failed("cluster", error)
    else:
        yield from cluster_checks(config, recipe, insecure=insecure)


def _recipe_checks(path: str, read: list[Recipe]) -> Iterator[Check]:
    """Look at what a recipe needs; what stands on something that is wrong is not looked at."""
    from pipeline.models.needed import needed
    from pipeline.recipe import load_recipe

    yield examine("recipe", lambda: _named(load_recipe(path), read))
    if not read:
        return
    (recipe,) = read
    if recipe.train:
        yield examine("logs", lambda: logs(recipe))
    lacking = False
    for need in needed(recipe):
        yield (check := examine(f"weights {need.name}", partial(weights, need)))
        lacking = lacking or not check.ok
    yield (source := examine("source", lambda: reach(recipe)))
    yield (place := examine("archive", lambda: archive_place(recipe)))
    if source.ok and place.ok and not lacking:
        yield examine("plan", lambda: room(recipe))
        yield examine("disk", lambda: disk(recipe))


def _named(recipe: Recipe, read: list[Recipe]) -> str:
    read.append(recipe)
    return (
        f"{recipe.path}, fingerprint {recipe.fingerprint()}, {counted(len(recipe.data.subjects), 'subject')}"
    )
