"""How a stored group is opened: lazily, and with a sentence where its bytes make no sense."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .documents import parse
from .errors import Damaged, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from .remote import Location


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


def root_metadata(data: Location) -> dict[str, Any]:
    """Return the group's own metadata.

    Raises
    ------
    Missing
        If it is not there.
    ValueError
        If it cannot be read.
    """
    return parse((data / "zarr.json").read())


def open_raw(data: Location) -> xr.Dataset:
    """Return the stored numbers, lazily and without dask."""
    import xarray as xr

    dataset: xr.Dataset = xr.open_zarr(
        data.zarr(), chunks=None, mask_and_scale=False, consolidated=_consolidated(data)
    )
    return dataset


def open_decoded(data: Location, loaded: int = 0) -> xr.Dataset:
    """Return the arrays in their units, lazily, in dask arrays of whole chunks; scaled ones as float32.

    What has no more than `loaded` bytes is loaded.
    """
    import xarray as xr

    dataset: xr.Dataset = xr.open_zarr(data.zarr(), chunks={}, consolidated=_consolidated(data))
    dataset = dataset.assign_coords({name: coordinate.load() for name, coordinate in dataset.coords.items()})
    scaled = [name for name, array in dataset.data_vars.items() if "scale_factor" in array.encoding]
    dataset = dataset.assign({name: dataset[name].astype("float32") for name in scaled})
    return dataset.load() if dataset.nbytes <= loaded else dataset


def _consolidated(data: Location) -> bool:
    return "consolidated_metadata" in root_metadata(data)
