"""What a training writes for TensorBoard and Weights & Biases, where a recipe asks for it.

Nothing of it is read again, and it changes no number; so no fingerprint knows of it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from storage.workspace import Workspace


class Log(Protocol):
    """Where curves and pictures of a training go."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write what a step had, by name."""
        ...

    def picture(self, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture (y, x, channel) painted after a step."""
        ...


class TensorBoard:
    """Event files, read by ``tensorboard --logdir``.

    Parameters
    ----------
    writer
        `torch.utils.tensorboard.SummaryWriter`.
    """

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write what a step had, by name."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture (y, x, channel) painted after a step."""
        self.writer.add_image("painted", picture, step, dataformats="HWC")
        self.writer.flush()


class WeightsAndBiases:
    """A run of the project vox2pix; without a network under WANDB_MODE=offline.

    Parameters
    ----------
    run
        What `wandb.init` returns.
    """

    def __init__(self, run: Any) -> None:
        self.run = run

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write what a step had, by name."""
        self.run.log(dict(values), step=step)

    def picture(self, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture (y, x, channel) painted after a step."""
        import wandb

        self.run.log({"painted": wandb.Image(picture)}, step=step)


PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}
"""What each log needs, by the name a recipe gives it."""


def insist_installed(logs: Iterable[str]) -> None:
    """Refuse logs whose package is not there.

    Raises
    ------
    RecipeError
        With the line that installs it.
    """
    for name in logs:
        if find_spec(PACKAGES[name]) is None:
            raise RecipeError(
                f"[train] log = {name!r} needs a package that is not installed; "
                f"pip install {PACKAGES[name]}, or take it out of `log`"
            )


def folder_of(space: Workspace) -> Path:
    """Return where event files go: beside the product's data, of an archive on S3 below ``runs`` here."""
    if space.place.is_local:
        return space.place.local / "logs"
    return Path("runs", *space.place.url.split("/")[-4:])


@contextmanager
def opened(
    names: Iterable[str], space: Workspace | None, title: str, settings: Mapping[str, Any], first: int
) -> Iterator[list[Log]]:
    """Open logs for the life of the context; none where nothing is kept.

    Parameters
    ----------
    names
        Of `PACKAGES`.
    space
        The training's place.
    title
        The training's name.
    settings
        What Weights & Biases shows of it.
    first
        The step to go on from: what a killed training wrote of later ones is not shown.
    """
    with ExitStack() as stack:
        logs: list[Log] = []
        chosen = tuple(names) if space is not None else ()
        insist_installed(chosen)
        if "tensorboard" in chosen and space is not None:
            from torch.utils.tensorboard import SummaryWriter

            writer = stack.enter_context(SummaryWriter(str(folder_of(space)), purge_step=first))
            logs.append(TensorBoard(writer))
        if "wandb" in chosen and space is not None:
            import wandb

            known = "-".join(space.place.url.split("/")[-4:])
            run = stack.enter_context(
                wandb.init(project="vox2pix", name=title, id=known, resume="allow", config=dict(settings))
            )
            logs.append(WeightsAndBiases(run))
        yield logs
