"""Published weights: where they are looked for, what tells them apart, and what to say where they are not.

Nothing is fetched here. Workers never download; whoever sets a machine up does, once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import PipelineError

PIECE = 8 * 2**20
"""Bytes hashed at a time."""


class WeightsMissing(PipelineError, FileNotFoundError):
    """Published weights are not on this machine, or not what they should be."""

    exit_code = 3
    kind = "weights-missing"


@dataclass(frozen=True)
class Published:
    """A model in a repository of the Hugging Face hub, in diffusers' layout."""

    repository: str
    folder: str
    licence: str

    @property
    def command(self) -> str:
        """What gets it."""
        return f"hf download {self.repository} --include '{self.folder}/*'"


#: The autoencoder of Stable Diffusion 1.5 (Rombach et al., 2022), which FMRI2IMG decodes with. The repository
#: it was published in was withdrawn in 2024; this is the mirror that diffusers' own documentation names.
STABLE_DIFFUSION_VAE = Published(
    "stable-diffusion-v1-5/stable-diffusion-v1-5", "vae", "CreativeML OpenRAIL-M"
)


def find(weights: str, published: Published) -> Path:
    """Return the folder that holds a model's config.json and weights.

    Parameters
    ----------
    weights
        "published", or the path of a folder that diffusers' `save_pretrained` has written.
    published
        Where the published ones come from.

    Raises
    ------
    WeightsMissing
        Saying what gets them.
    """
    folder = _cached(published) if weights == "published" else Path(weights)
    if folder is None:
        raise WeightsMissing(
            f"the weights of {published.repository}/{published.folder} are not on this machine; get them "
            f"({published.licence}) with: {published.command}"
        )
    if not (folder / "config.json").is_file() or not _files(folder):
        raise WeightsMissing(
            f"{folder} holds no model in diffusers' layout (config.json and a .safetensors file); "
            'name such a folder in `weights`, or set weights = "published"'
        )
    return folder


def _cached(published: Published) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            published.repository, allow_patterns=[f"{published.folder}/*"], local_files_only=True
        )
    except LocalEntryNotFoundError:
        return None
    folder = Path(found) / published.folder
    return folder if folder.is_dir() else None


def _files(folder: Path) -> list[Path]:
    """Return the weights of a folder: full precision where there are several."""
    found = sorted(folder.glob("*.safetensors"))
    full = [path for path in found if ".fp16." not in path.name and "non_ema" not in path.name]
    return full or found


def identity(folder: Path) -> dict[str, str]:
    """Return what tells these weights from others, for a fingerprint: sha256 by file."""
    files = [folder / "config.json", *_files(folder)]
    return {path.name: _sha256(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@lru_cache
def _sha256(path: str, _size: int, _modified: int) -> str:
    found = hashlib.sha256()
    with Path(path).open("rb") as file:
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
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise WeightsMissing(f"{folder / 'config.json'} is no description of a model; fetch the folder again")
    return said
