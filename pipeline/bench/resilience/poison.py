"""A block that kills every worker that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = '''"""Makes one block deadly; dask loads it in each worker."""

import os, signal
from storage.product import Product

write = Product.write

def dies(self, block, *given, **named):
    if block == {block} and {product!r} in str(self):
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, block, *given, **named)

def dask_setup(worker):
    Product.write = dies
'''


def poison(folder: Path, product: str, block: int) -> Path:
    """Write the module by which, preloaded, a block of a product kills its worker; return its place."""
    module = folder / "poison.py"
    module.write_text(_MODULE.format(product=product, block=block))
    return module
