"""The tasks that the blocks of a product are handed out as: some blocks to one worker, or one to several."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from .blocks import write_blocks, write_together
from .placing import need_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cluster import Workers
    from storage.product import Product

    from .blocks import Work, Written
    from .step import Step

    Groups = Sequence[Sequence[Work]]
    OnRetry = Callable[[str, str], object]


def hand_out(
    step: Step, product: Product, groups: Groups, workers: Workers, on_retry: OnRetry
) -> Iterator[Written]:
    """Have blocks computed and stored, and yield what became of each as soon as it is there.

    Parameters
    ----------
    step, product
        What is made, and where it is kept.
    groups
        Blocks that one task takes.
    workers
        Who work.
    on_retry
        Called with the name of a task and the reason before it is tried again.
    """
    many = _by_several if step.cost.processes > 1 else _by_one
    yield from many(step, product, groups, workers, on_retry)


def _by_one(
    step: Step, product: Product, groups: Groups, workers: Workers, on_retry: OnRetry
) -> Iterator[Written]:
    """Have each group of blocks made by one worker."""
    from cluster import Task, dispatch

    tasks = [
        Task(_title(step, group), write_blocks, (product, group, step.origin), need_of(step, group[0].device))
        for group in groups
    ]
    for result in dispatch(workers, tasks, on_retry=on_retry):
        yield from result.value


def _by_several(
    step: Step, product: Product, groups: Groups, workers: Workers, on_retry: OnRetry
) -> Iterator[Written]:
    """Have each block made by several workers together, one block after the other."""
    from cluster import together

    for work in chain.from_iterable(groups):
        made = together(
            workers,
            _title(step, [work]),
            write_together,
            (product, work),
            size=step.cost.processes,
            on_retry=on_retry,
        )
        yield from made[0]


def _title(step: Step, group: Sequence[Work]) -> str:
    first, last = group[0].block, group[-1].block
    return f"{step} block {first}" + (f" to {last}" if last > first else "")
