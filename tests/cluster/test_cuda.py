"""A worker a GPU: what is started, and what is said where there is no driver. No GPU is used here."""

from __future__ import annotations

import os

import psutil
import pytest

from cluster import ClusterNotStarted, Cuda, Gpu, Need, NeedUnmet, Task, connect, dispatch
from cluster.cuda import devices, members

DRIVER = "#!/bin/sh\nprintf 'NVIDIA H200, 143771 MiB\\nNVIDIA H200, 143771 MiB\\n'\n"


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver that lists two GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text(DRIVER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return program


@pytest.mark.parametrize("content", [None, "#!/bin/sh\necho it has failed\nexit 9\n"])
def test_without_a_driver_the_cluster_is_not_started(driver, content, monkeypatch):
    if content is None:
        monkeypatch.setenv("PATH", str(driver.parent / "empty"))
    else:
        driver.write_text(content)
    with pytest.raises(ClusterNotStarted, match=r"no NVIDIA driver was found .*--cluster local") as caught:
        connect(Cuda()).__enter__()
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("named", "found"),
    [(None, ["0", "1"]), ("1", ["1"]), ("GPU-5f, 0", ["GPU-5f", "0"]), ("1,-1,0", ["1"])],
)
def test_what_cuda_visible_devices_leaves_is_used(driver, monkeypatch, named, found):
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert devices(Cuda()) == found
    assert devices(Cuda(gpu=Gpu(workers=1))) == found[:1]


@pytest.mark.parametrize("named", ["", "-1"])
def test_where_nothing_is_left_that_is_said(driver, monkeypatch, named):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with pytest.raises(ClusterNotStarted, match="leaves no GPU"):
        devices(Cuda())


def test_more_than_there_are_is_refused(driver):
    with pytest.raises(NeedUnmet, match=r"workers = 3, and there are 2 GPUs to use \(0, 1\)"):
        devices(Cuda(gpu=Gpu(workers=3)))


def test_each_gpu_has_a_process_of_one_thread_and_others_have_none():
    config = Cuda(workers=1, threads=2, memory="2GB", gpu=Gpu(memory="4GB", options={"lifetime": "1h"}))
    found = {name: one["options"] for name, one in members(config, ["1", "3"], "scratch").items()}
    assert list(found) == ["cpu-0", "gpu-0", "gpu-1"]
    assert [one["env"]["CUDA_VISIBLE_DEVICES"] for one in found.values()] == ["", "1", "3"]
    assert [one["nthreads"] for one in found.values()] == [2, 1, 1]
    assert [one["memory_limit"] for one in found.values()] == [2 * 10**9, 4 * 10**9, 4 * 10**9]
    assert [one.get("resources") for one in found.values()] == [None, {"GPU": 1}, {"GPU": 1}]
    assert [one.get("lifetime") for one in found.values()] == [None, "1h", "1h"]


def test_options_stand_beside_ours():
    """A variable or a resource of the user's must not let a process see the GPUs of the others."""
    given = {"env": {"A": "b", "CUDA_VISIBLE_DEVICES": "0,1"}, "preload": "mine", "resources": {"disk": 1}}
    found = members(Cuda(workers=1, options=given), ["1"], "scratch")
    for name, seen, has in (("cpu-0", "", {"disk": 1}), ("gpu-0", "1", {"disk": 1, "GPU": 1})):
        options = found[name]["options"]
        assert options["env"] == {"A": "b", "CUDA_VISIBLE_DEVICES": seen}
        assert options["preload"] == ["cluster.logs", "mine"]
        assert options["resources"] == has


def device():
    return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()


def test_tasks_that_need_a_gpu_go_to_its_worker_and_every_socket_is_on_loopback(driver):
    config = Cuda(workers=1, memory="1GB", gpu=Gpu(workers=1))
    with connect(config) as workers:
        assert (workers.kind, workers.slots, workers.gpus) == ("cuda", 2, 1)
        tasks = [Task(f"t{i}", device, (), Need(gpu=True)) for i in range(4)]
        found = {one.value for one in dispatch(workers, tasks)}
        assert [name for name, _ in found] == ["0"]
        here = psutil.Process()
        listening = {
            socket.laddr.ip
            for one in (here, *here.children(recursive=True))
            for socket in one.net_connections("inet")
            if socket.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        assert workers.dashboard.startswith("http://127.0.0.1:")
