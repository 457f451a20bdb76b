"""Weights from a file that anybody may have made: numbers by name, and nothing in it is ever executed."""

from __future__ import annotations

import re
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

from .weights import WeightsMissing

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

WRAPPED = "module."
"""What torch's distributed training leaves before every name."""
CALLED = re.compile(r"unsupported (?:global: )?global (\S+)", re.IGNORECASE)
"""How torch says what a pickle would have called: one of the modules that run programs, or anything else."""


def read(path: Path) -> dict[str, Tensor]:
    """Return the weights of a file by name, on the CPU.

    Parameters
    ----------
    path
        A `.safetensors` file, or what `torch.save` has written of tensors by name (.th, .pth, .pt). Where the
        file allows it, it is mapped into memory: only what is used is read.

    Raises
    ------
    WeightsMissing
        If there is no such file, if it is damaged, or if it holds anything but numbers.
    """
    if not path.is_file():
        raise WeightsMissing(f"there is no file {path}; name the file that holds the weights")
    held = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    return {name.removeprefix(WRAPPED): one for name, one in held.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsMissing(f"{path} is damaged, or no safetensors file ({error}); fetch it again") from None
    return held


def _pickled(path: Path) -> dict[str, Tensor]:
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of what is refused anyway
            held: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # noqa: BLE001  (what is no pickle may end in any way)
        called = CALLED.search(str(error))
        if "TorchScript" in str(error):
            raise WeightsMissing(
                f"{path} is a TorchScript archive, which is a program. Nothing was loaded; use a file of "
                "tensors alone, such as .safetensors"
            ) from None
        if called is None:
            raise WeightsMissing(f"{path} is damaged, or no file of torch's; fetch it again") from None
        raise WeightsMissing(
            f"{path} holds more than numbers: reading it would call {called[1]}. Nothing was loaded; use "
            "a file of tensors alone, such as .safetensors"
        ) from None
    if not isinstance(held, dict) or not all(isinstance(one, torch.Tensor) for one in held.values()):
        raise WeightsMissing(f"{path} holds something else than tensors by name; name a file of weights")
    return held
