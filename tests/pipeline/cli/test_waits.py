"""A cluster that is not there, or can not do it: a sentence, exit code 4, and the next run does it."""

from __future__ import annotations

import pytest
from distributed import LocalCluster

from cluster import address
from tests.slurm import jobs, wait_until

SLURM = """\
kind = "slurm"
memory = "700MB"
wait = 3
folder = "{folder}"
[options]
interface = "lo"
queue = "main"
job_extra_directives = ["--begin=now+1hour"]
"""


def ended(vox2pix, said, *words):
    """Run the recipe so that a cluster keeps it from ending, and look at what is said."""
    told = vox2pix("run", "recipe.toml", "-q", "--json", "--cluster", *words)
    assert told.code == told.json["exit"] == 4
    assert said in told.json["error"]["message"]
    assert "Traceback" not in told.err
    assert vox2pix("run", "recipe.toml", "-q").code == 0
    return told.json["error"]


@pytest.fixture
def others():
    """A scheduler in this process that somebody else has started, without workers."""
    options = {"processes": False, "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, threads_per_worker=1, **options) as cluster:
        yield cluster


def test_nobody_answers(vox2pix, lab, monkeypatch):
    monkeypatch.setattr(address, "TIMEOUT", 0.5)
    error = ended(vox2pix, "no dask scheduler was reached at tcp://127.0.0.1:9", "tcp://127.0.0.1:9")
    assert error["kind"] == "cluster-not-started"


def test_there_is_no_worker(vox2pix, lab, others):
    error = ended(vox2pix, "has no workers; start one with: dask worker", others.scheduler_address)
    assert error["kind"] == "cluster-not-started"


def test_there_is_no_driver(vox2pix, lab, monkeypatch):
    monkeypatch.setattr("cluster.cuda.visible", lambda: None)
    ended(vox2pix, "no NVIDIA driver was found", "cuda")


@pytest.mark.slurm
def test_a_job_stays_pending(vox2pix, lab, slurm):
    (lab / "slurm.toml").write_text(SLURM.format(folder=lab / "shared"))
    error = ended(vox2pix, "no cpu worker of the 'slurm' cluster has come within 3 s (job ", "slurm.toml")
    assert "is PENDING (BeginTime)" in error["message"]
    wait_until(lambda: not jobs())
    assert not list((lab / "shared").iterdir())


@pytest.mark.slurm
def test_looking_at_jobs_submits_none_and_doctor_takes_its_own_back(vox2pix, lab, slurm):
    text = SLURM.format(folder=lab / "shared")
    (lab / "slurm.toml").write_text(text.partition("job_extra")[0].replace("wait = 3", "wait = 120"))
    assert "#SBATCH" in vox2pix("cluster", "check", "slurm.toml").out
    assert not jobs()
    assert not (lab / "shared").exists()
    said = vox2pix("doctor", "recipe.toml", "--cluster", "slurm.toml", "--json")
    assert said.code == 0
    found = {one["name"]: one["found"] for one in said.json["checks"]}
    assert found["cluster encryption"].startswith("TLS, tls://127.0.0.1:")
    assert found["cluster workers"].startswith("cpu-0 on ")
    assert found["cluster room"].startswith("each block fits")
    wait_until(lambda: not jobs())
