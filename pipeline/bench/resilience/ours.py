"""Runs that are harmed: workers killed, frozen, lost with their nannies, poisoned; and many blocks."""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .daemons import Daemons, children, wait_for
from .drivers import without_places
from .poison import poison
from .problem import WHOLE, blocks, compared, fresh, recipe
from .trouble import Once, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cluster import Local

    from ..work import Work

MEMORY = "1GB"
"""A worker's."""


def two() -> Local:
    """Return the cluster that is harmed."""
    from cluster import Local

    return Local(workers=2, memory=MEMORY)


def killed(folder: str, stages: Sequence[str], times: int) -> Work:
    """Run while workers are killed so many times in each stage."""
    archive = fresh(folder)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        with Trouble(stages, times) as trouble:
            run(recipe(folder, archive), cluster=two(), listener=trouble)
        hits = sum(map(len, trouble.hits.values()))
        return {"harmed": hits, "lost": len(trouble.lost), **compared(folder, archive)}

    return work


def frozen(folder: str, stage: str, ttl: float) -> Work:
    """Run while a worker is frozen for good; `late` is the time from then on that is not its ttl."""
    from cluster import fleet
    from cluster.chaos import freeze

    fleet.SETTINGS["distributed.scheduler.worker-ttl"] = f"{ttl}s"
    archive, began = fresh(folder), list[float]()

    def stop(pid: int) -> None:
        began.append(time.perf_counter())
        freeze(pid)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        with Trouble([stage], 1, stop) as trouble:
            run(recipe(folder, archive), cluster=two(), listener=trouble)
        late = time.perf_counter() - began[0] - ttl
        return {
            "harmed": len(trouble.hits[stage]),
            "lost": len(trouble.lost),
            "late": late,
            **compared(folder, archive),
        }

    return work


def poisoned(folder: str, product: str, block: int) -> Work:
    """Run while a block kills every worker that makes it, then without; `missing` counts what it cost."""
    archive = fresh(folder)
    options = {"preload": ["cluster.logs", str(poison(Path(folder), product, block))]}

    def work() -> Mapping[str, Any]:
        """Run twice."""
        from cluster import TaskFailed

        from ...runner import run

        try:
            run(recipe(folder, archive), cluster=two().model_copy(update={"options": options}))
        except TaskFailed as error:
            told = {"exit": error.exit_code, "message": without_places(str(error))}
        else:
            told = {"exit": 0}
        pattern = f"{product}/*/done/[0-9]*.json"
        lacking = len(list((Path(folder) / WHOLE).glob(pattern))) - len(list(archive.glob(pattern)))
        kept = blocks(archive)
        run(recipe(folder, archive), cluster=two())
        return {**told, "harmed": 1, "missing": lacking, "kept": kept, **compared(folder, archive)}

    return work


def lost_with_nanny(folder: str, product: str) -> Work:
    """Run on a scheduler of others while a worker is lost with its nanny, as with its machine."""
    from cluster import SchedulerFile
    from cluster.chaos import kill_with_nanny

    archive = fresh(folder)
    daemons = Daemons(Path(folder))
    daemons.start()
    first = daemons.workers[0]
    wait_for(lambda: children(first.pid))

    def lose() -> None:
        kill_with_nanny(next(one for one in children(first.pid) if not one.children()).pid)

    def work() -> Mapping[str, Any]:
        """Run every stage."""
        from ...runner import run

        lost = Once(product, lose)
        run(recipe(folder, archive), cluster=SchedulerFile(file=str(daemons.file)), listener=lost)
        return {"harmed": int(lost.done), **compared(folder, archive)}

    return work


def dispatched(folder: str, tasks: int) -> Work:
    """Hand out so many tasks that do nothing; client and scheduler share this process.

    What it holds when a tenth of them is done is `early`, at the end `resident`, in bytes.
    """
    from cluster import Task, connect, dispatch

    del folder
    stack = ExitStack()
    workers = stack.enter_context(connect(two()))

    def work() -> Mapping[str, Any]:
        """Take every result."""
        results = dispatch(workers, (Task(f"block {number}", abs, (number,)) for number in range(tasks)))
        done = sum(1 for _ in islice(results, tasks // 10))
        early = _resident()
        done += sum(1 for _ in results)

        def closed() -> bool:
            """End the workers; it is called when all figures are taken."""
            stack.close()
            return True

        return {"tasks": done, "early": early, "resident": _resident(), "closed": closed}

    return work


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
