"""Operations for the three spaces of Brain-Diffuser on NSD, as its scripts do it and as here: counted.

The scripts (Ozcelik and VanRullen 2023) fit scikit-learn's Ridge once to VDVAE's latents, once to each of 77
tokens of CLIP's text and once to each of 257 of its vision, and each fit forms and factors the same Gram.
"""

from __future__ import annotations

from ... import ridge
from .problem import Size

ROWS, TEST, VOXELS = 8859, 982, 15_724
"""Of subject 1 and the region nsdgeneral."""
SPACES = {"VDVAE": (1, 91_168), "CLIP text": (77, 768), "CLIP vision": (257, 768)}
"""Fits of the scripts, and targets of each."""
SCRIPTED, OURS = "operations as scripted", "operations here"


def counted() -> list[dict[str, str | float]]:
    """Return a row a space, each as if it were alone, and one for all with what they share made once."""
    rows = [
        _row(name, fits, fits * width, fits * _fit(width), _shared() + _own(fits * width))
        for name, (fits, width) in SPACES.items()
    ]
    fits = sum(fits for fits, _ in SPACES.values())
    targets = sum(fits * width for fits, width in SPACES.values())
    scripted = sum(fits * _fit(width) for fits, width in SPACES.values())
    ours = _shared() + sum(_own(fits * width) for fits, width in SPACES.values())
    return [*rows, _row("all three, one Gram", fits, targets, scripted, ours)]


def _row(name: str, fits: int, targets: int, scripted: int, ours: int) -> dict[str, str | float]:
    said: dict[str, str | float] = {"space": name, "fits": fits, "targets": targets}
    return {**said, SCRIPTED: float(scripted), OURS: float(ours), "ratio": scripted / ours}


def _fit(targets: int) -> int:
    """Return what one fit of the scripts takes."""
    return Size(n=ROWS, m=TEST, p=VOXELS, t=targets).as_scripted


def _shared() -> int:
    """Return what is made once for all spaces: the Gram, and the test rows against the training rows."""
    return ridge.gram_band_flops(0, ROWS, VOXELS) + ridge.cross_flops(ROWS, VOXELS, TEST)


def _own(targets: int) -> int:
    """Return what a space takes with an alpha of its own: factor, smoother, predictions."""
    return ridge.factor_flops(ROWS, TEST) + ridge.predict_flops(ROWS, TEST, targets)
