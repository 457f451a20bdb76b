"""The whole way on ready-made voxels, beside the plain scikit-learn script that a lab would write.

    python -m benchmarks.whole [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

What is probed: two spaces, painting, scores and storing everything with checksums, which the script has not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.command import command
from pipeline.bench.scenario import Case, Contender, Ground, Scenario
from storage.remote import Location
from storage.simulate import simulate_arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCRIPT, OURS = "scikit-learn script", "vox2pix, all stages"


@contextmanager
def _simulated(folder: Path, size: Mapping[str, Any]) -> Iterator[Ground]:
    simulate_arrays(Location.of(folder), subjects=1, **size)
    yield Ground({"folder": str(folder)})


def scenario(*, quick: bool) -> Scenario:
    """Return the scenario; quick is a third of the pictures."""
    case = Case(
        "ready-made voxels",
        (
            Contender(SCRIPT, "benchmarks.opponents.script:plain"),
            Contender(OURS, "benchmarks.opponents.script:whole"),
        ),
    )
    return Scenario(
        name="whole",
        probes="What sealed products, checksums, pictures and scores cost beside one ridge in memory.",
        size={"images": 100 if quick else 300, "seed": 0},
        cases=(case,),
        ground=_simulated,
        packages=("vox2pix", "numpy", "scikit-learn", "zarr", "dask"),
    )


if __name__ == "__main__":
    command(__doc__, lambda quick: scenario(quick=quick))
