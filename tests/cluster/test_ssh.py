"""Workers behind a real sshd, thrown away afterwards, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from cluster import ClusterConfigError, ClusterNotStarted, Gpu, Need, Ssh, Task, connect, dispatch
from cluster.remote import Launch, Places, Remote
from pipeline.bench.resilience.sockets import listening
from tests import strangers
from tests.waiting import until

pytestmark = pytest.mark.slow


def process():
    time.sleep(0.2)
    return os.getpid()


def device():
    return os.environ["CUDA_VISIBLE_DEVICES"], Path(os.environ["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]).parent


def runs(pid):
    """Whether a process has not ended; it may stay in the list until whoever adopted it looks."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_do_the_work_strangers_do_not_and_nothing_is_left(over_ssh):
    with connect(over_ssh(gpu=Gpu(workers=1))) as workers:
        assert (workers.kind, workers.slots, workers.gpus) == ("ssh", 2, 1)
        assert workers.address.startswith("tls://127.0.0.1")
        found = {one.value for one in dispatch(workers, [Task(f"t{i}", process) for i in range(8)])}
        assert len(found) == 2
        assert listening({os.getpid(), *found}) == {"127.0.0.1"}
        [on] = [one.value for one in dispatch(workers, [Task("gpu", device, (), Need(gpu=True))])]
        assert on[0] == "0"
        assert on[1].stat().st_mode & 0o777 == 0o700
        strangers.are_kept_out(workers.address)
        behind = [one for pid in found for one in (psutil.Process(pid), *psutil.Process(pid).parents())]
        assert not [one for one in behind if "PRIVATE" in " ".join(one.cmdline())]
    assert not on[1].exists()
    until(lambda: not any(map(runs, found)))


def test_a_worker_lost_with_its_nanny_is_started_again(over_ssh):
    with connect(over_ssh()) as workers:
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
def test_what_cannot_be_started_says_why(over_ssh, options, said):
    with pytest.raises(ClusterNotStarted, match=said) as caught:
        connect(over_ssh(options=options)).__enter__()
    assert caught.value.exit_code == 4


def test_keys_do_not_outlive_the_process_that_used_them(tmp_path):
    """Whoever started it may be gone by then."""
    keys = {"ca.crt": "", "tls.crt": "", "tls.key": ""}
    for name in keys:
        (tmp_path / name).touch()
    launch = Launch({}, "/bin/false", [], {})
    remote = Remote("tls://h:1", name="cpu-0", host="h", launch=launch, keys=keys, places=Places())
    ended = subprocess.run(["sh", "-c", remote.command(str(tmp_path))], check=False)
    assert ended.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["worker-cpu-0.log"]


def test_an_unknown_option_is_told():
    with pytest.raises(
        ClusterConfigError, match=r"must not hold 'remote_pyton'.*; did you mean 'remote_python'"
    ):
        connect(Ssh(hosts=["one"], options={"remote_pyton": "x"})).__enter__()
