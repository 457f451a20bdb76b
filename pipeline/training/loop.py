"""The loop: steps, checkpoints, validation, and the sentence for what goes wrong."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster import Unwanted, seat, wanted

from ..errors import StageFailed
from ..models.batches import OutOfMemory, is_out_of_memory
from .chance import generator, held_back, rows_of
from .examples import ahead
from .group import accelerated, mean_over
from .logs import opened
from .state import State, averaged
from .telling import Telling
from .validation import Validation, due, painted_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from cluster import Seat
    from storage.workspace import Workspace

    from .examples import Examples
    from .objectives import Objective
    from .settings import Settings

EVERY = 60.0
"""Seconds between two checkpoints."""
LOOK = 10
"""Steps between two looks at the losses: on a GPU, looking waits for it."""
GROWN = 10.0
"""A training whose loss has grown to so many times its first is diverging."""
WINDOW = 50
"""Steps whose mean loss is compared."""


class Diverged(StageFailed):
    """A training's loss is no number any more, or grows, or its weights are none."""

    kind = "diverged"


@dataclass
class Training:
    """One training: what learns, from what, towards what.

    Parameters
    ----------
    name
        For messages.
    network
        With the weights it starts from.
    described
        What it is.
    examples, objective, settings
        What it learns from, what it is to learn, and how.
    workspace
        Where checkpoints go; None keeps none.
    """

    name: str
    network: nn.Module
    described: Mapping[str, Any]
    examples: Examples
    objective: Objective
    settings: Settings
    workspace: Workspace | None = None
    logs: Sequence[str] = ()
    """Which logs are written, see `pipeline.training.logs`."""
    place: Seat = field(default_factory=seat)

    def run(self) -> State:
        """Train to the last step, from the last checkpoint if there is one.

        Raises
        ------
        Diverged
            If loss or weights are no numbers any more, or the loss is ten times what it began with.
        OutOfMemory
            If memory does not hold a batch.
        WrongCheckpoint
            If the last checkpoint is another network's.
        """
        with accelerated(self.place, precision=self.settings.precision) as accelerator:
            try:
                return self._run(accelerator)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                raise OutOfMemory(
                    f"{self.name}: memory does not hold a training batch of {self.settings.batch}; lower "
                    f"`batch` or `size`, or give it more `processes`. {self.left()}"
                ) from None

    def left(self) -> str:
        """Say what is left of a training that ends before its last step."""
        saved = self.workspace.latest() if self.workspace else None
        kept = f"the checkpoint of step {saved.step} is kept" if saved else "no checkpoint was taken yet"
        return f"Of this training {kept}"

    def _run(self, accelerator: Any) -> State:
        import torch

        rate = self.settings.learning_rate
        optimiser = torch.optim.AdamW(  # fused: all of a weight's arithmetic in one pass over memory
            self.network.parameters(), lr=rate, weight_decay=self.settings.weight_decay, fused=True
        )
        self.network.to(accelerator.device)
        state = State(self.network, optimiser, self.described, self.settings.steps)
        saved = self.workspace.latest() if self.workspace else None
        if saved:
            state.restore(saved.content, saved.name)
        network, optimiser = accelerator.prepare(self.network, optimiser)
        space = self.workspace if self.place.rank == 0 else None
        with opened(self.logs, space, self.name, asdict(self.settings), state.step) as logs:
            telling = Telling(state, space, logs) if space else None
            _Steps(self, state, accelerator, (network, optimiser), telling).go()
        return state

    def batches(self, first: int) -> Iterator[dict[str, Tensor]]:
        """Yield this process's part of each batch, from a step on, with all that is drawn for it."""
        share = self.settings.batch // self.place.size
        part = slice(self.place.rank * share, (self.place.rank + 1) * share)
        learned = np.flatnonzero(~self.kept_back)
        for step in range(first, self.settings.steps):
            rows = rows_of(step, learned, self.settings.batch, self.settings.seed)
            batch = self.examples.batch(rows)
            batch |= self.objective.draw(batch, generator(self.settings.seed, "step", step))
            yield {name: one[part] for name, one in batch.items()}

    @property
    def kept_back(self) -> NDArray[np.bool_]:
        """(row,) bool: the rows of the pictures that are for validation."""
        return kept_back(self.examples, self.settings)


def kept_back(examples: Examples, settings: Settings) -> NDArray[np.bool_]:
    """Return (row,) bool: the rows of the pictures that are for validation."""
    pictures = held_back(len(examples.pictures), settings.validation, settings.seed)
    found: NDArray[np.bool_] = pictures[examples.seen]
    return found


class _Steps:
    """The steps of one training on one process."""

    def __init__(
        self,
        training: Training,
        state: State,
        accelerator: Any,
        prepared: tuple[Any, Any],
        telling: Telling | None,
    ) -> None:
        self.training, self.state, self.accelerator = training, state, accelerator
        self.network, self.optimiser = prepared
        self.settings, self.space = training.settings, training.workspace
        self.telling = telling
        self.validation = Validation(
            training.examples, training.objective, self.settings, training.kept_back, self._moved
        )
        self.pending: list[Tensor] = []
        self.saved_at = time.monotonic()

    def go(self) -> None:
        """Go from where the state is to the last step."""
        last = self.settings.steps
        self.network.train()
        for batch in ahead(self.training.batches(self.state.step)):
            self._step(batch)
            self._validate()
            if not wanted():
                self._leave()
            done = self.state.step == last
            if done or self.state.step % LOOK == 0:
                self._look()
                if done or time.monotonic() - self.saved_at >= EVERY:
                    self._save()

    def _step(self, batch: Mapping[str, Tensor]) -> None:
        """Learn from one batch."""
        rate = self.settings.rate(self.state.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with self.accelerator.autocast():
            loss = self.training.objective.loss(self.network, self._moved(batch))
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.state.curves["learning_rate"][self.state.step] = rate
        self.state.step += 1
        self.state.follow(self.settings.ema)
        self.pending.append(loss.detach())

    def _moved(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        device = self.accelerator.device
        return {name: one.to(device, non_blocking=True) for name, one in batch.items()}

    def _look(self) -> None:
        """Note the losses since the last look, and refuse to go on from a bad one."""
        import torch

        losses = mean_over(self.training.place, torch.stack(self.pending)).float().cpu().numpy()
        self.pending.clear()
        curve, step = self.state.curves["loss"], self.state.step
        curve[step - len(losses) : step] = losses
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            self._stop(f"the loss is {losses[bad[0]]} at step {step - len(losses) + int(bad[0]) + 1}")
        now, then = curve[max(0, step - WINDOW) : step].mean(), curve[:WINDOW].mean()
        if step > WINDOW and now > GROWN * then:
            self._stop(f"the loss has grown from {then:.3g} to {now:.3g} by step {step}")
        if not self.state.finite:  # the losses so far are of the weights before the last step
            self._stop(f"weights are no numbers any more after step {step}")
        if self.telling:
            self.telling.tell()

    def _stop(self, found: str) -> None:
        raise Diverged(
            f"{self.training.name}: {found}; lower `learning_rate` (it is {self.settings.learning_rate:g}) "
            f"or raise `batch` (it is {self.settings.batch}). {self.training.left()}"
        )

    def _validate(self) -> None:
        """Look at the pictures kept back with the averaged weights."""
        step, steps = self.state.step, self.settings.steps
        paints = step in painted_after(steps)
        if self.training.place.rank or not (paints or due(step, steps)):
            return
        with averaged(self.state):
            if due(step, steps):
                self.state.curves["val_loss"][step - 1] = self.validation.loss(self.state.network)
            painted = self.validation.painted(self.state.network) if paints else None
        if painted is not None:
            self.state.painted[step] = painted

    def _leave(self) -> None:
        """End here, with a checkpoint; processes that train together don't wait for each other any more."""
        if self.training.place.size == 1:
            self._look()
            self._save()
        raise Unwanted(f"{self.training.name} was given up at step {self.state.step}. {self.training.left()}")

    def _save(self) -> None:
        """Keep a checkpoint; losses and weights were just looked at, so they are numbers."""
        self.saved_at = time.monotonic()
        if self.telling and self.space:
            self.space.save(self.state.step, self.state.to_bytes())
