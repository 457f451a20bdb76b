"""How alike seen and made pictures are: scores, their chance levels and their intervals."""

from __future__ import annotations

from .bootstrap import interval
from .correlation import pixcorr
from .identification import two_way, two_way_pixels
from .registry import METRICS, Metric
from .structure import ssim, ssim_columns
from .table import Stack, Table, memory, table

__all__ = [
    "METRICS",
    "Metric",
    "Stack",
    "Table",
    "interval",
    "memory",
    "pixcorr",
    "ssim",
    "ssim_columns",
    "table",
    "two_way",
    "two_way_pixels",
]
