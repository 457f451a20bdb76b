"""Encoding, painting and training beside the loops one writes by hand: `pipeline.bench.generate`.

    python -m benchmarks.generate [--quick] [--repeats 3] [--data FOLDER] [--out benchmarks/results]

Two workers need two quiet cores; what is compared with a bare loop is CPU time, which minds other work less.
"""

from __future__ import annotations

from benchmarks.command import command
from pipeline.bench.generate.scenario import sized

if __name__ == "__main__":
    command(__doc__, lambda quick: sized(quick=quick))
