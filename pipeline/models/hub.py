"""Files of a repository of the Hugging Face hub: those that are needed, compared with what the hub says.

The hub's own client does the moving, so its conventions hold: HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE,
HF_ENDPOINT, HF_TOKEN. A file gets its name when it is whole.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .download import FetchFailed, missing, remove_empty
from .weights import DESCRIPTIONS, FULL, hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .published import Part, Published


@dataclass(frozen=True)
class Offered:
    """A file as the hub lists it."""

    path: str
    size: int | None
    sha256: str | None
    """None of small files, which the hub knows by another checksum."""


NOTES = {".lock", ".metadata", ".gitignore", "CACHEDIR.TAG"}
"""Names, or what they end in, of what the hub's client notes beside the files that it moves."""


def fetch_from_hub(
    published: Published, parts: Sequence[Part], to: Path | None, tell: Callable[[str], None]
) -> dict[str, Path]:
    """Get the files that parts of a model need.

    Parameters
    ----------
    published
        Lies on the hub.
    parts
        Of it.
    to
        The folder of the model; default the Hugging Face cache.
    tell
        Takes a line about how far it is.

    Returns
    -------
    Where each lies, by its path in the repository.

    Raises
    ------
    FetchFailed
        If the hub can't be reached or lacks a part, or what came isn't what it says.
    """
    offered = _asked(published.home, _listed)
    wanted = [one for part in parts for one in chosen(offered, part)]
    made = {}
    with _nothing_left(to):
        for one in wanted:
            tell(f"{published.name}: {one.path}" + (f", {one.size / 1e6:.0f} MB" if one.size else ""))
            found = _asked(published.home, partial(_moved, path=one.path, to=to))
            _compare(published.home, one, found)
            made[one.path] = found
    return made


@contextmanager
def _nothing_left(to: Path | None) -> Iterator[None]:
    """Where fetching fails before anything has come, remove the folder that was made for it, if it was."""
    new = [] if to is None else missing(to)
    try:
        yield
    except BaseException:
        if to is not None and to in new and not any(map(_has_come, to.rglob("*"))):
            shutil.rmtree(to, ignore_errors=True)
            remove_empty(new)
        raise


def _has_come(path: Path) -> bool:
    """Tell whether a path is a file, or the beginning of one, and not the hub's note about it."""
    return path.is_file() and not {path.name, path.suffix} & NOTES and path.stat().st_size > 0


def chosen(offered: Iterable[Offered], part: Part) -> list[Offered]:
    """Return the files a part needs: its descriptions, and its weights once, in full precision.

    Raises
    ------
    FetchFailed
        If it isn't there.
    """
    if part.is_file:
        found = {one.path: one for one in offered}
        made = [found[path] for path in (part.path, part.otherwise) if path in found][:1]
    else:
        inside = [one for one in offered if str(PurePosixPath(one.path).parent) == part.path]
        made = [one for one in inside if PurePosixPath(one.path).suffix in DESCRIPTIONS] + _weights(inside)
    if not made:
        raise FetchFailed(f"{part.path} is not in its repository any more; see where it has moved")
    return made


def _weights(inside: Sequence[Offered]) -> list[Offered]:
    full = [one for one in inside if FULL.fullmatch(PurePosixPath(one.path).name)]
    safe = [one for one in full if one.path.endswith(".safetensors")]
    return safe or full


def _listed(home: str) -> list[Offered]:
    from huggingface_hub import HfApi, constants

    about = HfApi(endpoint=constants.ENDPOINT).model_info(home, files_metadata=True, timeout=30)
    return [
        Offered(one.rfilename, one.size, one.lfs.sha256 if one.lfs else None) for one in about.siblings or []
    ]


def _moved(home: str, path: str, to: Path | None) -> Path:
    from huggingface_hub import constants, hf_hub_download

    return Path(
        hf_hub_download(
            home, path, local_dir=to, endpoint=constants.ENDPOINT, cache_dir=constants.HF_HUB_CACHE
        )
    )


def _asked(home: str, question: Callable[[str], Any]) -> Any:
    """Ask the hub, and tell what keeps it from answering in one sentence."""
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        return question(home)
    except OfflineModeIsEnabled:
        reason = "HF_HUB_OFFLINE says to leave the network alone; unset it"
    except GatedRepoError:
        reason = "its owner asks for a log-in; agree to the terms on its page, then run: hf auth login"
    except PermissionError as error:
        reason = f"{error.filename} may not be written; name another folder by --to"
    except RepositoryNotFoundError:
        reason = "there is no such repository, or it asks for a log-in; see where it has moved"
    except Exception as error:  # noqa: BLE001  (what it raises differs by version)
        said = str(error.__cause__ or error).strip() or type(error).__name__
        reason = f"{said.splitlines()[0]}; see whether this machine has a network and disk space"
    raise FetchFailed(f"{home} can't be fetched from the hub: {reason}")


def _compare(home: str, offered: Offered, path: Path) -> None:
    """Refuse, and remove, a file that is not what the hub says of it."""
    size = path.stat().st_size
    if offered.size is not None and size != offered.size:
        wrong = f"has {size} bytes, the hub says {offered.size}"
    elif offered.sha256 is not None and (found := hashed(path)) != offered.sha256:
        wrong = f"has sha256 {found}, the hub says {offered.sha256}"
    else:
        return
    real = path.resolve()
    path.unlink()
    real.unlink(missing_ok=True)
    raise FetchFailed(f"{offered.path} of {home} {wrong}; nothing was kept: fetch it again")
