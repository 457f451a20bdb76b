"""The decoders that learn: which network, which objective, and what is left of them in a product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.pngs import encoded

from ..diffusion.denoising import progression
from ..diffusion.process import PROCESSES
from ..models.autoencoder import Autoencoder
from ..models.networks import build, fill, from_bytes, nbytes, skeleton, to_bytes
from ..models.threads import one_thread
from .chance import number
from .loop import Training, kept_back
from .objectives import QUICK, Denoising, Pixels
from .sheets import noised, sheet
from .sketch import sketch
from .state import averaged
from .validation import painted_seeds, rows_kept_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from storage.attached import Attached
    from storage.workspace import Workspace

    from ..diffusion.process import Process
    from .examples import Examples
    from .objectives import Objective
    from .settings import Settings
    from .state import State

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
PROGRESSION, NOISE = "progression.png", "noise-steps.png"
"""Pictures kept back above what was painted of them on the way, and one of them at several noise steps."""
DENOISING = "denoising.png"
"""Pictures on their way from noise, as they are painted in the end; so many of them:"""
DENOISED = 3


@dataclass(frozen=True)
class Decoder:
    """A decoder to be trained.

    Parameters
    ----------
    model
        Name of its network.
    described
        The network's sizes.
    dropout
        Share of examples shown without their condition.
    weights
        Of a frozen autoencoder, where there is one: "published", "random" or a folder.
    augment
        Whether pictures are blurred and enlarged at random.
    """

    model: str
    described: Mapping[str, Any]
    dropout: float = 0.0
    weights: str = "published"
    augment: bool = False

    def objective(self, autoencoder: Callable[[Autoencoder], nn.Module] = Autoencoder.load) -> Objective:
        """Return what it learns.

        Parameters
        ----------
        autoencoder
            Makes the frozen one, where there is one.
        """
        if self.model in PROCESSES:
            return Denoising(PROCESSES[self.model], self.dropout)
        return Pixels(autoencoder(Autoencoder.of(self.weights)), self.augment)

    def network(self, examples: Examples, settings: Settings, start: Attached | None = None) -> nn.Module:
        """Return the network before its first step.

        Parameters
        ----------
        examples
            What it standardises conditions by and sketches from, if it does.
        settings
            Its seed, and how many pictures are kept back.
        start
            Files of another training to begin from; what that one lacked, the condition's way in, is new.
        """
        import torch

        seed = settings.seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number(seed, "weights"))
            made = build(self.model, self.described)
        if start is not None:
            known = from_bytes(start.read(WEIGHTS))
            fill(made, known, str(start / WEIGHTS), lacking="condition.")
        if self.model == "conditional-ddpm" and examples.condition is not None:
            learned, rank = np.flatnonzero(~kept_back(examples, settings)), made.get_buffer("into").shape[1]
            for name, one in sketch(examples, learned, rank, seed).items():
                made.get_buffer(name).copy_(torch.from_numpy(one))
        return made


def memory(decoder: Decoder, pictures: tuple[int, int, int]) -> tuple[int, int]:
    """Return the bytes of a training's weights, and of what else a step holds.

    Parameters
    ----------
    decoder
        Which.
    pictures
        How many a batch has, their channels and their side.

    Returns
    -------
    Weights, both moments of AdamW, the average and a frozen autoencoder; and gradients and layers, as far as
    the way back needs them, laid out without numbers.
    """
    shape = json.dumps(dict(decoder.described), sort_keys=True)
    return _memory(decoder.model, shape, decoder.weights, pictures)


@cache
def _memory(model: str, described: str, weights: str, pictures: tuple[int, int, int]) -> tuple[int, int]:
    from ..models.layout import most_held

    decoder = Decoder(model, json.loads(described), weights=weights)
    network, objective = skeleton(model, decoder.described), decoder.objective(Autoencoder.skeleton)
    frozen = [objective.autoencoder] if isinstance(objective, Pixels) else []
    batch = _shapes(pictures, decoder.described.get("width", 0))
    known = [one for module in (network, *frozen) for one in (*module.parameters(), *module.buffers())]
    layers = most_held(lambda: objective.loss(network, batch).backward(), [*known, *batch.values()])
    return 4 * nbytes(network) + sum(map(nbytes, frozen)), layers


def _shapes(pictures: tuple[int, int, int], width: int) -> dict[str, Tensor]:
    """Return a batch that takes no memory."""
    import torch

    count, channels, side = pictures
    with torch.device("meta"):
        picture = torch.empty(count, channels, side, side)
        time, dropped = torch.empty(count, dtype=torch.int64), torch.empty(count, dtype=torch.bool)
        batch = {"picture": picture, "noise": torch.empty_like(picture), "time": time, "dropped": dropped}
        return batch | ({"condition": torch.empty(count, width)} if width else {})


def train(
    name: str,
    decoder: Decoder,
    examples: Examples,
    settings: Settings,
    workspace: Workspace | None = None,
    start: Attached | None = None,
    logs: Sequence[str] = (),
) -> dict[str, NDArray[np.float32]]:
    """Train a decoder to its end, leave its weights in the workspace, and return its curves.

    Parameters
    ----------
    name
        For messages.
    decoder
        Which.
    examples, settings
        What it learns from, and how.
    workspace
        Where checkpoints and the final weights go; None keeps nothing.
    start
        Files of another training to begin from.
    logs
        Which logs are written on the way, see `pipeline.training.logs`.

    Returns
    -------
    "loss", "val_loss", "learning_rate", each (step,) float32; NaN where there was no validation.
    """
    network = decoder.network(examples, settings, start)
    described = {"model": decoder.model, "network": dict(decoder.described)}
    training = Training(name, network, described, examples, decoder.objective(), settings, workspace, logs)
    state = training.run()
    if workspace is not None and training.place.rank == 0:
        workspace.keep(WEIGHTS, to_bytes(state.average))
        painted = sorted(state.painted)
        said = {**described, "steps": settings.steps, "painted": painted}
        workspace.keep(CONFIG, json.dumps(said, sort_keys=True, indent=1).encode())
        for file, picture in _sheets(training, state, decoder):
            workspace.keep(file, encoded(picture))
    return state.curves


def _sheets(training: Training, state: State, decoder: Decoder) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the files that show a training, and what is in them."""
    shown = training.examples.pictures_of(rows_kept_back(training.examples, training.kept_back))
    if state.painted:
        rows = [state.painted[step] for step in sorted(state.painted)]
        yield PROGRESSION, sheet(rows if training.examples.condition is None else [shown, *rows])
    if decoder.model in PROCESSES and len(shown):
        yield DENOISING, sheet(list(_denoised(training, state, PROCESSES[decoder.model])))
    if decoder.model in PROCESSES:
        picture = shown[0] if len(shown) else training.examples.pictures[0]
        yield NOISE, sheet([noised(PROCESSES[decoder.model], picture, training.settings.seed)])


def _denoised(training: Training, state: State, process: Process) -> NDArray[np.uint8]:
    """Return (picture, moment, y, x, channel) of a few pictures kept back, from the same noise as ever."""
    rows = rows_kept_back(training.examples, training.kept_back)[:DENOISED]
    place = next(state.network.parameters()).device
    condition = training.examples.batch(rows).get("condition")
    told = None if condition is None else condition.to(place)
    seeds, shape = painted_seeds(training.settings.seed, len(rows)), training.examples.shape
    with averaged(state), one_thread():
        return progression(state.network, process, QUICK, told, seeds, shape, device=place)[0]
