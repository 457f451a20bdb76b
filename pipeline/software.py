"""Which versions of what made a product."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

#: Packages whose versions are recorded with every product, by the names they are installed by.
SOFTWARE = (
    *("vox2pix", "numpy", "scipy", "dask", "zarr", "xarray", "scikit-learn", "pillow"),
    *("torch", "diffusers", "transformers", "open_clip_torch"),
)


def software() -> dict[str, str]:
    """Return the versions of Python and of what computes, paints and stores, where it is installed."""
    return {"python": ".".join(map(str, sys.version_info[:3])), **dict(_versions())}


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Return name and version of each package; looking takes a millisecond a package, products are many."""
    found = []
    for name in SOFTWARE:
        with suppress(PackageNotFoundError):  # vox2pix itself, in a source tree that is not installed
            found.append((name, version(name)))
    return tuple(found)
