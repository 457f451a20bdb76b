"""Who has no business with a scheduler, and tries."""

from __future__ import annotations

import subprocess
import sys

TRIES = """
import sys, time
from distributed import Client, Security
address, other = sys.argv[1], Security.temporary()
for where, security in [(address.replace("tls://", "tcp://"), None), (address, None), (address, other)]:
    try:
        Client(where, security=security, timeout=3)
    except Exception as error:
        print("refused", type(error).__name__)
    else:
        print("let in", where)
"""


def are_kept_out(address, inside=()):
    """Assert that a plain client does not get in: without encryption, without keys, with those of others.

    It is a process of its own, by a command that puts it `inside` something.
    """
    assert address.startswith("tls://")
    command = [*inside, sys.executable, "-c", TRIES, address]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["refused"] * 3, told
