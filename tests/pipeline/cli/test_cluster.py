"""cluster check: what would be started is shown, and nothing is."""

from __future__ import annotations

import dask
import pytest
import yaml

SLURM = """\
kind = "slurm"
workers = 2
memory = "16GB"
folder = "/shared/lab"
options = { queue = "main", walltime = "02:00:00", account = "me", local_directory = "/scratch" }
gpu = { workers = 4, memory = "64GB", options = { queue = "gpu" } }
"""


@pytest.fixture
def described(tmp_path):
    def write(text, suffix="toml"):
        path = tmp_path / f"mine.{suffix}"
        path.write_text(text)
        return path

    return write


def test_job_scripts_are_what_would_be_submitted(vox2pix, described):
    said = vox2pix("cluster", "check", described(SLURM))
    assert said.code == 0
    cpu, gpu = said.out.split("#!/usr/bin/env bash\n")[1:]
    for line in (
        "#SBATCH -J vox2pix-cpu-0",
        "#SBATCH -p main",
        "#SBATCH -A me",
        "#SBATCH --mem=15258M",
        "#SBATCH -t 02:00:00",
        "#SBATCH --output=/shared/lab/vox2pix-workers-.../vox2pix-cpu-0-%j.log",
        "export OMP_NUM_THREADS=1",
        "export DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=True",
    ):
        assert f"{line}\n" in cpu
    for words in ("--lifetime 6300s --lifetime-stagger 300s", "--local-directory /scratch", "--protocol tls"):
        assert words in cpu
    assert "gres" not in cpu
    for words in ("#SBATCH -p gpu\n", "#SBATCH --gres=gpu:1\n", "--resources GPU=1", "--nthreads 1 "):
        assert words in gpu


def test_what_a_site_has_in_its_configuration_holds(vox2pix, described):
    site = {"job-script-prologue": ["module load lab"], "job-extra-directives": ["--constraint=x"]}
    with dask.config.set({f"jobqueue.slurm.{key}": found for key, found in site.items()}):
        said = vox2pix("cluster", "check", described('kind = "slurm"\nmemory = "1GB"'))
    assert said.code == 0
    for line in (
        "#SBATCH --constraint=x",
        "#SBATCH --output=",
        "module load lab",
        "export OMP_NUM_THREADS=1",
    ):
        assert f"\n{line}" in said.out


def test_a_manifest_is_yaml(vox2pix, described):
    said = vox2pix("cluster", "check", described("kind: kubernetes\nworkers: 3\n", "yaml"))
    assert said.code == 0
    assert next(yaml.safe_load_all(said.out))["kind"] == "DaskCluster"


def test_commands_behind_ssh(vox2pix, described):
    said = vox2pix("cluster", "check", described('kind = "ssh"\nhosts = ["a", "b"]\nworkers = 2'))
    assert said.code == 0
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["a", "a", "b", "b"]
    assert "--name cpu-b-1" in said.out


@pytest.mark.parametrize(
    ("word", "starts"),
    [
        ("threads", "threads of this process"),
        ("local", "processes on this machine"),
        ("tcp://h:1", "tcp://h:1"),
    ],
)
def test_other_kinds_are_said_in_a_sentence(vox2pix, word, starts):
    said = vox2pix("cluster", "check", word, "--json")
    assert said.code == 0
    assert starts in said.json["starts"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('kind = "slurm"', 2, "needs the memory that each job asks for"),
        ('kind = "slurm"\nmemory = "1GB"\noptions = { que = "x" }', 2, "no 'que'; did you mean 'queue'"),
        ('kind = "slurm"\nmemory = "1GB"\noptions = { walltime = "long" }', 2, "'long' is none of SLURM's"),
        ('kind = "kubernetes"\noptions = { imag = "x" }', 2, "did you mean 'image'"),
        ('kind = "scheduler-file"\nfile = "none.json"', 4, "dask scheduler --scheduler-file none.json"),
    ],
)
def test_what_cannot_be_is_told(vox2pix, described, text, code, said):
    told = vox2pix("cluster", "check", described(text))
    assert told.code == code
    assert said in told.err
