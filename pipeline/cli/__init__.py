"""The command line: what users type, turned into calls of the library, and what they read."""

from __future__ import annotations

from .program import main

__all__ = ["main"]
