"""Who has no business with a scheduler, and tries."""

from __future__ import annotations

from pipeline.bench.resilience.sockets import TRIES, strangers


def are_kept_out(address, inside=()):
    """Assert that a plain client does not get in, whatever it tries."""
    assert address.startswith("tls://")
    assert strangers(address, inside) == ["refused"] * TRIES
