"""Who computes a product: workers with a GPU where there are some and the stage can use them, else all.

One product is computed on one kind of device, because another kind gives other last bits; it notes which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.markers import FRAME

from .device import ANY, CPU
from .ridge import accelerator

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import Need, Workers
    from storage.product import Product

    from .device import Device
    from .outcome import Listener
    from .stage import Cost
    from .step import Step


def need_of(cost: Cost, device: Device = ANY) -> Need:
    """Return what a task of so much cost needs of its worker."""
    from cluster import Need

    return Need(cost.memory, gpu=device.gpu, resident=cost.resident)


class Placing:
    """Chooses a device for each product of a run.

    Parameters
    ----------
    workers
        Who work; a GPU is asked for only where they have one.
    listener
        Hears where a GPU is not used after all.
    """

    def __init__(self, workers: Workers, listener: Listener) -> None:
        self.listener = listener
        self.gpu = self._found(workers) if workers.gpus else None
        # a task without need of a GPU may run beside one, which its networks are to leave alone
        self.cpu = CPU if workers.gpus else ANY

    def _found(self, workers: Workers) -> Device | None:
        """Return what the workers' GPUs are, as one of them tells; None if arrays can't use them."""
        from cluster import Need, Task, TaskFailed, dispatch

        try:
            (told,) = dispatch(workers, [Task("GPU", accelerator, need=Need(gpu=True))], retries=0)
        except TaskFailed as error:
            self.listener.note(f"the workers' GPUs are not used: {error.__cause__ or error}")
            return None
        device: Device = told.value
        return device

    def of(self, step: Step, product: Product) -> Device:
        """Return where a product is computed, or goes on being computed.

        What was begun on a device that is not there now is begun anew.
        """
        chosen = self.gpu if self.gpu and step.maker.gpu else self.cpu
        if not product.created():
            return chosen
        begun = product.about().get("device", CPU.name)
        if begun == CPU.name:
            return self.cpu
        if chosen.name != begun:
            self.listener.note(
                f"{step} was begun on {begun}, which is not here; it is begun anew on {chosen.name}"
            )
            self.begin_anew(product)
        return chosen

    def place(self, step: Step, product: Product, make: Callable[[Device], None]) -> None:
        """Have a product made on its device; where that fails on a GPU, as a whole on the CPU."""
        from cluster import TaskFailed

        device = self.of(step, product)
        try:
            make(device)
        except TaskFailed as error:
            if not device.gpu:
                raise
            self.fall_back(step, product, error)
            make(self.cpu)

    def fall_back(self, step: Step, product: Product, reason: BaseException) -> None:
        """Give up the GPU for the rest of the run, and what a product has from it."""
        self.gpu = None
        self.listener.note(
            f"{step} failed on the GPU and is computed on the CPU, as is what follows: {reason}"
        )
        self.begin_anew(product)

    @staticmethod
    def begin_anew(product: Product) -> None:
        """Take back a product's blocks and frame."""
        product.revoke({*product.done(), FRAME})
