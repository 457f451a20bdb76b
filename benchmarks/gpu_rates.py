"""How near the ridge comes to what a card can do: its matrix product and its way from the host."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import ridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATS = 5
CPUS = {"cpu", "torch:cpu"}
GRAM, STREAM = 0.7, 0.8
"""Shares to reach: of the matrix product, and of the way from the host."""


@dataclass(frozen=True)
class Size:
    """Training rows, test rows, voxels, targets of a block; order of the bare product; blocks streamed."""

    n: int
    m: int
    p: int
    t: int
    order: int
    blocks: int


#: As many rows as subject 1 of NSD has; 32 blocks are 2.4 GB of float32.
LARGE = Size(n=8859, m=982, p=15_724, t=2048, order=8192, blocks=32)
SMALL = Size(n=400, m=50, p=2100, t=128, order=512, blocks=3)


def rates(device: ridge.Device, size: Size) -> Iterator[dict[str, Any]]:
    """Yield rates of a device, each beside the one that bounds it."""
    with ridge.use(device):
        for dtype in ("float32", "float64"):
            yield {**_gram(device, size, dtype), **_named(device, GRAM)}
        for dtype in ("float32", "float16"):
            yield {**_streamed(device, size, dtype), **_named(device, STREAM)}


def _named(device: ridge.Device, goal: float) -> dict[str, Any]:
    """Return what a rate is told with; nothing is to be reached where there is no card."""
    return {"device": device.name, "goal": None if device.name in CPUS else goal}


def _gram(device: ridge.Device, size: Size, dtype: Any) -> dict[str, Any]:
    """Return the rate of a Gram matrix whose voxels are on the device, counted as its lower half."""
    random = np.random.default_rng(0)
    pieces = [slice(start, min(start + 1024, size.p)) for start in range(0, size.p, 1024)]
    blocks = [ridge.put(_normal(random, size.n, piece.stop - piece.start, dtype)) for piece in pieces]
    left, right = (ridge.put(_normal(random, size.order, size.order, dtype)) for _ in range(2))
    product = _seconds(device, lambda: left @ right)
    gram = _seconds(device, lambda: ridge.gram_band(blocks, 0, size.n, dtype))
    return {
        "what": f"Gram in {dtype}",
        "unit": "operations/s",
        "rate": ridge.gram_band_flops(0, size.n, size.p) / gram,
        "of_what": "a bare matrix product",
        "of": 2 * size.order**3 / product,
    }


def _streamed(device: ridge.Device, size: Size, dtype: str) -> dict[str, Any]:
    """Return the rate at which targets come from the host and are multiplied."""
    random = np.random.default_rng(0)
    smoother = ridge.put(_normal(random, size.m, size.n, "float32"))
    rows = -(-size.n // 4)
    block = _normal(random, size.n, size.t, dtype)
    parts = [block[start : start + rows] for start in range(0, size.n, rows)]

    def predicted() -> Any:
        # one stream, as a task has one for its blocks of targets: the slots are filled once
        passing, found = ridge.stream(parts * size.blocks), None
        for _ in range(size.blocks):
            found = ridge.predict_blocks(smoother, (next(passing) for _ in parts))
        for _ in passing:
            pass  # there is none: it ends, and its thread with it
        return found

    line = _host_to_device(device, parts)
    bytes_in_all = block.nbytes * size.blocks
    return {
        "what": f"stage C, targets of {dtype}",
        "unit": "bytes/s",
        "rate": bytes_in_all / _seconds(device, predicted),
        "of_what": "a copy within the host" if device.name in CPUS else "the way from pinned memory",
        "of": line,
        "into_pinned_memory": _host_copy(parts),
    }


def _host_to_device(device: ridge.Device, parts: list[np.ndarray]) -> float:
    """Return the bytes a second from pinned memory; on the CPU those of a copy."""
    library = device.name.partition(":")[0]
    if device.name in CPUS:
        return _host_copy(parts)
    if library == "torch":
        torch = import_module("torch")
        held = torch.from_numpy(parts[0]).pin_memory()
        there = torch.empty_like(held, device="cuda")
        return parts[0].nbytes / _seconds(device, lambda: there.copy_(held, non_blocking=True))
    cupy = import_module("cupy")
    pinned = cupy.cuda.alloc_pinned_memory(parts[0].nbytes)
    source = np.frombuffer(pinned, parts[0].dtype, parts[0].size).reshape(parts[0].shape)
    source[...] = parts[0]
    target = cupy.empty_like(source)
    return parts[0].nbytes / _seconds(device, lambda: target.set(source))


def _host_copy(parts: list[np.ndarray]) -> float:
    """Return the bytes a second of a copy within the host, which fills the pinned buffers."""
    there = np.empty_like(parts[0])
    return parts[0].nbytes / _seconds(ridge.CPU, lambda: np.copyto(there, parts[0]))


def _normal(random: np.random.Generator, rows: int, columns: int, dtype: str) -> np.ndarray:
    return random.standard_normal((rows, columns), np.float32).astype(dtype)


def _seconds(device: ridge.Device, work: Callable[[], Any]) -> float:
    """Return the median time of some work that ends on a device, after a first time that does not count."""
    found = []
    for _ in range(REPEATS + 1):
        _wait(device)
        began = time.perf_counter()
        _ = work()
        _wait(device)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def _wait(device: ridge.Device) -> None:
    """Wait until a device has done all it was asked for."""
    if device.name == "cupy":
        import_module("cupy").cuda.Device().synchronize()
    elif device.name == "torch:cuda":
        import_module("torch").cuda.synchronize()
