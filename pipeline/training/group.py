"""The devices a training runs on: one, or one a process of those that train together, by accelerate."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cluster import environment_kept

from ..models.device import device
from ..models.threads import one_thread
from ..models.vision_ops import prepare_torchvision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster import Seat

PATIENCE = 300.0
"""Seconds a process waits for the others before it gives up."""


@contextmanager
def accelerated(seat: Seat, *, precision: str = "float32") -> Iterator[Any]:
    """Give a training its `accelerate.Accelerator`; torch has one thread meanwhile, as every task has.

    Parameters
    ----------
    seat
        This process's place among those that train together.
    precision
        "float32", or "bfloat16" where the device has it.
    """
    prepare_torchvision()
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    with ExitStack() as stack:
        stack.enter_context(one_thread())
        on_cpu = device() != "cuda"
        if seat.size > 1:
            stack.enter_context(_environment(seat))
            stack.enter_context(_process_group(seat, "gloo" if on_cpu else "nccl"))
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001  (it outlives its training)
        stack.callback(AcceleratorState._reset_state, reset_partial_state=True)  # noqa: SLF001
        yield Accelerator(cpu=on_cpu, mixed_precision="bf16" if precision == "bfloat16" else "no")


@contextmanager
def _environment(seat: Seat) -> Iterator[None]:
    """Say what accelerate asks the environment for, and take it back."""
    said = {
        "RANK": seat.rank,
        "WORLD_SIZE": seat.size,
        "LOCAL_RANK": 0,  # a worker sees no GPU but its own
        "LOCAL_WORLD_SIZE": seat.size,
        "MASTER_ADDR": seat.host,
        "OMP_NUM_THREADS": 1,
        # connections between processes of one machine do not leave it
        **({"GLOO_SOCKET_IFNAME": "lo"} if seat.host == "127.0.0.1" else {}),
    }
    with environment_kept(said):
        os.environ.update({name: str(value) for name, value in said.items()})
        yield


@contextmanager
def _process_group(seat: Seat, backend: str) -> Iterator[None]:
    """Join the others: over a file on one machine, else over a port that the first one opens and tells."""
    from torch import distributed
    from torch.distributed import FileStore, TCPStore  # type: ignore[attr-defined]

    patience = timedelta(seconds=PATIENCE)
    if seat.shared:
        store: Any = FileStore(seat.meeting, seat.size)
    else:
        first = seat.rank == 0
        port = 0 if first else seat.port()
        store = TCPStore(seat.host, port, None, first, patience, wait_for_workers=False)
        if first:
            seat.publish(store.port)
    distributed.init_process_group(
        backend, store=store, rank=seat.rank, world_size=seat.size, timeout=patience
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def mean_over(seat: Seat, values: Any) -> Any:
    """Return the mean of a tensor over all processes."""
    if seat.size == 1:
        return values
    from torch import distributed

    distributed.all_reduce(values)
    return values / seat.size
