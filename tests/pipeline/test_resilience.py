"""Workers that die or hang on the way leave no trace in the archive."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from cluster import Local, TaskFailed, Threads, fleet
from cluster.chaos import freeze
from pipeline import run
from pipeline.bench.resilience.poison import poison
from pipeline.bench.resilience.problem import recipe
from pipeline.bench.resilience.scenario import STAGES
from pipeline.bench.resilience.trouble import Trouble

LOCAL = Local(workers=2, memory="1GB")
pytestmark = pytest.mark.timeout(900)  # workers start again and again, on busy machines too


@pytest.mark.parametrize(
    ("stages", "times"),
    [
        (STAGES, 1),
        pytest.param(STAGES, 3, marks=pytest.mark.slow),
        *(pytest.param((stage,), 12, marks=pytest.mark.slow) for stage in STAGES),
    ],
    ids=lambda value: value if isinstance(value, int) else "-".join(value),
)
def test_workers_killed_while_they_work(ground, assert_whole, tmp_path, stages, times):
    with Trouble(stages, times) as trouble:
        run(recipe(ground, tmp_path / "archive"), until=stages[-1], cluster=LOCAL, listener=trouble)
    assert {stage: len(hits) for stage, hits in trouble.hits.items()} == dict.fromkeys(stages, times)
    run(recipe(ground, tmp_path / "archive"), cluster=Threads(workers=1))
    assert_whole(tmp_path / "archive")


@pytest.mark.slow
def test_a_frozen_worker_is_given_up(ground, assert_whole, tmp_path, monkeypatch):
    monkeypatch.setitem(fleet.SETTINGS, "distributed.scheduler.worker-ttl", "10s")
    frozen = []
    with Trouble(("gram",), 1, lambda pid: (frozen.append(pid), freeze(pid))) as trouble:
        run(recipe(ground, tmp_path / "archive"), cluster=LOCAL, listener=trouble)
    assert trouble.hits["gram"]
    assert_whole(tmp_path / "archive")
    assert not psutil.pid_exists(frozen[0])


@pytest.mark.slow
def test_a_block_that_always_kills_its_worker_is_named_and_spares_the_others(ground, assert_whole, tmp_path):
    """All other blocks of its product are made, also those that a task would have made with it."""
    module = poison(tmp_path, "all/stimuli", 2)
    config = LOCAL.model_copy(update={"options": {"preload": ["cluster.logs", str(module)]}})
    archive = tmp_path / "archive"
    with pytest.raises(TaskFailed, match=r"'all/stimuli block 2': every worker that ran it died") as caught:
        run(recipe(ground, archive), cluster=config)
    assert caught.value.exit_code == 1
    assert Path(caught.value.log).name.startswith("worker-")
    made = {path.stem for path in archive.glob("all/stimuli/*/done/*.json")}
    expected = {path.stem for path in (ground / "whole").glob("all/stimuli/*/done/*.json")}
    assert len(expected) > 5
    assert made == expected - {"00002"}
    run(recipe(ground, archive), cluster=Threads(workers=1))
    assert_whole(archive)
