"""Where published weights lie on this machine, and what tells them apart.

Nothing is fetched here. Workers never download; whoever sets a machine up does, once, by
`vox2pix weights fetch`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PipelineError, nearest
from .published import Part, Published, named

if TYPE_CHECKING:
    from collections.abc import Sequence

PIECE = 8 * 2**20
"""Bytes hashed at a time."""
DESCRIPTIONS = {".json", ".txt", ".model"}
"""What a folder in diffusers' layout holds besides weights: settings, vocabularies."""
FULL = re.compile(r"(diffusion_pytorch_)?(pytorch_)?model(-\d+-of-\d+)?\.(safetensors|bin)")
"""What diffusers and transformers call the weights in full precision; others have a variant's name inside."""
BLOB = re.compile(r"[0-9a-f]{64}")
"""The Hugging Face cache calls a large file by its sha256."""


class WeightsMissing(PipelineError, FileNotFoundError):
    """Published weights are not on this machine, or not what they should be."""

    exit_code = 3
    kind = "weights-missing"


def located(model: str, weights: str) -> Path:
    """Return where a model's weights lie: its file, or its folder in diffusers' layout.

    Parameters
    ----------
    model
        A name of `published.CATALOGUE`, or one of a part: "stable-diffusion-1-5/vae".
    weights
        "published": what `vox2pix weights fetch` has put into our folder or the Hugging Face cache. Or a
        path: the folder that `fetch --to` or `convert --to` has written, or the file or folder itself.

    Raises
    ------
    WeightsMissing
        If it isn't there, or only in part; the message has the command that gets it.
    """
    published, parts = named(model)
    bases = _published_bases(published) if weights == "published" else _bases(published, Path(weights))
    for base in bases:
        if all(found := [_present(base, part) for part in parts]):
            return _answer(base, parts, [path for path in found if path is not None])
    if weights == "published":
        raise WeightsMissing(
            f"the weights of {model} are not on this machine; get them ({published.licence}) with: "
            f"vox2pix weights fetch {model}"
        )
    own = _itself(Path(weights).expanduser(), parts)
    if own is None:
        raise WeightsMissing(_refused(Path(weights).expanduser(), model, parts))
    return own


def _answer(base: Path, parts: Sequence[Part], found: Sequence[Path]) -> Path:
    """Return the file or folder where one part was asked for, else the folder that holds all."""
    return found[0] if len(parts) == 1 else base


def _present(base: Path, part: Part) -> Path | None:
    """Return where a part lies below a folder, if it is there; a converted file will do."""
    path = base / part.path
    if not part.is_file:
        return path if files(path) else None
    names = [path, path.with_suffix(".safetensors"), *([base / part.otherwise] if part.otherwise else [])]
    return next((one for one in names if one.is_file()), None)


def _itself(path: Path, parts: Sequence[Part]) -> Path | None:
    """Return a path that is itself the one part asked for."""
    if len(parts) != 1:
        return None
    if parts[0].is_file:
        return path if path.is_file() else None
    return path if weight_files(path) and (path / "config.json").is_file() else None


def _refused(path: Path, model: str, parts: Sequence[Part]) -> str:
    """Return what a path was expected to hold."""
    if not path.exists():
        hint = nearest(path.name, ("published", "random"))
        return (
            f'no {path}, where the weights of {model} should lie; mend it, or set weights = "published"{hint}'
        )
    layout = "config.json and a .safetensors file"
    inside = ", ".join(part.path for part in parts)
    expected = inside if len(parts) > 1 or parts[0].is_file else f"{inside}, or itself {layout}"
    return (
        f"{path} holds no model {model} (expected in it: {expected}); name a folder that "
        '`vox2pix weights fetch --to` has written, or set weights = "published"'
    )


def _bases(published: Published, path: Path) -> list[Path]:
    """Return the folders below which a model's parts may lie, if a user names a path."""
    folder = path.expanduser()
    return [folder / published.name, folder]


def _published_bases(published: Published) -> list[Path]:
    ours = home() / published.name
    return [ours, *_in_the_hub_cache(published.home)] if published.on_the_hub else [ours]


def home() -> Path:
    """Return our own folder of weights.

    VOX2PIX_WEIGHTS, or `vox2pix/weights` below XDG_CACHE_HOME, by default ~/.cache (XDG Base Directory
    Specification). It has the layout of `fetch --to`.
    """
    if said := os.environ.get("VOX2PIX_WEIGHTS"):
        return Path(said).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vox2pix" / "weights"


def _in_the_hub_cache(repository: str) -> list[Path]:
    """Return the states of a repository that were fetched, its newest main first.

    HF_HOME and HF_HUB_CACHE say where to look. A state may be here in part, so several are of use.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    place = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    main = ""
    with suppress(OSError):
        main = (place / "refs" / "main").read_text("ascii").strip()
    states = sorted((place / "snapshots").glob("*"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    return sorted(states, key=lambda one: one.name != main)


def files(folder: Path) -> list[Path]:
    """Return what belongs to a part in diffusers' layout: its descriptions, and its weights if it has any."""
    if not folder.is_dir():
        return []
    described = sorted(one for one in folder.iterdir() if one.suffix in DESCRIPTIONS)
    weights = weight_files(folder)
    if (folder / "config.json").is_file() and not weights:
        return []
    return [*described, *weights]


def weight_files(folder: Path) -> list[Path]:
    """Return the weights of a folder: full precision where there are several, safetensors before .bin."""
    for suffix in (".safetensors", ".bin"):
        found = sorted(folder.glob(f"*{suffix}"))
        if found:
            return [path for path in found if FULL.fullmatch(path.name)] or found
    return []


def identity(path: Path, model: str = "") -> dict[str, str]:
    """Return what tells weights from others, for a fingerprint: sha256 by file.

    Parameters
    ----------
    path
        What `located` returned: a file, or a folder with a config.json, or a folder of such folders.
    model
        The name that was located: only its parts count then, whatever else lies there.
    """
    if path.is_file():
        return {path.name: sha256(path)}
    parts = [part.path for part in named(model)[1]] if model else []
    if (path / "config.json").is_file() or len(parts) == 1:
        return {one.name: sha256(one) for one in _counted(path)}
    inside = parts or sorted(one.name for one in path.iterdir() if one.is_dir())
    return {
        one.relative_to(path).as_posix(): sha256(one)
        for name in inside
        for one in ([path / name] if (path / name).is_file() else _counted(path / name))
    }


def _counted(folder: Path) -> list[Path]:
    """Return the files whose content changes what a part computes."""
    weights = weight_files(folder)
    return [folder / "config.json", *weights] if weights else files(folder)


def sha256(path: Path) -> str:
    """Return a file's sha256; that of a file of the Hugging Face cache is its name there."""
    real = path.resolve()
    if real.parent.name == "blobs" and BLOB.fullmatch(real.name):
        return real.name
    about = real.stat()
    return _sha256(str(real), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=1024)
def _sha256(path: str, size: int, modified: int) -> str:
    """Return a file's sha256, which is noted for other processes: files are gigabytes."""
    note = home() / "hashes" / hashlib.sha256(f"{path}|{size}|{modified}".encode()).hexdigest()[:32]
    with suppress(OSError):
        if BLOB.fullmatch(noted := note.read_text("ascii")):
            return noted
    found = hashed(Path(path))
    with suppress(OSError):  # a note that can't be kept costs time, no more
        note.parent.mkdir(parents=True, exist_ok=True)
        written = note.with_name(f"{note.name}.{os.getpid()}")
        written.write_text(found, "ascii")
        written.replace(note)
    return found


def hashed(path: Path) -> str:
    """Read a file and return its sha256."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def config(folder: Path) -> dict[str, Any]:
    """Return a model's description.

    Raises
    ------
    WeightsMissing
        If it cannot be read.
    """
    try:
        said = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict):
        raise WeightsMissing(f"{folder / 'config.json'} is no description of a model; fetch the folder again")
    return said
