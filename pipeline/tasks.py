"""The tasks that the blocks of a product are handed out as: some blocks to one worker, or one to several."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .blocks import write_blocks, write_together
from .placing import need_of
from .portions import Portions
from .ridge import CPU

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cluster import Workers
    from storage.product import Product

    from .blocks import Work, Written
    from .stage import Cost
    from .step import Step

    OnRetry = Callable[[str, str], object]


def hand_out(
    step: Step, product: Product, blocks: Sequence[Work], cost: Cost, workers: Workers, on_retry: OnRetry
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
    on_retry
        Called with the name of a task and the reason before it is tried again.
    """
    if cost.processes > 1:
        yield from _by_several(step, product, blocks, cost.processes, workers, on_retry)
    else:
        slots = workers.slots if all(work.device == CPU for work in blocks) else workers.gpus
        portions = Portions.of(blocks, slots, workers.memory, cost)
        yield from _by_one(step, product, portions, workers, on_retry)


def _by_one(
    step: Step, product: Product, portions: Portions[Work], workers: Workers, on_retry: OnRetry
) -> Iterator[Written]:
    """Have each portion of the blocks made by one worker."""
    from cluster import Task, dispatch

    write = partial(write_blocks, early=portions.early)
    tasks = (
        Task(
            _title(step, portion),
            write,
            (product, portion, step.origin),
            need_of(step, portion[0].device),
        )
        for portion in portions
    )
    for result in dispatch(workers, tasks, on_retry=on_retry):
        portions.heard(result.seconds, len(result.value))
        yield from result.value


def _by_several(
    step: Step, product: Product, blocks: Sequence[Work], size: int, workers: Workers, on_retry: OnRetry
) -> Iterator[Written]:
    """Have each block made by several workers together, one block after the other."""
    from cluster import together

    for work in blocks:
        made = together(
            workers,
            _title(step, [work]),
            write_together,
            (product, work),
            size=size,
            on_retry=on_retry,
        )
        yield from made[0]


def _title(step: Step, group: Sequence[Work]) -> str:
    first, last = group[0].block, group[-1].block
    return f"{step} block {first}" + (f" to {last}" if last > first else "")
