"""One cluster of two processes for all tests that leave it as they found it."""

from __future__ import annotations

import sys
import tempfile

import cloudpickle
import pytest

from cluster import Local, Threads, connect


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("logs")))  # failures keep their logs
        with connect(Local(workers=2, memory="2GB")) as workers:
            patch.undo()
            yield workers


@pytest.fixture
def local(two_processes):
    """Both processes, also after a test that killed one."""
    two_processes.client.wait_for_workers(2, timeout=60)
    return two_processes


@pytest.fixture(autouse=True)
def _functions_travel_by_value(request):
    """Worker processes can't import test modules by the names pytest gives them."""
    module = sys.modules[request.module.__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture(params=["threads", "local"])
def workers(request):
    if request.param == "local":
        yield request.getfixturevalue("local")
        return
    with connect(Threads(workers=2)) as found:
        yield found
