"""Who would work, and who does: a cluster shown without starting it, and looked over while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.errors import PipelineError

from .check import Check, examine, failed
from .command import Program, command
from .manner import manner
from .printing import counted, put, put_json, remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster import ClusterConfig, Workers
    from pipeline.recipe import Recipe


@click.group("cluster", cls=Program, short_help="Show what a cluster would start.")
def cluster() -> None:
    """Describe who works, without starting anything."""


@command("check", "Show what a cluster would start.", example="vox2pix cluster check slurm.toml")
@click.argument("value", metavar="[KIND|FILE]", required=False)
def check(value: str | None) -> None:
    """Print the job script, the manifest or the commands that would start the workers; nothing is started."""
    from cluster import chosen, preview

    config = chosen(value, {})
    text = preview(config)
    put_json({"kind": config.kind, "starts": text}) if manner().json else put(text)


cluster.add_command(check)


def cluster_checks(config: ClusterConfig, recipe: Recipe | None, *, insecure: bool) -> Iterator[Check]:
    """Start or reach workers, look at them, and let them go."""
    from cluster import connect

    try:
        with connect(config, insecure=insecure, tell=remark) as workers:
            found = [*_looks(workers), *_room(workers, recipe)]
    except Exception as error:  # noqa: BLE001  (what keeps it from starting is what doctor is there to tell)
        yield failed("cluster", error)
    else:
        yield from found


def _looks(workers: Workers) -> Iterator[Check]:
    from cluster import human
    from cluster.kinds import THEIRS
    from cluster.survey import differences, encryption, survey, tunnel

    each = f" of {human(workers.memory)}" if workers.memory else ""
    where = f", dashboard {workers.dashboard}" if workers.dashboard else ""
    done = "reached and left running" if workers.kind in THEIRS else "started and stopped"
    yield Check(
        "cluster",
        ok=True,
        found=f"{workers.kind}: {counted(workers.slots, 'worker')}{each}{where}; {done}",
    )
    yield Check("cluster encryption", ok=True, found=encryption(workers))
    if workers.dashboard:
        yield Check("cluster dashboard", ok=True, found=f"from elsewhere: {tunnel(workers.dashboard)}")
    try:
        faces = survey(workers)
    except Exception as error:  # noqa: BLE001  (as above)
        yield failed("cluster software", error)
        return
    yield examine("cluster software", lambda: _same(differences(faces)))
    hosts = ", ".join(sorted({face.host for face in faces.values()}))
    yield Check("cluster workers", ok=True, found=f"{', '.join(sorted(faces))} on {hosts}")
    rooms = {name: face.headroom for name, face in faces.items() if face.headroom is not None}
    if rooms:
        least = min(rooms, key=lambda name: rooms[name])
        yield Check(
            "cluster memory", ok=True, found=f"at least {human(rooms[least])} free a worker ({least})"
        )
    devices = {name: face.gpus for name, face in faces.items() if face.gpus}
    told = "; ".join(f"{name}: {', '.join(gpus)}" for name, gpus in devices.items())
    yield Check("cluster gpus", ok=True, found=told or "none (none is needed)")


def _same(found: list[str]) -> str:
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise _Differs(f"{found[0]}{more}; install the same versions there")
    return "the same versions as here"


class _Differs(PipelineError):
    """Workers with other software would make other numbers, or not understand us."""

    exit_code = 4
    kind = "cluster-differs"


def _room(workers: Workers, recipe: Recipe | None) -> Iterator[Check]:
    """Say whether these workers can hold each block and model of a recipe."""
    if recipe is not None:
        yield examine("cluster room", lambda: _fits(workers, recipe))


def _fits(workers: Workers, recipe: Recipe) -> str:
    from cluster import check as check_needs
    from cluster import human
    from pipeline.placing import need_of
    from pipeline.planner import plan

    needs = {str(step): need_of(step.cost) for step in plan(recipe).steps}
    check_needs(workers, needs)
    largest = max(needs, key=lambda name: needs[name].memory, default="")
    return (
        f"each block fits; the largest, of {largest}, takes {human(needs[largest].memory)}"
        if needs
        else "nothing"
    )
