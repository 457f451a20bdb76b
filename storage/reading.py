"""Reading files of many formats: whatever is wrong with one is said in our words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import Invalid, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How the formats' libraries say that a file ends too early.
_CUT = re.compile(r"truncated|ended before|could not read bytes|EOF")
#: How h5py begins what HDF5's library says, which is of its own inner life.
_HDF5 = re.compile(r"""["']?(Unable to|Can't) .*\(""")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Say in one line what could not be read.

    Damaged bytes make the format libraries raise nearly anything, so nearly anything is caught here.
    """
    try:
        yield
    except (StorageError, MemoryError):
        raise
    except Exception as fault:
        raise Invalid(f"{what} cannot be read{_reason(fault)}: get or write it again") from fault


def _reason(fault: Exception) -> str:
    """Return what is wrong with a file, but nothing of the inner life of who tried to read it."""
    said = (str(fault).strip().splitlines() or [""])[0][:120]
    damaged = "; the file is damaged or not what its name says"
    if isinstance(fault, EOFError) or _CUT.search(said):
        return "; the file is truncated"
    if _HDF5.match(said):
        return f" as HDF5{damaged}"
    if not said or isinstance(fault, LookupError | TypeError | AttributeError | RuntimeError):
        return damaged
    return f" ({said}){damaged}"
