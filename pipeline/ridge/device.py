"""Where a task computes: arrays come from the host, go to the device in use, and come back.

The stages ask no questions: they `put` what they read, and hand out what the `host` gets back. On the CPU
both do nothing.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ahead import ahead
from ..device import Device, device_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .namespace import Array

VARIABLE = "VOX2PIX_GPU"
"""Environment variable that names the library for GPU tasks: cupy, torch:cuda, torch:cpu.

Default cupy where it is installed, else torch:cuda.
"""
FAST_DOUBLE = {(6, 0), (7, 0), (8, 0), (9, 0), (10, 0)}
"""Compute capabilities of cards with at least half of their float32 rate in float64 (P100 to B200).

Elsewhere it is a thirty-second or less (CUDA C++ Programming Guide, throughput of arithmetic instructions).
"""


def accelerator(name: str = "") -> Device:
    """Return this process's GPU, as arrays know it.

    Parameters
    ----------
    name : str
        The library for it, as in `VARIABLE`, which is asked where this is empty.

    Raises
    ------
    ImportError, RuntimeError, AssertionError
        If there is none: no library, no driver, or no card. Torch says the last by an assertion.
    """
    name = name or os.environ.get(VARIABLE) or ("cupy" if find_spec("cupy") else "torch:cuda")
    library, _, kind = name.partition(":")
    if library == "torch":
        torch = import_module("torch")
        if kind == "cpu":
            return Device(name, "torch on the CPU")
        return Device(name, torch.cuda.get_device_name(), torch.cuda.get_device_capability() in FAST_DOUBLE)
    cupy = import_module("cupy")
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    capability = (int(properties["major"]), int(properties["minor"]))
    return Device("cupy", properties["name"].decode(), capability in FAST_DOUBLE)


def put(array: np.ndarray[Any, Any]) -> Array:
    """Return a host array on the device in use."""
    library, _, kind = device_in_use().name.partition(":")
    if library == "cpu":
        return array
    if library == "torch":
        return import_module("torch").from_numpy(np.ascontiguousarray(array)).to(kind)
    return import_module("cupy").asarray(array)


def host(array: Array) -> np.ndarray[Any, Any]:
    """Return an array of any device on the host."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "get"):  # cupy
        return np.asarray(array.get())
    return np.asarray(array.cpu().numpy())


def stream(blocks: Iterable[np.ndarray[Any, Any]]) -> Iterator[Array]:
    """Yield blocks on the device in use; the next is read, and on its way, while one is worked on.

    A block given out is valid until the next is asked for.
    """
    if device_in_use().name == "cpu":
        yield from ahead(blocks)
    elif device_in_use().name == "cupy":
        from .upload import uploaded

        yield from uploaded(blocks)
    else:
        yield from map(put, ahead(blocks))


@cache
def _free_pool() -> Any:
    return import_module("cupy").get_default_memory_pool()


def free() -> None:
    """Give back device memory that no array uses any more, so that other libraries find room."""
    if device_in_use().name == "cupy":
        _free_pool().free_all_blocks()
