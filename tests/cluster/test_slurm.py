"""Jobs of a real SLURM: its three daemons, of Debian's packages slurm-wlm and munge, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from distributed import Client

from cluster import ClusterNotStarted, Gpu, Need, Slurm, Task, connect, dispatch, keeper
from cluster.security import temporary_keys

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
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
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


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch):
    monkeypatch.setattr(keeper, "ASK", 1.0)
    monkeypatch.setattr(keeper, "PERIOD", 0.5)


@pytest.fixture
def asked(slurm, tmp_path):
    """Return what asks for jobs of this SLURM."""

    def ask(**keys):
        options = {"interface": "lo", "queue": "main", **keys.pop("options", {})}
        return Slurm(memory="700MB", folder=str(tmp_path), wait=120, options=options, **keys)

    yield ask
    wait_until(lambda: not jobs())


def listening(pids):
    return {
        socket.laddr.ip
        for pid in pids
        for socket in psutil.Process(pid).net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }


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
        assert workers.address.startswith("tls://")
        plain = workers.address.replace("tls://", "tcp://")
        for address, security in [
            (plain, None),
            (workers.address, None),
            (workers.address, temporary_keys()),
        ]:
            with pytest.raises((OSError, TypeError, RuntimeError)):
                Client(address, security=security, timeout=3)
        pids = {os.getpid(), *workers.each(os.getpid).values()}
        assert len(pids) == 2
        assert listening(pids) == {"127.0.0.1"}
        [keys] = tmp_path.glob("*/keys")
        assert keys.stat().st_mode & 0o777 == 0o700
        assert next(dispatch(workers, [Task("t", job_of_this, (0,))])).value in jobs()
        assert "PRIVATE" not in told("scontrol", "write", "batch_script", *jobs()[:1], "-")
    assert not list(tmp_path.iterdir())


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
        subprocess.run(["scancel", before[0]], check=True)
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
