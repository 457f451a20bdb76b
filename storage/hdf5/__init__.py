"""Datasets of HDF5 files anywhere, read by the bytes that are wanted and no others.

The header says how a dataset lies in its file; the chunks' tree is read only where chunks are wanted; what is
wanted of them is fetched by coalesced ranges. Whatever is built otherwise goes through h5py on a local copy.
"""

from .dataset import Dataset, open_dataset
from .run import read_run
from .walk import walk

__all__ = ["Dataset", "open_dataset", "read_run", "walk"]
