"""What can go wrong with what is kept: one class a kind, each with the exit code of the command line.

Every message is one sentence or two: what was found, what was expected, what to do.
"""

from __future__ import annotations

from typing import ClassVar


class StorageError(Exception):
    """Something about stored data went wrong."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "storage"


class Missing(StorageError, FileNotFoundError):
    """A file, folder, bucket or archive is not there."""

    exit_code = 3
    kind = "missing"


class Denied(StorageError, PermissionError):
    """The store refused our credentials, or the file system our user."""

    exit_code = 3
    kind = "denied"


class Unreachable(StorageError, ConnectionError):
    """The store did not answer, after retries."""

    status: str = ""
    """HTTP's number for it, where there was one."""
    exit_code = 3
    kind = "unreachable"


class Invalid(StorageError, ValueError):
    """A source is not what its format promises: truncated, wrong shape or dtype, NaN voxels."""

    exit_code = 3
    kind = "invalid"


class BadPlace(Invalid):
    """A URL or a storage option that no place can have: a mistake in the recipe or on the command line."""

    exit_code = 2
    kind = "place"


class Changed(StorageError):
    """A source file has changed since blocks were made from it."""

    exit_code = 3
    kind = "changed"


class NotInSource(StorageError, ValueError):
    """The recipe asks for what the source does not have: a region, a session, a subject, a version."""

    exit_code = 2
    kind = "not-in-source"


class NotAnArchive(StorageError, ValueError):
    """The place named as archive holds something else."""

    exit_code = 2
    kind = "not-an-archive"


class Ambiguous(StorageError, LookupError):
    """Several products answer to the name."""

    exit_code = 2
    kind = "ambiguous"


class NoSuchProduct(StorageError, LookupError):
    """No product answers to the name."""

    exit_code = 2
    kind = "no-such-product"


class Unsealed(StorageError):
    """The product is still being made."""

    exit_code = 2
    kind = "unsealed"


class Damaged(StorageError):
    """Stored bytes are not the bytes that were written."""

    exit_code = 5
    kind = "damaged"


class NotWritten(StorageError, OSError):
    """The archive could not take a write: disk full, quota, read-only."""

    exit_code = 1
    kind = "not-written"


class Exists(StorageError, FileExistsError):
    """A file that would be written is there and holds something else."""

    exit_code = 2
    kind = "exists"


class NoSuchForm(StorageError, ValueError):
    """A product has no such form."""

    exit_code = 2
    kind = "no-such-form"
