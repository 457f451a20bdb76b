"""Measure a workload on a cluster: the stages of a run, by its own workers, with what each of them used."""

from __future__ import annotations

import uuid
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from storage.errors import StorageError
from storage.fingerprint import fingerprint

from ..placing import need_of
from ..planner import plan
from ..runner import Run
from .machine import load, machine
from .measure import about, now, when
from .recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from cluster import ClusterConfig, Workers
    from storage.remote import Location

    from ..planner import Plan
    from ..step import Step
    from .workload import Beside, Workload

OURS = "vox2pix"
_ALWAYS = ("xarray", "zarr.storage", "pipeline.blocks")
"""What every task imports."""


def measure_on(
    workload: Workload,
    config: ClusterConfig,
    folder: Location,
    *,
    repeats: int = 3,
    command: str = "",
    insecure: bool = False,
    report: Path | None = None,
    heard: Callable[[str], object] = lambda _line: None,
) -> dict[str, Any]:
    """Measure a workload on the cluster that a configuration describes.

    A cluster that somebody else runs is used as it is: nothing of it is started, scaled or stopped.

    Parameters
    ----------
    workload
        What is run.
    config
        Who works.
    folder
        Where data are simulated and products made; all workers must reach it.
    repeats
        How often; what is measured is removed and made anew each time.
    command
        What makes this measurement again.
    insecure
        Allow an unencrypted connection to another machine.
    report
        Where dask's performance report is written; None writes none.
    heard
        Hears a line about each repeat, and what the cluster says.

    Returns
    -------
    dict
        What was found, ready for JSON: as of `measure`, with `cluster`, and in each repeat `stages` and
        `workers`.

    Raises
    ------
    ClusterError
        Where workers can't be had, don't see the folder, or can't hold a block.
    """
    from cluster import check, connect
    from cluster.diagnostics import performance_report

    with connect(config, insecure=insecure, tell=heard) as workers:
        workload.insist(workers)
        told = _described(workers)
        _insist_shared(workers, folder)
        release = workload.simulated(folder)
        planned = plan(workload.recipe(release, folder / "archive"), until=workload.stages[-1])
        steps = planned.until(workload.stages[-1])
        counted = [step for step in steps if step.stage in workload.stages]
        check(workers, {str(step): need_of(step.cost) for step in steps})
        workers.each(partial(_warm, tuple(sorted({step.maker.function.__module__ for step in counted}))))
        _make(planned, [step for step in steps if step not in counted], Recorder(workers, heard))
        since, before = now(), load()
        with performance_report(workers, report, heard):
            cases = [
                _case(planned, counted, workers, beside, repeats, heard, name)
                for name, beside in workload.cases.items()
            ]
    runs = [run for case in cases for run in case["runs"]]
    for run in runs:
        run["identical"] = float(run["check"] == runs[0]["check"])
    opening = about(workload.name, workload.probes, command, workload.size)
    return {**opening, **when(since, before), **told, "cases": cases}


def _case(
    planned: Plan,
    steps: Sequence[Step],
    workers: Workers,
    beside: Beside,
    repeats: int,
    heard: Callable[[str], object],
    name: str,
) -> dict[str, Any]:
    since, before = now(), load()
    runs = []
    for repeat in range(repeats):
        recorder, loaded = Recorder(workers, heard), load()
        for step in steps:
            step.in_archive(planned.archive).place.delete_tree()
        with beside(workers) as harm:
            _make(planned, steps, recorder)
        figures = recorder.figures()
        if isinstance(harm, list):
            figures["harmed"] = len(harm)
        figures["check"] = _digest(planned, steps)
        heard(f"{name} · {repeat + 1} of {repeats}: {figures['wall']:.2f} s")
        runs.append({"contender": OURS, "repeat": repeat, "load": loaded, **figures})
    told = {"name": name, "weather": {}, "reference": OURS, "contenders": {OURS: {}}, "goals": []}
    return {**told, **when(since, before), "runs": runs}


def _digest(planned: Plan, steps: Sequence[Step]) -> str:
    """Return what identical products share: one number of the checksums of all their chunks."""
    seals = [step.in_archive(planned.archive).seal_record() or {} for step in steps]
    return fingerprint([seal.get("digest", "") for seal in seals])


def _make(planned: Plan, steps: Sequence[Step], recorder: Recorder) -> None:
    """Make products as a run does, but for those that are there."""
    run = Run(planned, recorder, refresh=False)
    run.remember()
    for step in steps:
        if not run.current(step):
            with recorder.on(step):
                run.make(step, recorder.workers)


def _described(workers: Workers) -> dict[str, Any]:
    """Return who works, and with which software."""
    from cluster.survey import SAME, encryption, survey

    from .work import versions

    here, faces, machines = versions(list(SAME)), survey(workers), workers.each(machine)
    members = {
        str(name): {**_machine(machines.get(name)), "host": face.host, "limit": face.limit, "gpus": face.gpus}
        for name, face in faces.items()
    }
    others = {str(name): dict(face.versions.items() - here.items()) for name, face in faces.items()}
    return {
        "software": {"": here, **{name: differing for name, differing in others.items() if differing}},
        "cluster": {
            "kind": workers.kind,
            "slots": workers.slots,
            "memory": workers.memory,
            "encryption": encryption(workers),
            "workers": members,
        },
    }


def _machine(told: Any) -> dict[str, Any]:
    return told if isinstance(told, dict) else {}


def _insist_shared(workers: Workers, folder: Location) -> None:
    """Refuse workers that do not see where the data lie.

    Raises
    ------
    NeedUnmet
        Naming the first such worker.
    """
    from cluster import NeedUnmet

    word = uuid.uuid4().hex
    sign = folder / f"seen-{word}"
    sign.write(word.encode())
    try:
        seen: Mapping[str, Any] = workers.each(partial(_reads, sign, word))
    finally:
        sign.delete()
    for name, found in seen.items():
        if found is not True:
            raise NeedUnmet(
                f"worker {name} of the {workers.kind!r} cluster does not see {folder}; "
                "name a folder or an s3:// URL that all workers reach with --data"
            )


def _reads(sign: Location, word: str) -> bool:
    try:
        return sign.read() == word.encode()
    except (StorageError, OSError):
        return False


def _warm(modules: Sequence[str]) -> None:
    """Import what the measured stages take: nobody's time."""
    for name in (*_ALWAYS, *modules):
        import_module(name)
