"""How a stored group is opened: lazily, and with a sentence where its bytes make no sense."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .documents import ABOUT, formed, parse
from .errors import Damaged, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from .remote import Location

#: One-block products up to this many bytes are loaded when opened.
LOADED = 64 * 2**20


@contextmanager
def readable(what: object) -> Iterator[None]:
    """Say in one sentence what zarr and xarray make of damaged bytes; a store's own errors pass.

    Raises
    ------
    Damaged
        If what is stored makes no sense.
    """
    try:
        yield
    except StorageError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise Damaged(
            f"{what} cannot be read ({reason}); `vox2pix verify` names what is damaged, "
            "`vox2pix run` writes it again"
        ) from None


@dataclass(frozen=True)
class Root:
    """The group's own metadata."""

    about: dict[str, Any]
    """What was said at creation: stage, settings, inputs, blocks."""
    consolidated: bool
    """Whether the arrays' metadata are in it as well."""


def read_root(data: Location) -> Root:
    """Read a group's own metadata, one request.

    Raises
    ------
    Missing
        If it is not there.
    Damaged
        If it makes no sense.
    """
    try:
        said = parse((data / "zarr.json").read())
        attributes = said.get("attributes")
        about = formed(attributes.get("vox2pix") if isinstance(attributes, dict) else None, ABOUT)
    except ValueError:
        raise Damaged(f"{data}/zarr.json is damaged; `vox2pix run` writes it again") from None
    return Root(about, "consolidated_metadata" in said)


def opened(data: Location, what: str, *, raw: bool) -> xr.Dataset:
    """Return a group lazily: its stored numbers without dask, or its arrays in their units.

    Raises
    ------
    Missing, Damaged
        Naming what it is, if its metadata are gone or make no sense.
    """
    root = read_root(data)
    with readable(what):
        return _read(data, root, chunks=None, mask_and_scale=False) if raw else _decoded(data, root)


def _decoded(data: Location, root: Root) -> xr.Dataset:
    """Return dask arrays of whole chunks; scaled ones as float32.

    Coordinates are loaded, all at once; so is a product of one block, if it is small.
    """
    dataset = _read(data, root, chunks={})
    dataset = dataset.assign_coords(dataset.coords.to_dataset().load().coords)
    scaled = [name for name, array in dataset.data_vars.items() if "scale_factor" in array.encoding]
    dataset = dataset.assign({name: dataset[name].astype("float32") for name in scaled})
    return dataset.load() if root.about["block"] is None and dataset.nbytes <= LOADED else dataset


def _read(data: Location, root: Root, **how: Any) -> xr.Dataset:
    import xarray as xr

    found: xr.Dataset = xr.open_zarr(data.zarr(), consolidated=root.consolidated, zarr_format=3, **how)
    return found
