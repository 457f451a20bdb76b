"""What `ingest` measures: each layout of a session, near and far, beside a plain download in the same run."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from storage.simulate.brain import ellipsoid
from storage.simulate.nsd.layouts import LARGER, RECORDED, SESSIONS, TIMES, SessionSize, session_key
from storage.simulate.nsd.stimuli import STIMULI
from storage.simulate.weather import Weather

from ..scenario import Case, Contender, Goal, Of, Scenario
from .ground import served_release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FULL = SessionSize()
"""NSD's own size: a file of 1.1 GB."""
QUICK = SessionSize(grid=(16, 20, 18), trials=60, images=20, picture=32, voxels=300)
"""Seconds, to see that all of it works; its times say nothing."""

WEATHERS = {
    "20 ms": Weather(latency=0.02, rate=60e6),
    "30 ms, 1 Gb/s": Weather(latency=0.03, rate=60e6, total_rate=110e6),
}
"""A bucket on the same continent, and the same through a laboratory's line: bytes a second."""

PLAIN, PARALLEL = "plain download", "download, 8 x 16 MiB"
FIRST, KNOWN, RUN = "vox2pix, first session", "vox2pix, known index", "vox2pix, a run"
OURS, LOCAL = "vox2pix", "the same from this disk"
INFLATE, RESIZE = "inflate and pick, local", "read and resize, local"
SHRUNK = 224
"""Side to which pictures of NSD's size are shrunk; others in proportion."""
SLOW, ONCE = 2, 1
"""Repeats of what takes as long as a plain download, where a goal is held against it and where none is."""

_HERE = "pipeline.bench.ingest"
_MB = 1e6
BETAS_BYTES = 2


def sized(*, quick: bool) -> Scenario:
    """Return the scenario at NSD's own size, or at one that only shows that it works."""
    return ingest(QUICK if quick else FULL)


def ingest(size: SessionSize = FULL) -> Scenario:
    """Return the scenario for a size; memory is kept and given back as our workers do it."""
    from cluster.environment import MALLOC

    return Scenario(
        name="ingest",
        probes="How near ingestion comes to what the line allows, and how few bytes it moves.",
        size=asdict(size),
        cases=tuple(_cases(size)),
        ground=served_release,
        packages=("vox2pix", "numpy", "zarr", "xarray", "obstore", "h5py"),
        environment=MALLOC,
    )


def _cases(size: SessionSize) -> Iterator[Case]:
    for number, (named, weather) in enumerate(WEATHERS.items()):
        every = [
            by_voxels(size),
            by_stream("contiguous", "contiguous"),
            by_stream("volume chunks", "volume-chunks"),
            zipped(),
            pictures(size),
            resized_pictures(size),
            whole_brain(size),
        ]
        if number == 0:  # what the line has no part in
            every += [many_sessions(), larger_files()]
        yield from (replace(case, name=f"{case.name}, {named}", weather=weather) for case in every)


def _contender(name: str, function: str, given: Mapping[str, Any]) -> Contender:
    return Contender(name, f"{_HERE}.{function}", given)


def _parallel(key: str, size: int = 0) -> Contender:
    return _contender(PARALLEL, "references:parallel_download", {"key": key, "size": size})


def useful_bytes(size: SessionSize, voxels: int) -> int:
    """Return the bytes of the betas of so many voxels in one session."""
    return BETAS_BYTES * size.trials * voxels


def by_voxels(size: SessionSize) -> Case:
    """Return the case of NSD's own files: a chunk a voxel, of which a region needs few."""
    asked, useful = {"layout": "voxel-chunks", "region": "nsdgeneral"}, useful_bytes(size, size.voxels)
    key = session_key("voxel-chunks")
    return Case(
        "voxel chunks",
        (
            replace(_contender(PLAIN, "references:plain_download", {"key": key}), repeats=SLOW),
            _parallel(key),
            _contender(FIRST, "ours:reader", asked),
            _contender(KNOWN, "ours:reader", {**asked, "known": True}),
            _contender(RUN, "ours:run", asked),
        ),
        (
            Goal("bytes moved / useful, known index", Of(KNOWN, "bytes"), unit=useful, most=1.4),
            Goal("bytes moved / useful, first session", Of(FIRST, "bytes"), unit=useful, most=2.5),
            Goal("time / plain download, known index", Of(KNOWN), (Of(PLAIN),), most=0.10),
            Goal("time / plain download, first session", Of(FIRST), (Of(PLAIN),), most=0.20),
            Goal("growth of memory (MB)", Of(FIRST, "memory"), unit=_MB, most=150),
        ),
    )


def by_stream(name: str, layout: str) -> Case:
    """Return the case of a layout that has every region in every volume: the whole file must come."""
    return Case(
        name,
        (
            _parallel(session_key(layout)),
            _contender(OURS, "ours:reader", {"layout": layout, "region": "nsdgeneral"}),
        ),
        (
            Goal("time / parallel download", Of(OURS), (Of(PARALLEL),), most=1.25),
            Goal("bytes moved / file", Of(OURS, "bytes"), (Of(PARALLEL, "bytes"),), most=1.02),
            Goal("growth of memory (MB)", Of(OURS, "memory"), unit=_MB, most=200),
        ),
    )


def zipped() -> Case:
    """Return the case of .nii.gz, which must be inflated from its start, on one core."""
    asked = {"layout": "voxel-chunks", "region": "nsdgeneral", "form": "nifti"}
    return Case(
        ".nii.gz",
        (
            _parallel(session_key("voxel-chunks", ending=".nii.gz")),
            _contender(INFLATE, "references:inflate_alone", {"region": "nsdgeneral"}),
            _contender(OURS, "ours:reader", asked),
        ),
        (
            _no_slower_than("inflate alone", OURS, INFLATE),
            Goal("bytes moved / file", Of(OURS, "bytes"), (Of(PARALLEL, "bytes"),), most=1.02),
            Goal("growth of memory (MB)", Of(OURS, "memory"), unit=_MB, most=200),
        ),
    )


def _no_slower_than(work: str, ours: str, alone: str) -> Goal:
    return Goal(f"time / max(parallel download, {work})", Of(ours), (Of(PARALLEL), Of(alone)), most=1.15)


def pictures(size: SessionSize) -> Case:
    """Return the case of a subject's pictures: half of those in the file, into their product."""
    useful = _picture_bytes(size)
    return Case(
        "pictures",
        (_parallel(STIMULI, useful), *_stimuli()),
        (_no_slower_than("the same from this disk", OURS, LOCAL), *_of_pictures(useful)),
    )


def resized_pictures(size: SessionSize) -> Case:
    """Return the case of the same pictures, shrunk on their way into their product."""
    useful, side = _picture_bytes(size), SHRUNK * size.picture // FULL.picture
    resize = {"sessions": RECORDED, "size": side}
    return Case(
        "resized pictures",
        (
            _parallel(STIMULI, useful),
            _contender(RESIZE, "references:resize_alone", resize),
            *_stimuli(picture_size=side),
        ),
        (
            _no_slower_than("the same from this disk", OURS, LOCAL),
            _no_slower_than("resize alone", OURS, RESIZE),
            *_of_pictures(useful),
        ),
    )


def _picture_bytes(size: SessionSize) -> int:
    return 3 * size.picture**2 * RECORDED * size.images


def _stimuli(**how: Any) -> tuple[Contender, Contender]:
    asked = {"what": "stimuli", "sessions": RECORDED, **how}
    local = _contender(LOCAL, "ours:product", {**asked, "local": True})
    return local, _contender(OURS, "ours:product", asked)


def _of_pictures(useful: int) -> tuple[Goal, Goal]:
    return (
        Goal("bytes moved / asked for", Of(OURS, "bytes"), unit=useful, most=1.02),
        Goal("growth of memory (MB)", Of(OURS, "memory"), unit=_MB, most=200),
    )


def whole_brain(size: SessionSize) -> Case:
    """Return the case of every voxel of the brain, a third of the volume, into its product."""
    asked = {"layout": "voxel-chunks", "region": "brain"}
    useful = useful_bytes(size, len(ellipsoid(size.grid)))
    return Case(
        "whole brain",
        (
            _parallel(session_key("voxel-chunks")),
            _contender(LOCAL, "ours:product", {**asked, "local": True}),
            _contender(OURS, "ours:product", asked),
        ),
        (
            _no_slower_than("the same from this disk", OURS, LOCAL),
            Goal("bytes moved / file", Of(OURS, "bytes"), (Of(PARALLEL, "bytes"),), most=1.02),
            Goal("bytes moved / useful", Of(OURS, "bytes"), unit=useful, most=3),
            Goal("growth of memory (MB)", Of(OURS, "memory"), unit=_MB, most=200),
        ),
    )


def many_sessions() -> Case:
    """Return the case of a region's betas of as many sessions as a run has, half of a subject's.

    What a run does once (plan, look at etags, seal) and once a session stands beside it as it does for users.
    """
    asked = {"layout": "voxel-chunks", "region": "nsdgeneral", "sessions": SESSIONS}
    goal = Goal("growth of memory (MB)", Of(RUN, "memory"), unit=_MB, most=150)
    return Case("many sessions", (_contender(RUN, "ours:run", asked),), (goal,))


def larger_files() -> Case:
    """Return the case of as many bytes wanted of files of a session's size and of several times that."""
    goals, contenders = [], []
    for layout, most in {"voxel-chunks": 150, "contiguous": 200}.items():
        names = [f"{layout}, {times} x 750 trials" for times in (1, TIMES)]
        keys = session_key(layout), LARGER.format(layout=layout)
        for name, key, every in zip(names, keys, (1, TIMES), strict=True):
            contenders.append(_contender(name, "ours:part", {"key": key, "every": every}))
        small, large = (Of(name, "memory") for name in names)
        goals += [
            Goal(f"growth of memory, {layout}: {TIMES} x the file (MB)", large, unit=_MB, most=most),
            Goal(f"memory, {layout}: {TIMES} x the file / the file", large, (small,), most=1.1),
        ]
    return Case("larger files", tuple(contenders), tuple(goals))
