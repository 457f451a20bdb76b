"""Make torchvision importable beside a torch it was not compiled for.

torchvision's wheel on PyPI is linked to CUDA. Beside a CPU build of torch its C extension can't be loaded,
which torchvision itself tolerates, except that it attaches shape functions to two operators of that extension
without asking whether they exist: ``import torchvision`` then fails with "operator torchvision::nms does not
exist", and with it transformers, diffusers and open_clip, which only look whether torchvision is there.
Declaring the two signatures is enough. The operators stay absent: calling one raises an error.

Everything that imports one of those libraries calls `prepare_torchvision` first.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.library import Library

SIGNATURES = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
"""Operators that torchvision 0.28.0 describes unasked (``_meta_registrations.py``): name to signature."""

_declared: list[Library] = []  # torch forgets declarations whose library object is gone


@cache
def prepare_torchvision() -> bool:
    """Declare the operators that ``import torchvision`` needs, where its own extension can't be loaded.

    Does nothing where the extension loads (torch and torchvision of one build) or torchvision is absent.
    Loads torch. Further calls in a process do nothing.

    Returns
    -------
    bool
        Whether anything was declared: then torchvision's C operators can't be used in this process.
    """
    folder = _torchvision_folder()
    if folder is None or _extension_loads(folder):
        return False
    missing = _missing()
    if missing:
        _declare(missing)
    return bool(missing)


def _torchvision_folder() -> Path | None:
    # find_spec only looks the package up; importing it is what fails
    spec = importlib.util.find_spec("torchvision")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _extension_loads(folder: Path) -> bool:
    import torch

    for path in (folder / f"_C{suffix}" for suffix in EXTENSION_SUFFIXES):
        if path.exists():
            try:
                torch.ops.load_library(str(path))
            except OSError:
                return False
            return True
    return False


def _missing() -> list[str]:
    import torch

    return [name for name in SIGNATURES if not hasattr(torch.ops.torchvision, name)]


def _declare(names: list[str]) -> None:
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    for name in names:
        library.define(SIGNATURES[name])
    _declared.append(library)
