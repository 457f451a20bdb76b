"""The Natural Scenes Dataset, as it lies on S3 or in a folder with the same names."""

from __future__ import annotations

from .source import NsdSource
from .view import open_stimuli

__all__ = ["NsdSource", "open_stimuli"]
