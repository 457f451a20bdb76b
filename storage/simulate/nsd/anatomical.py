"""An atlas in the anatomical volume of 0.8 mm, and where each functional voxel lies in that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .volumes import MILLIMETRES, nifti_bytes

if TYPE_CHECKING:
    from .anatomy import Anatomy
    from .shelf import Shelf

EDGE = 0.8
"""Of a voxel, in millimetres."""
ATLAS, NAMES = "halves", ("left", "right")
NOWHERE = 9999.0
"""What NSD's transforms say of a voxel that the other volume does not reach."""


def write_anatomical(shelf: Shelf, subject: str, anatomy: Anatomy) -> None:
    """Write an atlas of the brain's halves, names of its labels, and the transform to func1pt8mm.

    The two volumes are of the same place, so a functional voxel's centre lies at 1.8 / 0.8 of its place; the
    transform counts from 1. The functional volume's last plane along z is out of the anatomical one's reach.
    """
    grid = tuple(int(np.ceil(count * MILLIMETRES / EDGE)) for count in anatomy.grid)
    at = np.moveaxis(np.indices(anatomy.grid), 0, -1)
    centre = (at + 0.5) * MILLIMETRES / EDGE + 0.5
    centre[:, :, -1] = NOWHERE
    place = f"nsddata/ppdata/{subject}/transforms/anat0pt8-to-func1pt8.nii.gz"
    shelf.put(place, nifti_bytes(centre.astype(np.float32)))
    labels = np.where(np.arange(grid[0]) < grid[0] / 2, 1, 2)[:, None, None]
    labels = np.broadcast_to(labels, grid).astype(np.int16).copy()
    labels[:, 0] = -1
    shelf.put(f"nsddata/ppdata/{subject}/anat/roi/{ATLAS}.nii.gz", nifti_bytes(labels, EDGE))
    table = "".join(f"{number} {name}\n" for number, name in enumerate(("Unknown", *NAMES)))
    shelf.put(f"nsddata/freesurfer/{subject}/label/{ATLAS}.mgz.ctab", table.encode())
