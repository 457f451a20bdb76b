"""How often a store is asked before the first byte comes: counts that time follows from, far away."""

from __future__ import annotations

import os
import re

import pytest

from storage.errors import Changed
from storage.hdf5 import open_dataset
from storage.remote import Location
from storage.simulate.serve import serve
from storage.sources.nsd import NsdSource
from storage.sources.nsd.layout import STIMULI

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


def test_pictures_are_looked_at_when_they_are_opened(far):
    """Each block of them asks for its pictures and for nothing else."""
    place, asked = far
    pictures = NsdSource(place).images(SUBJECT)
    pictures.read(0, 2)  # from here on the file is known
    asked.clear()
    pictures.read(2, 4)
    assert 1 <= len(asked) <= 2
    assert {(request.method, request.path) for request in asked} == {("GET", f"/nsd/{STIMULI}")}


def test_pictures_that_were_replaced_are_not_read(release):
    pictures = NsdSource(Location.of(release.root)).images(SUBJECT)
    pictures.read(0, 2)
    os.utime(release.root / STIMULI, ns=(1, 1))
    with pytest.raises(Changed, match=r"nsd_stimuli\.hdf5 was written"):
        pictures.read(2, 4)
