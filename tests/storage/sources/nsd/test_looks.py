"""How often a store is asked before the first byte comes: counts that time follows from, far away."""

from __future__ import annotations

import re

import pytest

from storage.hdf5 import open_dataset
from storage.remote import Location
from storage.simulate.serve import serve
from storage.sources.nsd import NsdSource

SUBJECT = "subj02"
BETAS = f"nsddata_betas/ppdata/{SUBJECT}/func1pt8mm/betas_fithrf_GLMdenoise_RR"


@pytest.fixture
def far(release, monkeypatch):
    """Yield the release behind a server, and what the server was asked: method and name."""
    asked = []
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    with serve({"nsd": release.root}, before=asked.append) as server:
        yield Location.of("s3://nsd", server.options), asked


def test_a_session_is_looked_at_once(far):
    """One HEAD says which version is read; the tree's root lies in the header that is read anyhow."""
    place, asked = far
    betas = NsdSource(place).betas(SUBJECT)
    betas.read(0, 14)  # from here on the index is known
    asked.clear()
    betas.read(14, 28)
    name = f"{BETAS}/betas_session02.hdf5"
    assert {request.path for request in asked} == {f"/nsd/{name}"}
    assert [request.method for request in asked] == ["HEAD", *["GET"] * (len(asked) - 1)]
    asked = asked[1:]
    root = open_dataset(place / name, "betas").layout.address
    spans = [re.findall(r"\d+", request.headers["range"]) for request in asked]
    assert [first for first, last in spans if int(first) <= root <= int(last)] == ["0"]
