"""Where each kind of cluster listens: nobody from elsewhere is to reach what has no password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from distributed import LocalCluster

from cluster import Address, ClusterNotStarted, Cuda, Gpu, Kubernetes, SchedulerFile, Threads, connect
from cluster.kinds import MODELS
from cluster.kubernetes import KEYS, PORT, manifest
from cluster.security import temporary_keys, write_keys
from pipeline.bench.resilience.machines import free_port
from pipeline.bench.resilience.sockets import family, listening, sockets
from tests import strangers
from tests.waiting import until

LOOPBACK = {"127.0.0.1"}


def test_all_kinds_are_looked_at_here():
    """And by the tests below: a kind that is added needs one."""
    assert set(MODELS) == {
        "threads", "local", "cuda", "slurm", "ssh", "kubernetes", "address", "scheduler-file",
    }  # fmt: skip


def test_threads_listen_nowhere():
    before = sockets(family())
    with connect(Threads(workers=2)):
        assert sockets(family()) == before


def test_local(local):
    pids = {os.getpid(), *local.each(os.getpid).values()}
    assert all(map(listening, ({pid} for pid in pids)))
    assert listening(pids) == LOOPBACK
    assert local.dashboard.startswith("http://127.0.0.1:")


def test_cuda_without_a_driver_opens_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    before = sockets(family())
    with pytest.raises(ClusterNotStarted, match=r"no NVIDIA driver was found .*--cluster local"):
        connect(Cuda()).__enter__()
    assert sockets(family()) == before


@pytest.mark.slurm
def test_slurm(asked):
    with connect(asked()) as workers:
        pids = {os.getpid(), *workers.each(os.getpid).values(), *workers.each(os.getppid).values()}
        assert len(pids) == 3  # this process, the worker and its nanny
        assert listening(pids) == LOOPBACK
        strangers.are_kept_out(workers.address)


@pytest.mark.slow
def test_ssh(over_ssh):
    with connect(over_ssh(gpu=Gpu(workers=1))) as workers:
        pids = {os.getpid(), *workers.each(os.getpid).values(), *workers.each(os.getppid).values()}
        assert len(pids) == 5
        assert listening(pids) == LOOPBACK
        strangers.are_kept_out(workers.address)


def pod(container, keys, port):
    """Run the container of a pod as a process of this machine, in the pod's environment."""
    module = container["args"][0].replace("-", "_")
    words = [sys.executable, "-m", f"distributed.cli.{module}", *container["args"][1:]]
    swaps = {
        "0.0.0.0": "127.0.0.1",  # noqa: S104
        str(PORT): str(port),
        "$(DASK_WORKER_NAME)": "one",
    }
    env = {one["name"]: one["value"].replace(KEYS, str(keys)) for one in container["env"]}
    env["DASK_SCHEDULER_ADDRESS"] = env["DASK_SCHEDULER_ADDRESS"].replace(
        f"vox2pix-scheduler:{PORT}", f"127.0.0.1:{port}"
    )
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [swaps.get(word, word) for word in words], env={**os.environ, **env}, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def pods(tmp_path):
    """The scheduler and a worker of the manifest, as processes, their keys, and the scheduler's address."""
    [cluster] = manifest(Kubernetes(memory="1GB"))
    keys = write_keys(tmp_path / "keys", temporary_keys())
    port = free_port()
    parts = [cluster["spec"][part]["spec"]["containers"][0] for part in ("scheduler", "worker")]
    running = [pod(part, keys, port) for part in parts]
    yield running, keys, f"tls://127.0.0.1:{port}"
    for process in reversed(running):
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.slow
def test_kubernetes_by_its_manifest(pods):
    """What the pods run, run here: it meets, it is reached as the manifest says, and by nobody else."""
    running, keys, address = pods
    security = {
        "tls_ca_file": str(keys / "ca.crt"),
        "tls_client_cert": str(keys / "tls.crt"),
        "tls_client_key": str(keys / "tls.key"),
    }
    config = Address(address=address, options={"security": security, "timeout": 5})

    def reached():
        try:
            with connect(config) as workers:
                [(worker, told)] = workers.workers().items()
                return {urlsplit(worker).port, urlsplit(told["nanny"]).port}
        except ClusterNotStarted:
            return set()

    until(reached)
    encrypted = reached()
    pids = set.union(*(family(process.pid) for process in running))
    assert {port for where, port in sockets(pids) if where not in LOOPBACK} <= encrypted
    strangers.are_kept_out(address)


@pytest.mark.parametrize("kind", ["address", "scheduler-file"])
def test_where_a_scheduler_is_there_already_nothing_is_added(kind, tmp_path):
    options = {"processes": False, "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=1, threads_per_worker=1, **options) as others:
        file = tmp_path / "scheduler.json"
        file.write_text(json.dumps({"address": others.scheduler_address}))
        found = Address(address=others.scheduler_address), SchedulerFile(file=str(file))
        [config] = [one for one in found if one.kind == kind]
        before = sockets(family())
        with connect(config):
            assert sockets(family()) == before
