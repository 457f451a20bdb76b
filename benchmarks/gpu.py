"""The ridge on a GPU: every kernel against float64, then its rates beside the card's own.

    python -m benchmarks.gpu [--generate] [--cpu] [--quick] [--out FILE.json]

Runs from the source tree on a machine that has Python 3.11, numpy, cupy and torch, and nothing else. `--cpu`
does the same with torch on the CPU, to show that it works. Prints JSON, or writes it to FILE. Exits with 4
where there is no GPU, or no library it needs, with 1 where a kernel is wrong.

`--generate` does so with Versatile Diffusion instead: small networks against the CPU's pictures, then the
published size in half precision with weights of no meaning, beside a bare loop over the same parts. It needs
torch and torchvision of one CUDA build, some 3.5 GB of disk for weights it writes itself, and the wheels of
`benchmarks.gpu_generate.WHEELS`; where one is missing it says how to get them all. No GPU has run it yet.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import gpu_generate
from benchmarks.gpu_checks import checks
from benchmarks.gpu_rates import LARGE, SMALL, rates
from pipeline.ridge import CPU, Device, accelerator

FORMAT = 1
GPUS = ("cupy", "torch:cuda")
NO_GPU = 4
"""The exit code, that of what a machine lacks."""


def devices(*, cpu: bool) -> tuple[list[Device], list[str]]:
    """Return the devices to measure, and why others can't be: those of libraries that find a GPU."""
    found, missed = [], []
    for name in ("torch:cpu",) if cpu else GPUS:
        try:
            found.append(accelerator(name))
        except (ImportError, RuntimeError, AssertionError) as error:  # the last by torch built without CUDA
            missed.append(f"{name}: {str(error).partition(chr(10))[0]}")
    if cpu:
        with suppress(ImportError):  # the kernels of numpy call BLAS through scipy
            import scipy.linalg  # noqa: F401

            found.append(CPU)
    return found, missed


def report(found: list[Device], *, quick: bool) -> dict[str, Any]:
    """Return all that is found, ready for JSON; rates only where every check holds."""
    checked = [each for device in found for each in checks(device)]
    right = all(each["holds"] for each in checked)
    size = SMALL if quick else LARGE
    measured = [each for device in found if right for each in rates(device, size)]
    return {
        "format": FORMAT,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "devices": [asdict(device) for device in found],
        "machine": {"system": platform.platform(), "cpu": platform.processor() or platform.machine()},
        "software": _software(),
        "right": right,
        "checks": checked,
        "size": asdict(size),
        "rates": measured,
    }


def painting(*, cpu: bool, quick: bool) -> dict[str, Any]:
    """Return what `--generate` finds, ready for JSON."""
    device = _device(cpu=cpu)
    return {
        "format": FORMAT,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "devices": [device],
        "machine": {"system": platform.platform(), "cpu": platform.processor() or platform.machine()},
        "software": _software(),
        **gpu_generate.report(quick=quick),
    }


def _device(*, cpu: bool) -> dict[str, str]:
    """Return what networks are computed on.

    Raises
    ------
    RuntimeError
        If that is no GPU, and none is done without.
    """
    torch = import_module("torch")
    found = torch.cuda.is_available()
    if not found and not cpu:
        raise RuntimeError("No GPU found (torch); --cpu paints on the CPU, in small.")
    if found and cpu:
        raise RuntimeError("torch finds a GPU here and would paint on it; leave out --cpu, or hide the GPU.")
    return (
        {"name": "cuda", "model": torch.cuda.get_device_name()} if found else {"name": "cpu", "model": "CPU"}
    )


def _software() -> dict[str, str]:
    """Return versions; a cupy for CUDA 12 is called cupy-cuda12x."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "torch", "diffusers", "cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main() -> int:
    """Check and measure as the command line asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu", action="store_true", help="torch on the CPU instead of a GPU, in small")
    parser.add_argument("--quick", action="store_true", help="in small")
    parser.add_argument("--out", type=Path, help="file for the JSON; default standard output")
    parser.add_argument("--generate", action="store_true", help="paint instead, with Versatile Diffusion")
    asked = parser.parse_args()
    if asked.generate:
        return _painted(asked)
    found, missed = devices(cpu=asked.cpu)
    if not found:
        print(f"No GPU found ({'; '.join(missed)}); --cpu checks with torch on the CPU.", file=sys.stderr)
        return NO_GPU
    return _tell(report(found, quick=asked.quick or asked.cpu), asked.out)


def _painted(asked: argparse.Namespace) -> int:
    try:
        told = painting(cpu=asked.cpu, quick=asked.quick or asked.cpu)
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing; carry the wheels of: {gpu_generate.carried()}", file=sys.stderr)
        return NO_GPU
    except RuntimeError as error:
        if "GPU" not in str(error):
            raise
        print(error, file=sys.stderr)
        return NO_GPU
    return _tell(told, asked.out)


def _tell(told: dict[str, Any], out: Path | None) -> int:
    """Write what was found, and a line on each rate and each wrong check; return the exit code."""
    text = json.dumps(told, indent=1) + "\n"
    if out:
        out.write_text(text)
    else:
        print(text, end="")
    for each in told["rates"]:
        print(_line(each), file=sys.stderr)
    for wrong in (each for each in told["checks"] if not each["holds"]):
        print(f"WRONG: {wrong}", file=sys.stderr)
    return 0 if told["right"] else 1


def _line(each: dict[str, Any]) -> str:
    goal = f" (goal {each['goal']:.0%})" if each["goal"] else ""
    return (
        f"{each['device']}, {each['what']}: {each['rate']:.4g} of {each['of']:.4g} {each['unit']}, "
        f"{each['rate'] / each['of']:.0%} of {each['of_what']}{goal}"
    )


if __name__ == "__main__":
    sys.exit(main())
