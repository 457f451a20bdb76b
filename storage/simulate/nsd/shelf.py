"""Where a simulated release is put, a file at a time: a folder, or a place on S3."""

from __future__ import annotations

import gzip
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from storage.writing import writing

from ..recipe import SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.remote import Location

TREES = ("nsddata", "nsddata_betas", "nsddata_stimuli")
"""The folders of a release, by NSD's names."""


@dataclass
class Shelf:
    """A place that is filled with files.

    Attributes
    ----------
    target : Location
        The folder all names are taken from.
    nbytes : int
        What has been put there so far.
    """

    target: Location
    nbytes: int = 0

    def clear(self) -> None:
        """Remove an older release, its recipe first: what is interrupted now cannot be run.

        Raises
        ------
        ValueError
            If something else lies here.
        """
        note = self.target / "README.txt"
        ours = note.exists() and note.read(0, len(SIGN)) == SIGN.encode()
        if not ours and self.target.is_folder():
            text = f"{self.target} is not empty and holds no simulated release: name a new folder"
            raise ValueError(text)
        (self.target / "recipe.toml").delete()
        for tree in TREES:
            (self.target / tree).delete_tree()

    def put(self, name: str, content: bytes) -> None:
        """Write one file."""
        (self.target / name).write(content)
        self.nbytes += len(content)

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a local path to fill; once that is done, it is the file of this name.

        Large files are written so, piece by piece, without ever being held in memory (on S3: once).
        """
        if self.target.is_local:
            place = self.target / name
            with writing(str(place)), _draft(place.local) as path:
                yield path
                self.nbytes += path.stat().st_size
            return
        with writing("a draft in the temporary folder"), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "draft")
            yield path
            self.put(name, path.read_bytes())


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a new name beside the path, renamed at the end: a kill leaves no half of a file."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def dateless_gzip(file: BinaryIO) -> Iterator[gzip.GzipFile]:
    """Compress into an open file without name or time, which would differ from one writing to the next."""
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        yield packed
