"""The ridge at the size of NSD, alone: nothing else finishes in 2 GB a worker.

    python -m benchmarks.ridge_full [--quick] [--repeats 1] [--data FOLDER] [--out benchmarks/results]

Writes 12 GB of inputs first, which `--data` keeps for the next time. A case at a time, each put beside what
the results hold already:

    python -m benchmarks.ridge_full --repeats 1 --data FOLDER --case NSD --add
    python -m benchmarks.ridge_full --repeats 1 --data FOLDER --case voxels --add

The published scripts' operations for the three spaces of Brain-Diffuser stand beside ours in the README,
counted, not run.
"""

from __future__ import annotations

from benchmarks.command import command
from pipeline.bench.ridge.scenario import full

if __name__ == "__main__":
    command(__doc__, lambda quick: full(quick=quick))
