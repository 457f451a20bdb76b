"""Runs on machines that are cut off, and with a disk that is full."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .disks import fill, small
from .drivers import without_places
from .machines import joined, make_keys, reached
from .ours import two
from .problem import compared, fresh, recipe
from .trouble import Once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..work import Work

TTL = "10s"
"""Worker-ttl of those that are cut off."""

WAIT = 90.0
"""Seconds workers have to come: ssh starts one after the other, half a minute where machines are busy."""


def cut_off(folder: str, product: str, cut: int) -> Work:
    """Run on two machines that are reached by ssh, and cut the cables of so many at a product's first block.

    Where all are cut off, mend them and give the same call again.
    """
    from cluster import ClusterLost, client, fleet, keeper

    fleet.SETTINGS["distributed.scheduler.worker-ttl"] = TTL
    client.PATIENCE, keeper.ASK = 20.0, 1.0
    archive, stack = fresh(folder), ExitStack()
    machines = [stack.enter_context(joined(number)) for number in range(2)]
    keys = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    make_keys(keys)
    config = stack.enter_context(reached(machines, keys)).model_copy(update={"wait": WAIT})

    def lose() -> None:
        for machine in machines[:cut]:
            machine.cut()

    def work() -> Mapping[str, Any]:
        """Run, and again where it is lost."""
        from ...runner import run

        event = Once(product, lose)
        told: dict[str, Any] = {"exit": 0}
        try:
            run(recipe(folder, archive), cluster=config, listener=event)
        except ClusterLost as error:
            told = {"exit": error.exit_code, "message": without_places(str(error))}
            for machine in machines:
                machine.mend()
            run(recipe(folder, archive), cluster=config.model_copy(update={"wait": 120.0}))
        return {**told, "harmed": cut * event.done, **compared(folder, archive), "parted": _closed(stack)}

    return work


def _closed(stack: ExitStack) -> Callable[[], bool]:
    def closed() -> bool:
        """Take away what was made; it is called when the time is taken."""
        stack.close()
        return True

    return closed


def scratch_full(folder: str, product: str) -> Work:
    """Run while the disk of keys, logs and what workers put aside fills up, at a product's first block."""
    archive, stack = fresh(folder), ExitStack()
    place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    stack.enter_context(small(place, "size=8m,nr_inodes=1000"))
    tempfile.tempdir = str(place)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        event = Once(product, lambda: fill(place))
        run(recipe(folder, archive), cluster=two(), listener=event)
        return {"exit": 0, "harmed": int(event.done), **compared(folder, archive), "parted": _closed(stack)}

    return work


def no_scratch(folder: str) -> Work:
    """Run where that disk takes nothing, which is an error, and again when there is room."""
    archive, stack = fresh(folder), ExitStack()
    place = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def work() -> Mapping[str, Any]:
        """Run twice."""
        from cluster import ClusterError

        from ...runner import run

        told: dict[str, Any] = {"exit": 0}
        with small(place, "nr_inodes=1"):
            tempfile.tempdir = str(place)
            try:
                run(recipe(folder, archive), cluster=two())
            except ClusterError as error:
                told = {"exit": error.exit_code, "message": without_places(str(error))}
            tempfile.tempdir = None
        run(recipe(folder, archive), cluster=two())
        return {**told, "harmed": 1, **compared(folder, archive), "parted": _closed(stack)}

    return work
