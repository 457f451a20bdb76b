"""What `doctor` looks at: each function says what it found, or raises what a run would fail with."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.models.needed import Needed
    from pipeline.recipe import Recipe
    from storage.remote import Location

#: Distributions without which no stage runs.
NEEDED = (
    "numpy", "scipy", "scikit-image", "xarray", "zarr", "h5py", "pillow", "google-crc32c", "obstore",
    "botocore", "dask", "distributed", "psutil", "threadpoolctl", "pydantic", "click", "rich", "jinja2",
    "tomli-w",
)  # fmt: skip
#: Distributions that the networks need, shown where they are there.
OPTIONAL = ("bokeh", "torch", "torchvision", "diffusers", "open_clip_torch", "cupy-cuda13x")


class Unfit(PipelineError):
    """The installation or the machine is not what vox2pix needs."""

    kind = "unfit"


def python(version: tuple[int, ...]) -> str:
    """Say which Python runs."""
    said = ".".join(map(str, version))
    if not (3, 11) <= version[:2] <= (3, 13):
        raise Unfit(f"Python {said}; use Python 3.11, 3.12 or 3.13")
    return said


def packages() -> str:
    """Say which versions of the libraries are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found, missing = [], []
    for name in (*NEEDED, *OPTIONAL):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            if name in NEEDED:
                missing.append(name)
    if missing:
        raise Unfit(f"not installed: {', '.join(missing)}; pip install {' '.join(missing)}")
    return ", ".join(found)


def networks() -> str:
    """Say whether torch and torchvision can be imported together; takes seconds."""
    from importlib import import_module

    from pipeline.models.vision_ops import prepare_torchvision

    try:
        declared = prepare_torchvision()
        import_module("torchvision")
    except Exception as error:  # noqa: BLE001  (whatever importing a broken build raises)
        raise Unfit(
            f"torchvision cannot be imported: {error}; install the versions that pyproject.toml pins"
        ) from None
    return "torch and torchvision import" + (", without torchvision's own operators" if declared else "")


def machine() -> str:
    """Say how many cores and how much memory there are."""
    from cluster import human
    from cluster.machine import cores, memory

    return f"{cores()} cores, {human(memory())} of memory"


def gpus() -> str:
    """Say which NVIDIA GPUs there are; none is needed."""
    from cluster import devices

    if listed := devices.gpus():
        return ", ".join(listed)
    silent = shutil.which("nvidia-smi") is not None
    return f"none{' that nvidia-smi can talk to' if silent else ''} (none is needed)"


def logs(recipe: Recipe) -> str:
    """Say which logs trainings write, whose packages must be here."""
    from pipeline.training.logs import insist_installed

    asked = sorted({name for table in recipe.train.values() for name in table.log})
    insist_installed(asked)
    return ", ".join(asked) or "none asked for"


def weights(need: Needed) -> str:
    """Say where the published weights that a recipe needs lie on this machine."""
    from pipeline.models.weights import located

    if need.weights == "random":
        return f"random, for [{need.table}]: nothing it shows is a result"
    return f"{located(need.name, need.weights)}, for [{need.table}]"


def reach(recipe: Recipe) -> str:
    """Say what the source holds for each subject: its headers are read, its shapes compared."""
    from pipeline.planner import source_of

    source = source_of(recipe)
    subjects = recipe.data.subjects
    shapes = [(len(source.trials(subject).trial), source.betas(subject).shape[1]) for subject in subjects]
    pictures = source.images(subjects[0]).shape
    told = ", ".join(
        f"{subject} {rows} x {voxels}" for subject, (rows, voxels) in zip(subjects, shapes, strict=True)
    )
    seen = "{} pictures of {} x {}".format(*pictures)
    return f"{recipe.data.source}: trials x voxels {told}; {seen}"


def archive_place(recipe: Recipe) -> str:
    """Say whether the archive's place is an archive, or can become one."""
    from storage.archive import Archive
    from storage.errors import Denied
    from storage.remote import Location

    options = recipe.data.storage_options.given() if recipe.data.archive.startswith("s3://") else {}
    archive = Archive(Location.of(recipe.data.archive, options), must_exist=False)
    if archive.place.is_local and not os.access(_nearest(archive.place), os.W_OK):
        raise Denied(f"{_nearest(archive.place)} may not be written by this user; mend its permissions")
    there = (archive.place / "archive.json").exists()
    return f"{archive}, {'an archive' if there else 'nothing there yet'}"


def _nearest(place: Location) -> Path:
    """Return the folder, or the nearest one above that exists."""
    folder = place.local
    while not folder.exists():
        folder = folder.parent
    return folder


def room(recipe: Recipe) -> str:
    """Say how many products there are to make, and whether the workers can hold a block of each."""
    from cluster import NeedUnmet
    from pipeline.planner import plan

    from .look import as_json
    from .printing import counted

    said = as_json(plan(recipe))
    if said["refusals"]:
        raise NeedUnmet(said["refusals"][0])
    todo = sum(row["done"] < row["blocks"] for row in said["stages"])
    return f"{todo} of {counted(len(said['stages']), 'product')} to make, each fits"


def disk(recipe: Recipe) -> str:
    """Say whether the archive's disk holds what is still to be made."""
    from cluster import human
    from pipeline.planner import plan

    made = plan(recipe)
    kept = sum(row["bytes_kept"] for row in made.rows() if row["done"] < row["blocks"])
    if not made.archive.place.is_local:
        return f"{human(kept)} to keep, on an object store"
    folder = _nearest(made.archive.place)
    free = shutil.disk_usage(folder).free
    if kept > free:
        raise Unfit(
            f"{human(free)} free at {folder}, {human(kept)} to keep; free some space or use --archive"
        )
    return f"{human(free)} free at {folder}, {human(kept)} to keep"
