"""The ridge at the size of NSD, alone: nothing else finishes in 2 GB a worker.

    python -m benchmarks.ridge_full [--quick] [--repeats 1] [--data FOLDER] [--out benchmarks/results]

Writes 9 GB of inputs first. The published scripts' operations for the three spaces of Brain-Diffuser stand
beside ours in the README, counted, not run.
"""

from __future__ import annotations

from benchmarks.command import command
from pipeline.bench.ridge.scenario import full

if __name__ == "__main__":
    command(__doc__, lambda quick: full(quick=quick))
