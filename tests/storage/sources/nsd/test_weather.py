"""Sessions through a server that refuses and cuts: the same numbers, also when several are read at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from storage.remote import Location
from storage.simulate.serve import serve
from storage.simulate.weather import Weather
from storage.sources.nsd import NsdSource

SUBJECT = "subj02"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("storage.patience.FIRST", 0.002)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@pytest.mark.parametrize("layout", ["voxels", "packed", "volumes", "contiguous", "latest", "nifti"])
def test_exact_in_bad_weather(tmp_path, make, layout):
    made = make(tmp_path, grid=(9, 8, 7), layout=layout)
    near = made.source(expression="brain").betas(SUBJECT)
    expected = made.everything()[:, made.volumes["brainmask"] > 0]
    np.testing.assert_array_equal(near.read(0, 42), expected)
    with serve({"b": tmp_path}) as server:
        far = NsdSource(Location.of("s3://b", server.options), expression="brain").betas(SUBJECT)
        server.weather = Weather(refused=0.4, cut=0.2, seed=5)
        with ThreadPoolExecutor(3) as pool:  # one task a session
            parts = list(pool.map(lambda at: far.read(at, at + 14), (0, 14, 28)))
        assert server.statuses[503] > 0
    np.testing.assert_array_equal(np.concatenate(parts), expected)
