"""Arguments of ``dask worker``: a user's beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RESOURCES = "--resources"


def with_gpu(arguments: Iterable[str]) -> list[str]:
    """Return arguments that say a worker has a GPU beside the resources it has already.

    Examples
    --------
    >>> with_gpu(["--nthreads", "1"])
    ['--nthreads', '1', '--resources', 'GPU=1']
    >>> with_gpu(["--resources", "GPU=2 SSD=1", "--nthreads", "1", "--resources=TAPE=1"])
    ['--nthreads', '1', '--resources', 'GPU=1,SSD=1,TAPE=1']
    """
    left, resources, words = [], dict[str, str](), iter(arguments)
    for word in words:
        name, _, value = word.partition("=")
        if name != RESOURCES:
            left.append(word)
        else:
            said = value if "=" in word else next(words, "")
            resources |= dict(one.split("=", 1) for one in said.replace(",", " ").split() if "=" in one)
    said = ",".join(f"{name}={count}" for name, count in {**resources, "GPU": "1"}.items())
    return [*left, RESOURCES, said]
