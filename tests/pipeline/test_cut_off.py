"""A run whose machines are cut off ends in the archive that threads make, or says so and goes on later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster import ClusterLost, Threads, client, fleet
from pipeline import run
from pipeline.outcome import Listener

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Cuts(Listener):
    """Cuts the cables of some machines once some blocks are there."""

    def __init__(self, after, machines):
        self.after, self.machines = after, machines

    def block_done(self, step, stored, moved):
        self.after -= 1
        if self.after == 0:
            for machine in self.machines:
                machine.cut()


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setitem(fleet.SETTINGS, "distributed.scheduler.worker-ttl", "5s")
    monkeypatch.setattr(client, "PATIENCE", 10.0)


@pytest.fixture
def done_by_threads(make_recipe, stored_bytes):
    """A recipe, its archive, and what is to be in it."""
    recipe = make_recipe(voxels=4500)
    archive = Path(recipe.data.archive)
    run(recipe, cluster=Threads(workers=2))
    expected = stored_bytes(archive)
    shutil.rmtree(archive)
    return recipe, archive, expected


def test_one_machine_that_is_cut_off_leaves_no_trace(done_by_threads, stored_bytes, on_machines, machines):
    recipe, archive, expected = done_by_threads
    cuts = Cuts(4, machines[1:])
    run(recipe, cluster=on_machines(), listener=cuts)
    assert cuts.after <= 0
    assert stored_bytes(archive) == expected


def test_when_all_are_cut_off_the_same_command_goes_on_later(
    done_by_threads, stored_bytes, on_machines, machines
):
    recipe, archive, expected = done_by_threads
    with pytest.raises(ClusterLost, match="run the same command again") as caught:
        run(recipe, cluster=on_machines(), listener=Cuts(4, machines))
    assert caught.value.exit_code == 4
    kept = stored_bytes(archive)
    assert kept.items() <= expected.items()
    for machine in machines:
        machine.mend()
    run(recipe, cluster=on_machines())
    assert stored_bytes(archive) == expected
