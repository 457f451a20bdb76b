"""A real SLURM for tests: its daemons, of Debian's packages slurm-wlm and munge, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from cluster import Slurm

DAEMONS = ("munged", "slurmctld", "slurmd")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
KillWait=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES State=UP OverSubscribe=FORCE:4
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def started(*command):
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A cluster of one node with two cores and a GPU that is none."""
    if missing := [
        name for name in DAEMONS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge")
    if os.geteuid():
        pytest.skip("SLURM's daemons need root's rights")
    folder = tmp_path_factory.mktemp("slurm")
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, folder=folder, ports=(free_port(), free_port()))
    )
    (folder / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/null\n")
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PATH", "/usr/sbin", prepend=":")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        munge = {
            "key-file": "munge.key",
            "socket": "munge.socket",
            "pid-file": "munge.pid",
            "log-file": "munge.log",
        }
        munge |= {"seed-file": "munge.seed"}
        daemons = [
            started(
                "munged",
                "--foreground",
                "--force",
                *(f"--{key}={folder / name}" for key, name in munge.items()),
            ),
            started("slurmctld", "-D"),
            started("slurmd", "-D"),
        ]
        try:
            wait_until(lambda: "idle" in told("sinfo", "--noheader", "--format=%T"), folder)
            yield folder
        finally:
            subprocess.run(["scancel", "--user=root"], check=False, capture_output=True)
            time.sleep(1)
            for daemon in reversed(daemons):
                daemon.send_signal(signal.SIGTERM)
            for daemon in daemons:
                daemon.wait(timeout=30)


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def wait_until(there, folder=None, seconds=90):
    deadline = time.monotonic() + seconds
    while not there():
        if time.monotonic() > deadline:
            logs = [path.read_text()[-2000:] for path in sorted(folder.glob("*.log"))] if folder else ""
            raise AssertionError(f"not within {seconds} s: {logs}")
        time.sleep(0.3)


def jobs():
    return told("squeue", "--noheader", "--format=%A").split()


@pytest.fixture
def _asked_often(monkeypatch):
    from cluster import keeper

    monkeypatch.setattr(keeper, "ASK", 1.0)
    monkeypatch.setattr(keeper, "PERIOD", 0.5)


@pytest.fixture
def asked(slurm, tmp_path, _asked_often):
    """Return what asks for jobs of this SLURM."""
    folder = tmp_path / "shared"

    def ask(**keys):
        options = {"interface": "lo", "queue": "main", **keys.pop("options", {})}
        return Slurm(memory="700MB", folder=str(folder), wait=120, options=options, **keys)

    yield ask
    wait_until(lambda: not jobs())
