"""Small file systems, in memory, that fill up."""

from __future__ import annotations

import subprocess
from contextlib import suppress

import pytest


@pytest.fixture
def small(tmp_path, request):
    """Return a function that mounts a small file system until the test is over."""
    folder = tmp_path / "small"
    folder.mkdir()

    def tmpfs(options: str) -> None:
        mounting(f"{options},mode=777", "-t", "tmpfs", "tmpfs", folder)
        request.addfinalizer(lambda: subprocess.run(["umount", "-l", folder], check=True))

    tmpfs.folder = folder
    return tmpfs


def mounting(options: str, *arguments: object) -> None:
    said = subprocess.run(["mount", "-o", options, *map(str, arguments)], check=False, capture_output=True)
    if said.returncode:
        pytest.skip("no file system may be mounted here")


def fill(folder):
    """Leave no byte free."""
    with (folder / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
