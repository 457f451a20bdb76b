"""Jobs of a real SLURM: what it does with them, and what we say of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cluster import ClusterNotStarted, Gpu, Need, Task, connect, dispatch
from cluster.chaos import cancel
from pipeline.bench.resilience.sockets import listening
from tests import strangers
from tests.slurm import jobs, told, wait_until


def job_of_this(seconds):
    time.sleep(seconds)
    return os.environ["SLURM_JOB_ID"]


def gpu_of_this():
    return os.environ.get("CUDA_VISIBLE_DEVICES")


pytestmark = pytest.mark.slurm


def test_jobs_do_the_work_without_encryption(asked):
    with connect(asked(workers=2, encryption=False), insecure=True) as workers:
        assert workers.address.startswith("tcp://127.0.0.1:")
        found = {
            one.value for one in dispatch(workers, [Task(f"t{i}", job_of_this, (0.5,)) for i in range(8)])
        }
    assert len(found) == 2


def test_strangers_are_kept_out(asked, tmp_path):
    with connect(asked()) as workers:
        strangers.are_kept_out(workers.address)
        pids = {os.getpid(), *workers.each(os.getpid).values()}
        assert len(pids) == 2
        assert listening(pids) == {"127.0.0.1"}
        [keys] = tmp_path.glob("shared/*/keys")
        assert keys.stat().st_mode & 0o777 == 0o700
        assert next(dispatch(workers, [Task("t", job_of_this, (0,))])).value in jobs()
        assert "PRIVATE" not in told("scontrol", "write", "batch_script", *jobs()[:1], "-")
    assert not list((tmp_path / "shared").iterdir())


def test_a_worker_with_a_gpu_stands_beside_the_others(asked):
    with connect(asked(gpu=Gpu(workers=1))) as workers:
        assert (workers.slots, workers.gpus) == (2, 1)
        need = Need(gpu=True)
        found = {
            one.value for one in dispatch(workers, [Task(f"g{i}", gpu_of_this, (), need) for i in range(4)])
        }
        assert found == {"0"}


def test_a_job_that_stays_pending_is_told(asked):
    config = asked(options={"job_extra_directives": ["--begin=now+1hour"]}).model_copy(update={"wait": 3.0})
    with pytest.raises(
        ClusterNotStarted, match=r"no cpu worker .* within 3 s \(job \d+ is PENDING \(\w+\)\)"
    ):
        connect(config).__enter__()


def test_jobs_that_fail_at_once_are_told_with_their_log(asked):
    with pytest.raises(ClusterNotStarted, match=r"ended before its worker was there; log: (.*)") as caught:
        connect(asked(options={"python": "/absent/python"})).__enter__()
    log = Path(str(caught.value).rsplit(" ", 1)[1])
    assert "/absent/python" in log.read_text()


def test_a_cancelled_job_is_replaced(asked):
    with connect(asked(workers=2)) as workers:
        before = jobs()
        results = dispatch(workers, [Task(f"t{i}", job_of_this, (0.3,)) for i in range(40)])
        found = [next(results).value]
        cancel(before[0])
        found += [one.value for one in results]
        wait_until(lambda: len(workers.members()) == 2)
        assert len(found) == 40
        assert before[0] not in jobs()
        assert len(jobs()) == 2


@pytest.mark.slow
def test_a_job_that_reaches_its_walltime_is_replaced(asked):
    with connect(asked(workers=1, options={"walltime": "00:01:00"})) as workers:
        [first] = jobs()
        results = list(dispatch(workers, [Task(f"t{i}", job_of_this, (1.0,)) for i in range(75)]))
        found = {one.value for one in results}
    assert len(results) == 75
    assert len(found) > 1
    assert first in found
