"""Versatile Diffusion on a GPU: small pictures against the CPU's, then full size beside a bare loop."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from pipeline.diffusion.versatile import VersatileDiffusion

WHEELS = (
    *("diffusers==0.42.1", "transformers>=5.20,<6", "open_clip_torch==3.3.0", "accelerate>=1.10"),
    *(
        "safetensors>=0.8",
        "huggingface_hub>=1.32,<3",
        "pydantic>=2.9",
        "psutil>=6",
        "pillow>=11",
        "numpy>=2.1",
    ),
)
"""What is needed beside torch and torchvision of one CUDA build, with all that these need in turn."""
REPEATS = 3
GOAL = 0.97
"""Share of the bare loop's pictures a second to reach."""
LEVELS = {"float32": 0.3, "float16": 1.0}
"""How far pictures may be from the CPU's in float32, on average, of 255 levels. On a CPU half precision is
.09 away; convolutions in float32 may take TF32 on a GPU."""


@dataclass(frozen=True)
class Size:
    """Pictures, how many at once, their side, steps of which three quarters are taken."""

    pictures: int
    batch: int
    side: int
    steps: int


LARGE = Size(pictures=16, batch=8, side=512, steps=50)
SMALL = Size(pictures=4, batch=2, side=64, steps=8)


def carried() -> str:
    """Return how to get the wheels that a machine without a network needs."""
    return "pip download --dest wheels " + " ".join(f"'{one}'" for one in WHEELS)


def report(*, quick: bool) -> dict[str, Any]:
    """Return what is found, ready for JSON: checks on small networks, rates only where every check holds."""
    checked = list(checks(SMALL))
    right = all(each["holds"] for each in checked)
    size = SMALL if quick else LARGE
    measured: list[dict[str, Any]] = []
    if right:
        with _weights(published=not quick) as weights:
            measured = [rate(weights, size, goal=None if quick else GOAL)]
    return {"right": right, "checks": checked, "size": asdict(size), "rates": measured}


def checks(size: Size) -> Iterator[dict[str, Any]]:
    """Yield how far small random networks paint from what they should, in both precisions.

    The same pictures by the bare loop on the CPU; at other batch sizes; in another order.
    """
    from pipeline.diffusion import bare

    plain = _generator("random", size, "float32")
    told, starts, seeds = _problem(plain, size.pictures)
    networks, blank = bare.ready("random", "cpu", "float32")
    expected = bare.painted(networks, blank, told, starts, seeds, batch=size.batch, steps=size.steps).numpy()
    turned = np.arange(size.pictures)[::-1]
    back = {role: np.ascontiguousarray(one[turned]) for role, one in told.items()}
    for dtype, most in LEVELS.items():
        generator = replace(plain, dtype=dtype)
        made = generator.paint(told, seeds, starts)
        alone = replace(generator, batch=1).paint(told, seeds, starts)
        order = generator.paint(
            back, np.ascontiguousarray(seeds[turned]), np.ascontiguousarray(starts[turned])
        )
        found = {
            "the CPU's pictures": (made, expected, most),
            "a batch of one": (alone, made, most),
            "another order": (order[turned], made, 0.0),
        }
        for name, (one, other, tolerance) in found.items():
            error = float(np.abs(one.astype(int) - other).mean())
            told_of = {"device": _device(), "kernel": f"versatile-diffusion against {name}", "dtype": dtype}
            yield {**told_of, "error": error, "tolerance": tolerance, "holds": error <= tolerance}


def rate(weights: str, size: Size, *, goal: float | None) -> dict[str, Any]:
    """Return pictures a second beside the bare loop's, in half precision on a GPU, and the memory it took."""
    from pipeline.diffusion import bare

    dtype = "float32" if _device() == "cpu" else "float16"
    generator = _generator(weights, size, dtype)
    told, starts, seeds = _problem(generator, size.pictures)
    models, layers = generator.memory()
    seconds, held = _measured(lambda: generator.paint(told, seeds, starts))
    networks, blank = bare.ready(weights, _device(), dtype)
    loop, _ = _measured(
        lambda: bare.painted(networks, blank, told, starts, seeds, batch=size.batch, steps=size.steps)
    )
    return {
        "device": _device(),
        "what": f"versatile-diffusion in {dtype}",
        "unit": "pictures/s",
        "rate": size.pictures / seconds,
        "of_what": "a bare loop over the same parts",
        "of": size.pictures / loop,
        "goal": goal,
        "memory": held,
        "told beforehand": models + layers,
    }


def _device() -> str:
    from pipeline.models.device import device

    return device()


def _generator(weights: str, size: Size, dtype: str) -> VersatileDiffusion:
    from pipeline.diffusion.versatile import VersatileDiffusion

    return VersatileDiffusion(weights, size.batch, size.side, size.steps, dtype=dtype)


def _problem(generator: Any, count: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    told = {
        role: random.standard_normal((count, width), np.float32) / 28
        for role, width in generator.roles.items()
    }
    starts = random.integers(0, 256, (count, generator.size, generator.size, 3), np.uint8)
    return told, starts, np.arange(count)


def _measured(work: Callable[[], Any]) -> tuple[float, int]:
    """Return the median seconds of some work after a first time, and the most bytes it had on the GPU."""
    import torch

    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    found = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        work()  # ends with pictures on the host, so with all that was asked of the GPU
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:]), torch.cuda.max_memory_allocated() if on_gpu else 0


@contextmanager
def _weights(*, published: bool) -> Iterator[str]:
    """Lay weights of no meaning down as published ones are, 3.3 GB in half precision; or name small ones."""
    if not published:
        yield "random"
        return
    import torch

    from pipeline.models.autoencoder import STABLE_DIFFUSION, Autoencoder
    from pipeline.models.dual import PLACE, image_unet
    from pipeline.models.pretrained import clip_text, clip_vision
    from pipeline.models.versatile import IMAGE_UNET

    with torch.device("meta"):
        unet = image_unet(IMAGE_UNET).state_dict()
    texts = {name: one for name, one in unet.items() if PLACE.search(name)}
    pictures = Autoencoder(STABLE_DIFFUSION, None).skeleton().state_dict()
    # which architecture it is does not depend on where its weights lie, or are going to
    clip = {
        name: one
        for half in (clip_vision, clip_text)
        for name, one in half("").skeleton().state_dict().items()
    }
    with tempfile.TemporaryDirectory() as folder:
        for part, described, shapes in (
            ("image_unet", IMAGE_UNET, unet),
            ("text_unet", IMAGE_UNET, texts),
            ("vae", STABLE_DIFFUSION, pictures),
        ):
            place = Path(folder) / part
            place.mkdir()
            (place / "config.json").write_text(json.dumps(dict(described)))
            _keep(place / "diffusion_pytorch_model.safetensors", shapes)
        _keep(Path(folder) / "open_clip_model.safetensors", clip)
        yield folder


def _keep(path: Path, shapes: dict[str, Tensor]) -> None:
    """Write tensors of these shapes: what layers keep the size of what goes through them by."""
    import torch
    from safetensors.torch import save_file

    source = torch.Generator().manual_seed(0)
    made = {}
    for name, one in shapes.items():
        tensor = torch.empty(one.shape, dtype=torch.float32)
        if one.ndim > 1:
            tensor.normal_(std=(one.numel() / one.shape[0]) ** -0.5, generator=source)
        else:
            tensor.fill_(1.0 if name.endswith("weight") else 0.0)
        made[name] = tensor.half()
    save_file(made, path)
