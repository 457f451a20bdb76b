"""The environment is as it was once nobody needs it to be otherwise."""

from __future__ import annotations

import os

import dask
import pytest

from cluster import environment_kept
from cluster.environment import WATCHED, job_variables


def test_what_is_written_is_taken_back_even_after_a_failure(monkeypatch):
    monkeypatch.setenv("VOX2PIX_WAS", "before")
    monkeypatch.delenv("VOX2PIX_WAS_NOT", raising=False)
    with pytest.raises(ZeroDivisionError):
        _write_and_fail()
    assert os.environ["VOX2PIX_WAS"] == "before"
    assert "VOX2PIX_WAS_NOT" not in os.environ


def _write_and_fail():
    with environment_kept(["VOX2PIX_WAS", "VOX2PIX_WAS_NOT"]):
        os.environ.update({"VOX2PIX_WAS": "after", "VOX2PIX_WAS_NOT": "after"})
        assert 1 / 0


def test_what_makes_processors_compute_alike_travels(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("MKL_CBWR", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    assert job_variables()["OPENBLAS_CORETYPE"] == "Haswell"
    assert not {"MKL_CBWR", "AWS_SECRET_ACCESS_KEY"} & job_variables().keys()


def test_workers_elsewhere_are_told_how_often_to_look_at_themselves():
    with dask.config.set():
        dask.config.refresh(env=job_variables())
        assert {name: dask.config.get(name) for name in WATCHED} == WATCHED
