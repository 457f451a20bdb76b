"""Train: the decoders that learn, from training pictures and what is known of them without looking."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.schema import Schema, Variable

from ..stage import Cost, lazily, stage
from .frozen import insist_autoencoder, of_autoencoder
from .learned import Learned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from storage.workspace import Workspace

#: Bytes that torch's kernels take beside what a step holds: 80 to 120 MB were measured on a CPU at any batch.
KERNELS = 100 * 2**20


def _curve(long_name: str, doc: str = "") -> Variable:
    return Variable(("step",), "float32", "1", long_name, doc)


MODEL = Schema(
    {
        "loss": _curve("loss on the examples of the step", "Mean over all processes."),
        "val_loss": _curve(
            "loss on training pictures that were not learned from",
            "Of the averaged weights; NaN where it was not looked at. It chooses nothing.",
        ),
        "learning_rate": _curve("learning rate"),
    }
)


def _model_cost(
    output: xr.Dataset,
    stimuli: xr.Dataset,
    responses: xr.Dataset,
    start: xr.Dataset | None = None,
    **predictions: xr.Dataset,
) -> Cost:
    """Return the cost as far as shapes tell: the weights, the examples, and the layers of a batch."""
    del start
    said, weights = output.attrs["training"], output.encoding["weights"]
    width = sum(space.sizes["feature"] for space in predictions.values())
    rows = int((responses.split.values == "train").sum())
    from ..training import sketch
    from ..training.decoders import Decoder, memory

    channels, side = stimuli.sizes["channel"], said["size"]
    held = rows * 4 * (width or responses.sizes["voxel"]) + stimuli.sizes["image"] * channels * side**2
    decoder = Decoder(said["model"], said["network"], weights=weights)
    models, layers = memory(decoder, (said["batch"] // said["processes"], channels, side))
    first = sketch.memory(rows, channels * side**2) if said["model"] == "conditional-ddpm" else 0
    most = 2 * held + models + max(layers, first) + KERNELS
    return Cost(memory=most, resident=models, processes=said["processes"])


def _ready(*, log: Sequence[str] = (), **_places: Any) -> None:
    """Refuse logs that can not be written here."""
    from ..training.logs import insist_installed

    insist_installed(log)


@stage("train", version=7, schema=MODEL, cost=_model_cost, sequential=True, ready=_ready, gpu=True)
def decoder(  # noqa: PLR0913  (each is a key of [train.X])
    stimuli: xr.Dataset,
    responses: xr.Dataset,
    start: xr.Dataset | None = None,
    *,
    name: str,
    model: Literal["conditional-ddpm", "voxel-ddpm", "basic-ae"],
    size: int,
    steps: int,
    batch: int,
    learning_rate: float,
    decay: Literal["cosine", "none"],
    ema: float,
    dropout: float,
    weight_decay: float = 0.01,
    precision: Literal["float32", "bfloat16"] = "float32",
    validation: float = 0.1,
    processes: int = 1,
    voxels: bool = False,
    weights: str = "random",
    log: Sequence[str] = (),
    autoencoder: Mapping[str, str] | None = None,
    latent: tuple[int, int] | None = None,
    augment: Literal["none", "blur-zoom"] = "none",
    seed: int = 0,
    workspace: Workspace | None = None,
    **predictions: xr.Dataset,
) -> xr.Dataset:
    """Return a decoder's learning curves; its weights are left in the workspace.

    Parameters
    ----------
    stimuli, responses
        Products; training rows and training pictures are all that is looked at.
    start
        Another decoder, learned before, to begin from.
    name
        Of the model, for messages.
    model, size
        Which network, and the side of its pictures.
    steps, batch, learning_rate, decay, ema, dropout, weight_decay, precision, validation
        See `pipeline.training.settings.Settings`; `dropout` is the share shown without a condition.
    processes
        Workers that train it together.
    voxels
        Whether the condition is the responses themselves.
    weights, autoencoder, latent
        Of the frozen autoencoder: where it lies, what tells it from others, channels and side of a latent.
    augment
        Whether pictures are blurred and enlarged at random, see `pipeline.training.augment`.
    log
        Which logs are written on the way: "tensorboard", "wandb".
    seed
        The recipe's.
    workspace
        Where checkpoints and weights go.
    **predictions
        Held-out predictions of the training rows, one product a feature space: the condition is all of them
        side by side. Without any, and without `voxels`, it learns to paint without a condition.

    Raises
    ------
    ShapeError
        If there are fewer training rows than a step needs, or rows of the products do not pair up.
    """
    learned = Learned(stimuli, responses, predictions, size, voxels)
    learned.check(batch, processes)
    network = learned.network(latent)
    said = {"model": model, "network": network, "size": size, "batch": batch, "processes": processes}
    rates = {"learning_rate": learning_rate, "decay": decay, "ema": ema, "weight_decay": weight_decay}
    counts = {"steps": steps, "batch": batch, "validation": validation, "seed": seed}
    settings = {**counts, **rates, "precision": precision}
    made = {"model": model, "described": network, "dropout": dropout, "weights": weights}
    made["augment"] = augment != "none"
    files = start.encoding.get("files") if start is not None else None
    around = {"workspace": workspace, "start": files, "logs": log}
    lazy = lazily(
        MODEL,
        {"step": steps},
        partial(_train, f"model/{name}", learned, made, settings, around, autoencoder),
        coords={"step": np.arange(1, steps + 1)},
        attrs={"loss": {"model": model, **of_autoencoder(autoencoder)}},
    )
    lazy.encoding["weights"] = weights
    return lazy.assign_attrs(training=said)


def _train(
    name: str,
    learned: Learned,
    made: Mapping[str, Any],
    settings: Mapping[str, Any],
    around: Mapping[str, Any],
    autoencoder: Mapping[str, str] | None,
    _start: int,
    _stop: int,
) -> Mapping[str, np.ndarray]:
    from ..training.decoders import Decoder, train
    from ..training.settings import Settings

    insist_autoencoder(made["weights"], autoencoder)
    return train(name, Decoder(**made), learned.read(), Settings(**settings), **around)
