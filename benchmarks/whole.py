"""The whole way on ready-made voxels, against the plain scikit-learn script a lab would write.

What is probed: what sealed products, checksums, scores and pictures cost in CPU time over reading two
arrays and fitting one Ridge in memory. Both run in this process, in turn, BLAS on one thread; read ratios.

    OMP_NUM_THREADS=1 python benchmarks/whole.py [--out benchmarks/results]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from cluster import ClusterConfig
from pipeline import load_recipe, run
from storage.remote import Location
from storage.simulate import simulate_arrays

REPEATS = 3


def script(folder: Path) -> np.ndarray:
    """Predict the test pictures' pixels as a plain script does: everything in memory."""
    brain = {name: np.load(folder / f"arrays/subj01/{name}.npy") for name in ("train_voxels", "test_voxels")}
    seen = {name: np.load(folder / f"arrays/subj01/{name}.npy") for name in ("train_index",)}
    pictures = np.load(folder / "arrays/pictures/train_images.npy")
    mean, std = brain["train_voxels"].mean(axis=0), brain["train_voxels"].std(axis=0, ddof=1)
    x = (brain["train_voxels"] - mean) / std
    y = pictures.reshape(len(pictures), -1)[seen["train_index"]] / np.float32(255)
    return Ridge(alpha=1000).fit(x, y).predict((brain["test_voxels"] - mean) / std)


def seconds(work: object) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - began


def measured(folder: Path) -> dict[str, list[float]]:
    """Return CPU seconds of both, interleaved."""
    found: dict[str, list[float]] = {"vox2pix": [], "scikit-learn script": []}
    threads = ClusterConfig(kind="threads", workers=1)
    for number in range(REPEATS):
        recipe = load_recipe(folder / "recipe.toml", [f'data.archive="{folder}/archive-{number}"'])
        found["vox2pix"].append(seconds(lambda recipe=recipe: run(recipe, cluster=threads)))
        found["scikit-learn script"].append(seconds(lambda: script(folder)))
    return found


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        made = simulate_arrays(Location.of(folder), subjects=1)
        found = measured(Path(folder))
    ratios = [ours / theirs for ours, theirs in zip(*found.values(), strict=True)]
    result = {
        "scenario": "whole",
        "command": "OMP_NUM_THREADS=1 python benchmarks/whole.py",
        "machine": {
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "size": {"voxels": made.voxels, "trials": made.trials, "pictures": made.images},
        "cpu_seconds": found,
        "ratio_median": statistics.median(ratios),
        "note": "vox2pix also ingests, computes two spaces, paints, scores and stores it all with checksums",
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "whole.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
