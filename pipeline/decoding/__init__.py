"""Decoding: new brain data through a finished run, one row or many.

The stages of a run are functions of Datasets. Decoding calls the very same ones on responses whose training
rows are the run's and whose test rows are new, so that what it paints can't differ from what a run would have
painted.
"""

from __future__ import annotations

from .decoder import Decoder
from .pictures import decode

__all__ = ["Decoder", "decode"]
