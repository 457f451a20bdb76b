"""Small file systems, in memory, that fill up; they need root's rights."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NoDisk(RuntimeError):
    """No file system may be mounted here."""


@contextmanager
def small(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system on a folder.

    Raises
    ------
    NoDisk
        Where that is not allowed.
    """
    mount(folder, options)
    try:
        yield folder
    finally:
        unmount(folder)


def mount(folder: Path, options: str) -> None:
    """Mount a file system of `tmpfs` with options such as ``size=8m``, until `unmount`."""
    said = subprocess.run(  # noqa: S603
        ["mount", "-o", f"{options},mode=777", "-t", "tmpfs", "tmpfs", str(folder)],  # noqa: S607
        check=False,
        capture_output=True,
    )
    if said.returncode:
        raise NoDisk(said.stderr.decode(errors="replace").strip())


def unmount(folder: Path) -> None:
    """Take it away, also while files in it are open."""
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
