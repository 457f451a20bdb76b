"""A run on jobs of a real SLURM ends in the archive that threads make, also when a job is cancelled."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster import Threads
from cluster.chaos import cancel
from pipeline import run
from pipeline.outcome import Listener
from tests.slurm import jobs

pytestmark = pytest.mark.slurm


class Cancels(Listener):
    """Cancels a job once some blocks are there."""

    def __init__(self, after):
        self.after = after
        self.cancelled = []

    def block_done(self, step, stored, moved):
        self.after -= 1
        if self.after == 0:
            self.cancelled = jobs()[:1]
            cancel(self.cancelled[0])


def test_a_cancelled_job_leaves_no_trace_in_the_archive(make_recipe, stored_bytes, asked):
    recipe = make_recipe(voxels=4500)
    archive = Path(recipe.data.archive)
    run(recipe, cluster=Threads(workers=2))
    expected = stored_bytes(archive)
    shutil.rmtree(archive)
    listener = Cancels(after=4)
    run(recipe, cluster=asked(workers=2), listener=listener)
    assert listener.cancelled
    assert stored_bytes(archive) == expected
