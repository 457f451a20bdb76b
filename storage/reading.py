"""Reading files of many formats: whatever is wrong with one is said in our words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import Invalid, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        said = str(fault).strip().splitlines()
        text = f"{what} cannot be read ({type(fault).__name__}: {said[0][:120] if said else ''}); "
        raise Invalid(
            text + "the file is damaged or not what its name says: get or write it again"
        ) from fault
