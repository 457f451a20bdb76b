"""What came out: results for notebooks, and the report for everybody else."""

from __future__ import annotations

from .results import Results, open_results
from .write import write_report

__all__ = ["Results", "open_results", "write_report"]
