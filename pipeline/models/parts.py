"""Parts of published diffusion models: one network of a folder in diffusers' layout, and how it is loaded."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .networks import nbytes
from .vision_ops import prepare_torchvision
from .weights import WeightsMissing, config, identity, located

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import dtype as Dtype  # noqa: N812
    from torch import nn

TRANSFORMERS: Mapping[str, str] = {
    "CLIPTextModel": "CLIPTextConfig",
    "CLIPTextModelWithProjection": "CLIPTextConfig",
    "CLIPVisionModelWithProjection": "CLIPVisionConfig",
}
"""Networks of transformers, and what describes them; all others are diffusers'."""


@dataclass(frozen=True)
class Part:
    """A network by its class, its description, and the folder of its weights.

    Parameters
    ----------
    kind
        Name of its class in diffusers or transformers.
    described
        What its config.json says.
    folder
        Where config.json and weights lie; None for random ones.
    """

    kind: str
    described: Mapping[str, Any]
    folder: Path | None = None

    @classmethod
    def of(cls, name: str, kind: str, weights: str, random: Mapping[str, Any]) -> Part:
        """Return the part that a recipe's `weights` names.

        Parameters
        ----------
        name
            Model and part, "stable-diffusion-xl/unet".
        kind
            Name of its class.
        weights
            "published", "random" or a path.
        random
            Sizes of the random one.

        Raises
        ------
        WeightsMissing
            If it isn't on this machine, or is another network.
        """
        if weights == "random":
            return cls(kind, random)
        folder = located(name, weights)
        described = config(folder)
        said = described.get("_class_name") or next(iter(described.get("architectures") or [kind]), kind)
        if said != kind:
            raise WeightsMissing(f"{folder} holds a {said}, and {name} is a {kind}; fetch {name} again")
        return cls(kind, described, folder)

    def identity(self) -> dict[str, str]:
        """Return what tells its weights from others: sha256 by file, in the name of its folder."""
        if self.folder is None:
            return {"weights": "random"}
        return {f"{self.folder.name}/{name}": one for name, one in identity(self.folder).items()}

    def skeleton(self) -> nn.Module:
        """Return it, frozen, without memory for its weights."""
        import torch

        with torch.device("meta"):
            return _frozen(self._make())

    def nbytes(self) -> int:
        """Return the bytes its weights take in float32."""
        return _nbytes(self.kind, json.dumps(dict(self.described)))

    def load(self, dtype: Dtype) -> nn.Module:
        """Return it with its weights, frozen, on the CPU; see `placed`.

        Parameters
        ----------
        dtype
            torch's, of the weights.

        Raises
        ------
        WeightsMissing
            If the weights can't be read, or are another network's.
        """
        import torch

        if self.folder is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                made = torch.nn.ModuleList([self._make()])  # diffusers' own `to` warns needlessly
                return _frozen(made.to(dtype)[0])
        return _frozen(self._pretrained(self.folder, dtype))

    def _make(self) -> nn.Module:
        found: Any = _class(self.kind)
        if self.kind not in TRANSFORMERS:
            with quiet():  # of keys that a later diffusers has added
                made: nn.Module = found.from_config(dict(self.described))
            return made
        import transformers

        encoder: nn.Module = found(getattr(transformers, TRANSFORMERS[self.kind])(**self.described))
        return encoder

    def _pretrained(self, folder: Path, dtype: Dtype) -> nn.Module:
        numbers = {"dtype" if self.kind in TRANSFORMERS else "torch_dtype": dtype}
        half = {"variant": "fp16"} if _only_half(folder) else {}
        try:
            with quiet():
                made, about = _class(self.kind).from_pretrained(
                    str(folder),
                    local_files_only=True,
                    use_safetensors=True,
                    output_loading_info=True,
                    **numbers,
                    **half,
                )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise WeightsMissing(
                f"the weights in {folder} could not be read ({reason[:200]}); fetch them again"
            ) from None
        if lacking := sorted(about["missing_keys"]):
            raise WeightsMissing(
                f"the weights in {folder} lack {lacking[0]} ({len(lacking)} such); fetch them again"
            )
        found: nn.Module = made
        return found


def precision(asked: str | None, device: str) -> Dtype:
    """Return the numbers to compute in; where none are asked for, float16 on an NVIDIA GPU, else float32."""
    import torch

    found: Dtype = getattr(torch, asked or ("float16" if device == "cuda" else "float32"))
    return found


def placed(network: nn.Module, device: str) -> nn.Module:
    """Return a network on its device; on an NVIDIA GPU with channels last, as its kernels take them."""
    import torch

    layout = torch.channels_last if device == "cuda" else torch.preserve_format
    moved: Any = torch.nn.ModuleList([network])  # diffusers' own `to` warns needlessly
    moved.to(device=device, memory_format=layout)
    return network


def _frozen(network: nn.Module) -> nn.Module:
    return network.requires_grad_(requires_grad=False).eval()


@cache
def _nbytes(kind: str, described: str) -> int:
    """Return float32 bytes; it takes up to seconds to lay a network out, so once a process."""
    return nbytes(Part(kind, json.loads(described)).skeleton())


def _class(kind: str) -> Any:
    prepare_torchvision()
    if kind in TRANSFORMERS:
        import transformers

        return getattr(transformers, kind)
    import diffusers

    return getattr(diffusers, kind)


def _only_half(folder: Path) -> bool:
    """Tell whether a folder has its weights in half precision alone, which diffusers wants to be told."""
    names = [path.name for path in folder.glob("*.safetensors")]
    return bool(names) and all(".fp16." in name for name in names)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep diffusers and transformers from telling of weights they read; what matters is looked at here."""
    import transformers.utils.logging as transformers_logging

    bars: Any = transformers_logging

    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels, barred = [one.level for one in loggers], bars.is_progress_bar_enabled()
    for one in loggers:
        one.setLevel(logging.ERROR)
    bars.disable_progress_bar()
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
        if barred:
            bars.enable_progress_bar()
