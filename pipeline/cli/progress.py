"""What a run tells while it works: a bar on a terminal, a plain line every 10 s elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from pipeline.outcome import Listener

from .printing import counted, tell
from .trained import clock, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cluster import Workers
    from pipeline.step import Step

    from .manner import Manner

#: Seconds between two plain lines.
EVERY = 10.0


@dataclass
class Tally:
    """How far the running stage is."""

    name: str
    todo: int
    slots: int
    began: float = field(default_factory=time.monotonic)
    done: int = 0
    under_way: float = 0.0
    """Blocks' worth that is done in tasks still running."""
    bytes: int = 0
    retries: int = 0
    learned: Mapping[str, Any] | None = None
    """How far a training says it is."""

    @property
    def reached(self) -> float:
        """Blocks that are done, and blocks' worth that is."""
        return min(self.done + self.under_way, float(self.todo))

    def told(self, now: float) -> str:
        """Return blocks, rates, what is left, workers and retries, at a time of `time.monotonic`.

        >>> Tally("s1/betas", 8, slots=2, began=0.0, done=4, bytes=8_000_000).told(2.0)
        '4/8 blocks, 2.0 blocks/s, 4.0 MB/s, 0:02 left, 2 workers'
        >>> Tally("s1/gram/all", 8, slots=2, began=0.0, under_way=2.4).told(30.0)
        '2.4/8 blocks, 1:10 left, 2 workers'
        """
        from cluster import human

        if self.learned:
            return told(self.learned)
        seconds = max(now - self.began, 1e-9)
        reached = f"{self.reached:.1f}" if self.under_way else f"{self.done}"
        said = [f"{reached}/{self.todo} blocks"]
        if self.done:
            said += [f"{self.done / seconds:.1f} blocks/s", f"{human(self.bytes / seconds)}/s"]
        if self.reached:
            said.append(f"{clock((self.todo - self.reached) * seconds / self.reached)} left")
        said.append(counted(self.slots, "worker"))
        if self.retries:
            said.append(f"{self.retries} tried again")
        return ", ".join(said)


class Talk(Listener):
    """Tells of what has happened, a line each; the ways to show what is happening add to it.

    Parameters
    ----------
    verbose
        Whether products that were there already are told of.
    """

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose
        self.slots = 0
        self.tally: Tally | None = None

    def line(self, text: str) -> None:
        """Tell one line."""
        tell(text)

    def changed(self) -> None:
        """Hear that the tally has changed."""

    def cluster_started(self, workers: Workers) -> None:
        """Say who works, and where to watch them."""
        self.slots = workers.slots
        where = f", dashboard: {workers.dashboard}" if workers.dashboard else ""
        self.line(f"cluster: {workers.kind}, {counted(workers.slots, 'worker')}{where}")

    def stage_started(self, step: Step, todo: int, total: int) -> None:
        """Begin a tally."""
        self.tally = Tally(str(step), todo, self.slots)
        if todo < total:
            self.line(f"{step}: {total - todo} of {counted(total, 'block')} are there")
        self.changed()

    def block_done(self, step: Step, stored: int, moved: int) -> None:
        """Count a block."""
        del step
        if self.tally:
            self.tally.done += 1
            self.tally.under_way = max(0.0, self.tally.under_way - 1)
            self.tally.bytes += stored + moved
            self.changed()

    def under_way(self, step: Step, blocks: float) -> None:
        """Note what is done of blocks that come together."""
        del step
        if self.tally:
            self.tally.under_way = blocks
            self.changed()

    def trained(self, step: Step, told: Mapping[str, Any]) -> None:
        """Note how far a training is."""
        del step
        if self.tally:
            self.tally.learned = told
            self.changed()

    def block_retried(self, step: Step, task: str, reason: str) -> None:
        """Say why a task is tried again."""
        del step
        if self.tally:
            self.tally.retries += 1
        self.line(f"{task} is tried again: {' '.join(reason.split())}")
        self.changed()

    def stage_finished(self, step: Step, computed: int, seconds: float) -> None:
        """Say what a stage took."""
        self.tally = None
        self.changed()
        if computed:
            self.line(f"{step}: {counted(computed, 'block')} in {seconds:.1f} s")
        elif self.verbose:
            self.line(f"{step}: there already")

    def note(self, text: str) -> None:
        """Say what the user should know."""
        self.line(text)


class Bar(Talk):
    """A bar for the running stage, below the lines."""

    def __init__(self, *, verbose: bool, progress: Any) -> None:
        super().__init__(verbose=verbose)
        self.progress = progress
        self.task = progress.add_task("reading the source", total=None, told="")

    def line(self, text: str) -> None:
        """Write above the bar."""
        self.progress.console.print(text, markup=False, highlight=False)

    def changed(self) -> None:
        """Draw the tally."""
        tally = self.tally
        if tally is None:
            self.progress.update(self.task, visible=False)
            return
        learned = tally.learned or {"step": tally.reached, "steps": tally.todo}
        self.progress.update(
            self.task,
            visible=True,
            description=tally.name,
            completed=learned["step"],
            total=learned["steps"],
            told=tally.told(time.monotonic()),
        )


@contextmanager
def listening(manner: Manner) -> Iterator[Listener]:
    """Give a run somebody to tell, in the user's manner."""
    verbose = manner.verbose > 0
    if manner.quiet:
        yield Listener()
    elif not manner.progress:
        yield Talk(verbose=verbose)
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield Bar(verbose=verbose, progress=progress)
    else:
        talk = Talk(verbose=verbose)
        with _ticking(talk):
            yield talk


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[told]}")
    return Progress(*columns, console=Console(file=sys.stderr), transient=True)


@contextmanager
def _ticking(talk: Talk) -> Iterator[None]:
    """Tell the tally every 10 s, whether or not anything has happened."""
    over = Event()

    def tick() -> None:
        while not over.wait(EVERY):
            tally = talk.tally
            if tally:
                tell(f"{tally.name}: {tally.told(time.monotonic())}")

    thread = Thread(target=tick, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
