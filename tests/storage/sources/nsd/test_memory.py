"""A whole brain's session is read in little more memory than it takes itself."""

from __future__ import annotations

import subprocess
import sys

import h5py
import nibabel
import numpy as np
import pytest

TRIALS, VERTICES = 250, 50_000
CODE = """
import resource, sys
import numpy as np
from storage.remote import Location
from storage.sources.nsd.betas import NsdBetas, Part, Session

*paths, dtype, trials, vertices = sys.argv[1:]
whole = Part((int(vertices),), np.arange(int(vertices), dtype=np.int32)[:, None])
session = Session(tuple(map(Location.of, paths)), int(trials))
betas = NsdBetas((session,), (whole,) * len(paths), dtype)
betas.read(0, 1)  # what is imported on the way
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = betas.read(0, int(trials))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, found.nbytes)
"""


def write(path, form):
    values = np.random.default_rng(0).integers(-3000, 3000, (VERTICES, TRIALS)).astype(np.int16)
    if form == ".hdf5":
        with h5py.File(path, "w") as file:
            file.create_dataset("betas", data=values.T, chunks=(TRIALS, 1))
    else:
        image = nibabel.MGHImage(values.astype(np.float32)[:, None, None], np.eye(4))
        path.write_bytes(image.to_bytes())


@pytest.mark.parametrize(("form", "dtype", "hemispheres"), [(".hdf5", "int16", 1), (".mgh", "float32", 2)])
def test_a_session_of_every_vertex(tmp_path, form, dtype, hemispheres):
    paths = [tmp_path / f"{side}.betas_session01{form}" for side in ("lh", "rh")[:hemispheres]]
    for path in paths:
        write(path, form)
    given = [*map(str, paths), dtype, str(TRIALS), str(VERTICES)]
    told = subprocess.run([sys.executable, "-c", CODE, *given], capture_output=True, text=True, check=True)
    growth, block = map(int, told.stdout.split())
    assert block == TRIALS * VERTICES * hemispheres * np.dtype(dtype).itemsize
    assert growth <= 2.5 * block + 32 * 2**20  # three blocks are what `plan` reckons with
