"""Ready-made voxels and pictures: named arrays in a file or folder, local or on S3."""

from __future__ import annotations

from .source import ArraysSource

__all__ = ["ArraysSource"]
