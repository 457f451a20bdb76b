"""What all tests share: quiet surroundings, a loopback S3 server, and the way to real recordings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Before numpy is loaded: its libraries read these once, and xdist's workers must not fight for cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
# Weights that lie on this machine are no part of a test, and no test leaves notes about files beside them.
_PLACE = tempfile.mkdtemp(prefix="vox2pix-no-weights-")
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)
os.environ |= {"HF_HUB_CACHE": f"{_PLACE}/hub", "VOX2PIX_WEIGHTS": f"{_PLACE}/ours"}
# A client that finds no credentials would ask a cloud's metadata service, and wait for an answer.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import importlib.util
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.slurm", "tests.sshd", "tests.cables", "tests.disks", "tests.homes"]
ROOT = Path(__file__).parent.parent

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # machines of CI are slow and shared
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

NEEDS = {
    "slurm": (lambda: shutil.which("sbatch"), "no sbatch here"),
    "gpu": (lambda: shutil.which("nvidia-smi"), "no NVIDIA driver here"),
    "browser": (lambda: importlib.util.find_spec("playwright"), "playwright is not installed"),
    "root": (lambda: os.geteuid() == 0, "not run by root"),
}


LONG = 900
"""Seconds a test may take that is known to take long; others have pyproject.toml's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that are known to take long the time they take on machines that are slow and shared."""
    for item in items:
        known = any(item.get_closest_marker(name) for name in ("slow", "slurm", "root"))
        if known and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine can't run, saying what it lacks."""
    for name, (present, reason) in NEEDS.items():
        if item.get_closest_marker(name) and not present():
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_remarks() -> None:
    """Forget what a test before this one remarked outside of a run: the next block written would say it."""
    from storage.remarks import remarks

    remarks.clear()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Endpoint URL of an S3 server in this process; its credentials stand in the environment.

    Each xdist worker has its own server, on a port that was free. Tests that need other credentials, or none,
    change the environment through ``monkeypatch``.
    """
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in _S3_ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"])))
        yield f"http://{host}:{port}"
    server.stop()


_S3_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def s3_bucket(s3_server: str) -> str:
    """Name of a new, empty bucket on `s3_server`."""
    import boto3

    name = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=s3_server).create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings (CONTRIBUTING.md says what lies in it); skips where there is none."""
    folder = Path(os.environ.get("VOX2PIX_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data: VOX2PIX_TEST_DATA names no folder, and {folder} is none")
    return folder


@pytest.fixture
def s3_requests(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests that `s3_server` was asked in the test, as METHOD /bucket/key?query; clear it at will."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    asked: list[str] = []
    answer = DomainDispatcherApplication.__call__

    def noting(self: Any, environ: Any, start: Any) -> Any:
        asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}")
        return answer(self, environ, start)

    monkeypatch.setattr(DomainDispatcherApplication, "__call__", noting)
    return asked
