"""How the user of a command wants to be talked to: what the global options say."""

from __future__ import annotations

from dataclasses import dataclass

import click

_KEY = "vox2pix.manner"


@dataclass
class Manner:
    """How the user wants to be talked to."""

    json: bool = False
    """One JSON object on stdout in place of tables."""
    verbose: int = 0
    quiet: bool = False
    """Nothing on stderr but failures."""
    progress: bool = True
    debug: bool = False
    """Tracebacks."""


def manner(context: click.Context | None = None) -> Manner:
    """Return how the user of a command, by default the running one, wants to be talked to."""
    found: Manner = (context or click.get_current_context()).meta.setdefault(_KEY, Manner())
    return found
