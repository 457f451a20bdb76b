"""Arguments of workers: a user's resources stay beside ours."""

from __future__ import annotations

import pytest

from cluster import Gpu, Slurm, Ssh, preview
from cluster.arguments import with_gpu


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], ["--resources", "GPU=1"]),
        (["--nthreads", "1"], ["--nthreads", "1", "--resources", "GPU=1"]),
        (
            ["--resources", "SSD=1 TAPE=2", "--nthreads", "1"],
            ["--nthreads", "1", "--resources", "SSD=1,TAPE=2,GPU=1"],
        ),
        (["--resources=SSD=1", "--resources", "GPU=7,TAPE=2"], ["--resources", "SSD=1,GPU=1,TAPE=2"]),
    ],
)
def test_a_gpu_beside_other_resources(given, found):
    assert with_gpu(given) == found


@pytest.mark.parametrize("config", [Slurm(memory="2GB"), Ssh(hosts=("node",))], ids=["slurm", "ssh"])
def test_workers_have_both(config):
    options = {"worker_extra_args": ["--resources", "SSD=1"]}
    [plain, gpu] = [
        line
        for line in preview(config.model_copy(update={"options": options, "gpu": Gpu()})).splitlines()
        if "--resources" in line
    ]
    assert "--resources SSD=1 " in plain
    assert "--resources SSD=1,GPU=1 " in gpu
    assert gpu.count("--resources") == 1
