"""Workers behind a real sshd, thrown away afterwards, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from distributed import Client

from cluster import ClusterConfigError, ClusterNotStarted, Gpu, Need, Ssh, Task, connect, dispatch, keeper
from cluster.security import temporary_keys
from tests.sockets import listening

SSHD = Path("/usr/sbin/sshd")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    """Options to connect to a server that lets one key in, and whose own key is known."""
    if not SSHD.exists():
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    if os.geteuid():
        pytest.skip("sshd needs root's rights to let its user in")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it wants that
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    port = free_port()
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "yes",
    }
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    with subprocess.Popen([SSHD, "-D", "-f", "/dev/null", *given], stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 30
        while not answers(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        user = psutil.Process().username()
        yield {
            "port": port,
            "username": user,
            "client_keys": [str(folder / "user")],
            "known_hosts": str(folder / "known"),
        }
        server.terminate()


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch):
    monkeypatch.setattr(keeper, "ASK", 1.0)
    monkeypatch.setattr(keeper, "PERIOD", 0.5)


def asked(sshd, **keys):
    given = keys.pop("options", {})
    options = {
        "connect_options": {**sshd, **given.pop("connect_options", {})},
        "remote_python": f"env PYTHONPATH={ROOT} {sys.executable}",
        "worker_extra_args": ["--host", "127.0.0.1"],
        "scheduler_options": {"host": "127.0.0.1"},
        **given,
    }
    return Ssh(hosts=["127.0.0.1"], memory="1GB", wait=120, options=options, **keys)


def process():
    time.sleep(0.2)
    return os.getpid()


def device():
    return os.environ["CUDA_VISIBLE_DEVICES"], Path(os.environ["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]).parent


def test_workers_do_the_work_strangers_do_not_and_nothing_is_left(sshd):
    with connect(asked(sshd, gpu=Gpu(workers=1))) as workers:
        assert (workers.kind, workers.slots, workers.gpus) == ("ssh", 2, 1)
        assert workers.address.startswith("tls://127.0.0.1")
        found = {one.value for one in dispatch(workers, [Task(f"t{i}", process) for i in range(8)])}
        assert len(found) == 2
        assert listening({os.getpid(), *found}) == {"127.0.0.1"}
        [on] = [one.value for one in dispatch(workers, [Task("gpu", device, (), Need(gpu=True))])]
        assert on[0] == "0"
        assert on[1].stat().st_mode & 0o777 == 0o700
        plain = workers.address.replace("tls://", "tcp://")
        for address, security in [
            (plain, None),
            (workers.address, None),
            (workers.address, temporary_keys()),
        ]:
            with pytest.raises((OSError, TypeError, RuntimeError)):
                Client(address, security=security, timeout=3)
        commands = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
        assert not [one for one in commands if "PRIVATE" in one]
    assert not on[1].exists()
    deadline = time.monotonic() + 60
    while found & set(psutil.pids()):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_worker_lost_with_its_nanny_is_started_again(sshd):
    with connect(asked(sshd)) as workers:
        before = next(dispatch(workers, [Task("first", process)])).value
        for pid in (psutil.Process(before).ppid(), before):
            os.kill(pid, signal.SIGKILL)
        [after] = [one.value for one in dispatch(workers, [Task("second", process)])]
        assert after != before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"remote_python": "/absent/python"},
            r"127\.0\.0\.1 has no vox2pix for /absent/python .*remote_python",
        ),
        ({"connect_options": {"known_hosts": b""}}, r"tried 3 times.*[Hh]ost key"),
        ({"connect_options": {"client_keys": []}}, r"tried 3 times.*[Pp]ermission denied"),
    ],
)
def test_what_cannot_be_started_says_why(sshd, options, said):
    with pytest.raises(ClusterNotStarted, match=said) as caught:
        connect(asked(sshd, options=options)).__enter__()
    assert caught.value.exit_code == 4


def test_an_unknown_option_is_told():
    with pytest.raises(
        ClusterConfigError, match=r"must not hold 'remote_pyton'.*; did you mean 'remote_python'"
    ):
        connect(Ssh(hosts=["one"], options={"remote_pyton": "x"})).__enter__()
