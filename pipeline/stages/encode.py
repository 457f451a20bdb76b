"""Featurize, by networks that others have trained: what they tell of pictures, or of their captions."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.chunks import even_edges

from ..errors import ShapeError
from ..features.captions import reader_of, told
from ..features.encoders import encoded, encoder_of, memory
from ..stage import Cost, largest_block, lazily, stage
from .coordinates import picture_coords
from .featurize import FEATURE, as_stored
from .frozen import of_networks
from .words import check_paired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import xarray as xr

    from ..features.captions import Texts
    from ..features.encoders import Draw, Encoder, PictureEncoder

IMAGES = 256
"""Pictures a block and a chunk, half of what other spaces have: networks take minutes for them on a core."""
KERNELS, LOADED = 2, 100 * 2**20
"""How many times its layers a network takes, as kernels work on copies, and bytes of its libraries' own: on a
CPU 1.0 (VDVAE, texts) to 1.8 times (CLIP's patches) were measured, with 20 to 80 MB beside them."""


def _cost(output: xr.Dataset, **inputs: xr.Dataset) -> Cost:
    """Return the cost by shapes: the network, a batch's layers, pictures read ahead, and the block."""
    encoder, batch = output.encoding["encoder"], output.value.attrs["batch"]
    models, layers = memory(encoder, batch)
    # while weights of half precision become float32, both are there
    network = max(models * 3 // 2, models + KERNELS * layers) + LOADED
    picture = int(np.prod([inputs["stimuli"].sizes[dim] for dim in ("y", "x", "channel")]))
    ahead = 3 * batch * (picture + sum(one.nbytes for one in encoder.blank(1)))
    return Cost(memory=network + ahead + 3 * largest_block(output), resident=models)


@stage("featurize", version=1, schema=FEATURE, cost=_cost, gpu=True)
def picture_features(  # noqa: PLR0913  (each is a key of [features.X])
    stimuli: xr.Dataset,
    *,
    model: Literal["vdvae", "clip-vision", "clip-image"],
    batch: int,
    dtype: str = "float32",
    layers: int | None = None,
    draw: Draw | None = None,
    faithful: bool | None = None,
    encoder: str | None = None,
    seed: int = 0,
    space: str = "",
    weights: str = "published",
    network: Mapping[str, str],
) -> xr.Dataset:
    """Return what a network tells of the pictures.

    Parameters
    ----------
    stimuli
        Product `stimuli`.
    model
        "vdvae": the first latents of the very deep VAE; "clip-vision": all tokens of CLIP ViT-L/14;
        "clip-image": the embedding of a larger CLIP.
    batch
        Pictures encoded at once; at another size of batch they may differ by 1e-5.
    dtype
        How values are stored.
    layers, draw
        Of "vdvae": how many latents, and whether they are drawn from their posterior or are its mean.
    faithful
        Of CLIP: whether pictures are brought to 512 pixels first, as Brain-Diffuser does.
    encoder
        Of "clip-image": whose embedding, where it is not ViT-H/14's.
    seed, space
        The recipe's, and the name of the space: what is drawn of a picture follows from them and its id.
    weights, network
        Where the weights lie, and what tells them from others.
    """
    given = {"layers": layers, "draw": draw, "faithful": faithful, "encoder": encoder}
    settings = {key: value for key, value in given.items() if value is not None}
    seeing = encoder_of(model, weights, settings)
    return _lazy(
        seeing,
        partial(_shown, stimuli, seeing, seed, space),
        stimuli,
        {"model": model, "batch": batch, "dtype": dtype, "network": dict(network), **settings},
    )


@stage("featurize", version=1, schema=FEATURE, cost=_cost, gpu=True)
def caption_features(
    stimuli: xr.Dataset,
    captions: xr.Dataset,
    *,
    batch: int,
    dtype: str = "float32",
    base: str | None = None,
    weights: str = "published",
    network: Mapping[str, str],
) -> xr.Dataset:
    """Return what CLIP ViT-L/14 tells of all tokens of the captions, averaged over those of a picture.

    Parameters
    ----------
    stimuli
        Product `stimuli`, for the pictures' ids and which are for training.
    captions
        Product `captions`, of the same pictures in the same order.
    batch
        Pictures whose captions are encoded at once; at another size of batch they may differ by 1e-5.
    dtype
        How values are stored.
    base
        Of a Stable Diffusion, "sdxl" or "sd15", whose text encoders are to tell instead.
    weights, network
        Where the weights lie, and what tells them from others.

    Raises
    ------
    ShapeError
        If captions and pictures do not pair up, or a picture has no caption.
    """
    check_paired(stimuli, captions)
    model = "clip-text" if base is None else "prompt"
    bare = np.flatnonzero(~told(captions.caption.values).any(axis=1))
    if bare.size:
        raise ShapeError(
            f"picture {stimuli.image_id.values[bare[0]]} has no caption ({bare.size} such), and "
            f"model = {model!r} needs one or more of each: add some, or take another model"
        )
    encoder = reader_of(weights, captions.sizes["slot"], base)
    said = {"model": model, "batch": batch, "dtype": dtype, "network": dict(network)}
    said |= {} if base is None else {"base": base}
    return _lazy(encoder, partial(_written, captions, encoder), stimuli, said)


def _lazy(encoder: Encoder, read: Any, stimuli: xr.Dataset, said: dict[str, Any]) -> xr.Dataset:
    unflattened, pictures = list(encoder.unflattened), stimuli.image_id.values
    dtype, network = said.pop("dtype"), said.pop("network")
    lazy = lazily(
        FEATURE,
        {"image": len(pictures), "feature": int(np.prod(unflattened))},
        partial(_encode, encoder, read, pictures, said["batch"], dtype, network),
        coords={**picture_coords("image", stimuli), "split": ("image", stimuli.split.values)},
        edges=even_edges(len(pictures), IMAGES),
        dtypes={"value": dtype},
        chunks={"image": IMAGES},
        attrs={"value": {"unflattened": unflattened, **said, **of_networks(network)}},
    )
    lazy.encoding["encoder"] = encoder
    return lazy


def _encode(
    encoder: Encoder,
    read: Callable[[int, int], Sequence[np.ndarray]],
    pictures: np.ndarray,
    batch: int,
    dtype: str,
    network: Mapping[str, str],
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    encoder.pretrained.insist(network)
    value = encoded(encoder, lambda at, to: read(start + at, start + to), stop - start, batch)
    return {"value": as_stored(value, dtype, pictures[start:stop])}


def _shown(
    stimuli: xr.Dataset, encoder: PictureEncoder, seed: int, space: str, start: int, stop: int
) -> list[np.ndarray]:
    """Return pictures as the network takes them, and the seeds of what is drawn of each."""
    seeds = [feature_seed(seed, space, str(one)) for one in stimuli.image_id.values[start:stop]]
    return [encoder.shown(stimuli.picture[start:stop].values), np.array(seeds, np.int64)]


def _written(captions: xr.Dataset, encoder: Texts, start: int, stop: int) -> list[np.ndarray]:
    """Return the numbers of captions, and which of them there are."""
    return encoder.numbers(captions.caption.values[start:stop])


def feature_seed(seed: int, space: str, image_id: str) -> int:
    """Return the seed of what is drawn at random of a picture's features: 63 bits of a sha256.

    >>> feature_seed(0, "vdvae", "nsd46002") == feature_seed(0, "vdvae", "nsd46002")
    True
    """
    text = f"{seed}|{space}|{image_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") & (2**63 - 1)
