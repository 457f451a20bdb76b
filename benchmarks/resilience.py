"""Runs whose workers and drivers are killed or freeze: `pipeline.bench.resilience`.

    python -m benchmarks.resilience [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

A worker that freezes is waited for as long as a run waits for it, two minutes.
"""

from __future__ import annotations

from benchmarks.command import command
from pipeline.bench.resilience.scenario import sized

if __name__ == "__main__":
    command(__doc__, lambda quick: sized(quick=quick))
