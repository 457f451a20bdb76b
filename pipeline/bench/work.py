"""The process of one contender, once: prepares, waits for the word, works, tells what it took.

It is told on its standard input and tells on its standard output, a line of JSON each.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from .memory import Peak

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Work = Callable[[], Mapping[str, Any]]


def main() -> None:
    """Do what the first line asks for."""
    with os.fdopen(os.dup(1), "w", buffering=1) as said:
        os.dup2(2, 1)  # what the work prints is no figure
        asked = json.loads(sys.stdin.readline())
        work = prepared(asked["prepare"], asked["given"])
        print(json.dumps({"versions": versions(asked["packages"])}), file=said)
        sys.stdin.readline()
        print(json.dumps(measured(work)), file=said)


def prepared(name: str, given: Mapping[str, Any]) -> Work:
    """Return the work that `package.module:function` makes ready."""
    module, _, function = name.partition(":")
    work: Work = getattr(importlib.import_module(module), function)(**given)
    return work


def measured(work: Work) -> dict[str, Any]:
    """Do the work and return its figures: wall and CPU seconds, growth of the peak memory, its own.

    Own figures that are functions are called when the others have been taken.
    """
    gc.collect()
    peak, cpu, began = Peak(), _cpu(), time.perf_counter()
    own = work()
    wall = time.perf_counter() - began
    found = {"wall": wall, "cpu": _cpu() - cpu, "memory": peak.growth()}
    return {**found, **{name: value() if callable(value) else value for name, value in own.items()}}


def _cpu() -> float:
    """Return the CPU seconds of this process and of those it started that have ended."""
    return sum(os.times()[:4])


def versions(packages: list[str]) -> dict[str, str]:
    """Return the version of each distribution that is installed."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
