"""The runner: hands the blocks that are missing to the cluster and seals a product when none is.

It knows no stage. Whatever a run is stopped by, the same call goes on where it was: a block is done
when its marker is there, a product when its seal is.
"""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from storage import damage
from storage.errors import Damaged
from storage.fingerprint import fingerprint
from storage.markers import FRAME
from storage.remarks import remarks
from storage.transfer import traffic
from storage.workspace import Workspace

from .blocks import Work
from .device import use
from .kept import Kept
from .outcome import Listener, Made, Outcome
from .placing import Placing, need_of
from .planner import Plan, plan
from .software import software
from .stage import block_of
from .tasks import hand_out
from .watch import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import xarray as xr

    from cluster import ClusterConfig, Workers
    from storage.product import Product

    from .device import Device
    from .recipe import Recipe
    from .stage import Cost
    from .step import Step


def run(
    recipe: Recipe,
    *,
    until: str | None = None,
    cluster: ClusterConfig | None = None,
    insecure: bool = False,
    subjects: Sequence[str] | None = None,
    refresh: bool = False,
    listener: Listener | None = None,
) -> Outcome:
    """Make what a recipe asks for, as far as it is not there yet.

    Parameters
    ----------
    recipe
        What is wanted.
    until
        Last stage to run; default all.
    cluster
        Who works; default the recipe's ``[cluster]``, else one process a core.
    insecure
        Allow a plain-text scheduler on another host.
    subjects
        Some of the recipe's subjects; default all.
    refresh
        Recompute what was made from a source file that has changed since, instead of refusing.
    listener
        Hears of progress.

    Raises
    ------
    storage.errors.StorageError, cluster.ClusterError, pipeline.errors.PipelineError
        One sentence each, with the exit code of the command line; finished blocks are kept.
    """
    bytes_before, requests_before = traffic.bytes, traffic.requests
    planned = plan(recipe, subjects, until)
    work = Run(planned, listener or Listener(), refresh=refresh)
    work.outcome.bytes_moved += traffic.bytes - bytes_before
    work.outcome.requests += traffic.requests - requests_before
    steps = planned.until(until)
    todo = [step for step in steps if not work.whole(step)]
    if todo:
        work.check_ready(todo)
        work.check_values(todo)
        work.take_back_stale()
        _compute(work, steps, cluster or _cluster(recipe), insecure=insecure)
    else:
        work.remember()
        for step in steps:
            work.skip(step)
    return work.outcome


def _compute(work: Run, steps: Sequence[Step], config: ClusterConfig, *, insecure: bool) -> None:
    from cluster import check, connect

    with connect(config, insecure=insecure, tell=work.listener.note) as workers:
        work.listener.cluster_started(workers)
        check(workers, {str(step): need_of(step.cost) for step in steps if not work.sealed(step)})
        work.remember()
        for step in steps:
            if work.current(step):
                work.skip(step)
            else:
                work.make(step, workers)


def _cluster(recipe: Recipe) -> ClusterConfig:
    from cluster import chosen

    return chosen(None, recipe.cluster)


class Run(Kept):
    """One run over one plan."""

    def __init__(self, planned: Plan, listener: Listener, *, refresh: bool) -> None:
        super().__init__(planned, listener, refresh=refresh)
        self.outcome = Outcome(planned)
        self.placing: Placing | None = None
        self._told: set[str] = set()

    def check_ready(self, todo: Sequence[Step]) -> None:
        """Ask each stage still to be run whether something it takes is missing, before any work."""
        for step in todo:
            if step.maker.ready is not None:
                step.maker.ready(**step.places)

    def check_values(self, todo: Sequence[Step]) -> None:
        """Have the source read all responses still to be ingested: a bad one is told before any write."""
        for step in todo:
            if step.product == "betas" and step.origin is not None:
                remarks.clear()
                step.origin.check()
                self._tell(step, remarks.notes)

    def remember(self) -> None:
        """Make the archive, where there is none, and note in it what the recipe reaches."""
        recipe, archive = self.plan.recipe, self.plan.archive
        archive.create()
        archive.remember(recipe.fingerprint(), recipe.as_toml(), self.plan.reached)

    def skip(self, step: Step) -> None:
        """Note a product that is there already."""
        record = self.product(step).seal_record() or {}
        self.outcome.made.append(Made(step, 0, 0.0, record.get("bytes", 0)))
        self.listener.stage_finished(step, 0, 0.0)

    def make(self, step: Step, workers: Workers) -> None:
        """Compute a product's missing blocks and seal it, on GPUs where there are some it can use."""
        self.placing = self.placing or Placing(workers, self.listener)
        self.placing.place(step, self.product(step), partial(self._make, step, workers))

    def _make(self, step: Step, workers: Workers, device: Device) -> None:
        began = time.perf_counter()
        product = self.product(step)
        made_from = self.made_from(step)
        inputs = {name: self.product(given).open(raw=True) for name, given in step.inputs.items()}
        workspace = Workspace(product.place, fingerprint(made_from))
        with use(device):
            dataset = step.lazy(inputs, workspace)
        if product.created() and product.about()["made_from"] != made_from:
            product.revoke({*product.done(), FRAME})
        if not product.created():
            about, (stamps, _) = {**step.about(device), "made_from": made_from}, step.shares
            insist(partial(product.create, dataset, step.maker.schema, about, stamps))
            self._tell_notes(step, dataset)
        missing = product.missing()
        self.listener.stage_started(step, len(missing), step.blocks)
        with watching(step, workspace, self.listener) if step.maker.sequential else nullcontext():
            with use(device):  # networks take half as much on a GPU
                cost = step.maker.cost(dataset, **inputs)
            self._blocks(step, product, _work(step, product, dataset, missing, device), cost, workers)
        insist(partial(product.seal, software=software()))
        seconds = time.perf_counter() - began
        record = product.seal_record() or {}
        self.outcome.made.append(Made(step, len(missing), seconds, record.get("bytes", 0)))
        self.listener.stage_finished(step, len(missing), seconds)

    def _tell_notes(self, step: Step, dataset: xr.Dataset) -> None:
        """Tell what a stage noted on a variable: a choice it made by its inputs' values."""
        for variable in dataset.data_vars.values():
            if "note" in variable.attrs:
                self.listener.note(f"{step}: {variable.attrs['note']}")

    def _tell(self, step: Step, notes: Iterable[str]) -> None:
        """Tell what reading blocks had to say, once: each worker says it."""
        for note in set(notes) - self._told:
            self._told.add(note)
            self.listener.note(f"{step}: {note}")

    def _blocks(
        self, step: Step, product: Product, work: Sequence[Work], cost: Cost, workers: Workers
    ) -> None:
        try:
            for made in hand_out(step, product, work, cost, workers, self.listener):
                self.outcome.bytes_moved += made.moved
                self.outcome.requests += made.requests
                self._tell(step, made.notes)
                self.listener.block_done(step, made.stored, made.moved)
        except Damaged as error:
            raise self._input_damage(step, error) from None

    def _input_damage(self, step: Step, error: Damaged) -> Damaged:
        """Say which input is damaged, and take its bad blocks back so that the next run repairs them."""
        for given in step.inputs.values():
            found = damage.find(self.product(given))
            if found:
                self.take_back(self.product(given), found)
                first = found[0]
                return Damaged(
                    f"{first.product}, block {first.block}: {first.chunk} {first.reason}; "
                    "run the same command again, it recomputes that block"
                )
        return error


def _work(
    step: Step, product: Product, dataset: xr.Dataset, missing: Sequence[int], device: Device
) -> list[Work]:
    """Return the blocks to be made, with what computes them and the files they are read from."""
    (_, stamps), spans, maker = step.shares, product.blocks(), block_of(dataset)
    return [Work(block, spans[block], maker, stamps[block], device) for block in missing]


def insist(write: Callable[[], object]) -> None:
    """Write, up to three times: a run beside us that seals the same product sweeps our drafts away."""
    for _ in range(2):
        with suppress(FileNotFoundError):
            write()
            return
    write()
