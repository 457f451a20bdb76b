"""Checksums beside the files they are of, as `sha256sum` writes and reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def noted(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below a folder that was noted when it was fetched, by its path."""
    try:
        lines = (folder / NAME).read_text("utf-8").splitlines()
    except OSError:
        return {}
    return {found[2]: found[1] for line in lines if (found := LINE.fullmatch(line))}


def note(folder: Path, sums: Mapping[str, str]) -> None:
    """Add checksums to those that are noted."""
    merged = {**noted(folder), **sums}
    written = folder / f"{NAME}.new"
    written.write_text("".join(f"{digest}  {path}\n" for path, digest in sorted(merged.items())), "utf-8")
    written.replace(folder / NAME)
