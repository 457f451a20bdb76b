"""Small file systems, in memory, that fill up, for tests."""

from __future__ import annotations

import pytest

from pipeline.bench.resilience.disks import NoDisk, mount, unmount


@pytest.fixture
def small(tmp_path, request):
    """Return a function that mounts a small file system until the test is over."""
    folder = tmp_path / "small"
    folder.mkdir()

    def tmpfs(options: str) -> None:
        mounting(options, folder)
        request.addfinalizer(lambda: unmount(folder))

    tmpfs.folder = folder
    return tmpfs


def mounting(options, folder):
    try:
        mount(folder, options)
    except NoDisk as error:
        pytest.skip(f"no file system may be mounted here: {error}")
