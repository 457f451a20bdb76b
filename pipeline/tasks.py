"""The tasks that the blocks of a product are handed out as: some blocks to one worker, or one to several."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from .blocks import write_blocks, write_together
from .placing import need_of
from .portions import Portions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cluster import Result, Workers
    from storage.product import Product

    from .blocks import Work, Written
    from .outcome import Listener
    from .stage import Cost
    from .step import Step


def hand_out(
    step: Step, product: Product, blocks: Sequence[Work], cost: Cost, workers: Workers, listener: Listener
) -> Iterator[Written]:
    """Have blocks computed and stored, and yield what became of each as soon as it is there.

    Parameters
    ----------
    step, product
        What is made, and where it is kept.
    blocks
        What is missing, in order.
    cost
        Of the product as it is made: the plan's reckons with the larger dtype where the data choose.
    workers
        Who work.
    listener
        Hears of each task that is tried again, of each that is done, and how far those are that run.
    """
    if cost.processes > 1:
        yield from _by_several(step, product, blocks, cost.processes, workers, listener)
    else:
        slots = workers.gpus if any(work.device.gpu for work in blocks) else workers.slots
        portions = Portions.of(blocks, slots, workers.memory, cost)
        yield from _by_one(step, product, portions, cost, workers, listener)


def _by_one(
    step: Step, product: Product, portions: Portions[Work], cost: Cost, workers: Workers, listener: Listener
) -> Iterator[Written]:
    """Have each portion of the blocks made by one worker."""
    from cluster import Task, TaskFailed, dispatch

    write = partial(write_blocks, early=portions.early)
    running: dict[str, list[Work]] = {}

    def task(portion: list[Work]) -> Task:
        running[title := _title(step, portion)] = portion
        return Task(title, write, (product, portion, step.origin), need_of(cost, portion[0].device))

    def shared(shares: Mapping[str, float]) -> None:
        listener.under_way(step, sum(share * len(running[title]) for title, share in shares.items()))

    def made(portions: Iterable[list[Work]]) -> Iterator[Result]:
        retried = partial(listener.block_retried, step)
        for result in dispatch(workers, map(task, portions), on_retry=retried, on_share=shared):
            del running[result.key]
            listener.task_done(step, result)
            yield result

    try:
        for result in made(portions):
            portions.heard(result.seconds, len(result.value))
            yield from result.value
    except TaskFailed as error:
        blocks = running[str(error.task)]
        if len(blocks) == 1:
            raise
        # one of them is to blame: by itself it is named, and does not keep the others from being made
        for result in made([work] for work in blocks):
            yield from result.value


def _by_several(
    step: Step, product: Product, blocks: Sequence[Work], size: int, workers: Workers, listener: Listener
) -> Iterator[Written]:
    """Have each block made by several workers together, one block after the other."""
    from cluster import Result, together

    for work in blocks:
        began = time.perf_counter()
        made = together(
            workers,
            _title(step, [work]),
            write_together,
            (product, work),
            size=size,
            gpu=work.device.gpu,
            on_retry=partial(listener.block_retried, step),
        )
        seconds = time.perf_counter() - began
        for _ in range(size):
            listener.task_done(step, Result(_title(step, [work]), None, seconds, 1, ""))
        yield from made[0]


def _title(step: Step, group: Sequence[Work]) -> str:
    first, last = group[0].block, group[-1].block
    return f"{step} block {first}" + (f" to {last}" if last > first else "")
