"""Which versions of what made a product."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

#: Packages whose versions are recorded with every product.
SOFTWARE = ("vox2pix", "numpy", "scipy", "dask", "zarr", "xarray")


def software() -> dict[str, str]:
    """Return the versions of Python and of what computes and stores."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in SOFTWARE:
        with suppress(PackageNotFoundError):  # vox2pix itself, in a source tree that is not installed
            found[name] = version(name)
    return found
