"""An archive on S3, read and written by worker processes that find the credentials for themselves."""

from __future__ import annotations

import cloudpickle
import numpy as np
import pytest

from cluster import Local, Threads
from pipeline import run
from storage import Archive

SECRET = "correct-horse-battery-staple"
KEY = "AKIAWORKERSFINDITTHERE"


@pytest.fixture
def lab(s3_server, s3_bucket, monkeypatch):
    """Return an archive's URL and options; the credentials stand in the environment alone."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return f"s3://{s3_bucket}/lab", {"endpoint_url": s3_server}


def on_s3(lab) -> dict[str, object]:
    url, options = lab
    return {"data": {"archive": url, "storage_options": options}}


def stored_in(archive: Archive) -> dict[str, bytes]:
    """Return every chunk and every array's metadata."""
    names = (name for name, _ in archive.place.files())
    return {name: (archive.place / name).read() for name in names if "data" in name.split("/")[:-2]}


def test_worker_processes_write_the_same_bytes_to_s3(make_recipe, stored_bytes, tmp_path, lab):
    run(make_recipe(), cluster=Threads(workers=2), until="respond")
    expected = stored_bytes(tmp_path / "archive")
    recipe = make_recipe(on_s3(lab))
    outcome = run(recipe, cluster=Local(workers=2), until="respond")
    assert outcome.computed > 0
    assert stored_in(Archive(*lab)) == expected
    assert run(recipe, cluster=Local(workers=2), until="respond").computed == 0
    responses = Archive(*lab).open("responses", subject="s1")
    assert np.isfinite(responses.response.values).all()


def test_no_task_carries_credentials(make_recipe, lab, monkeypatch):
    import cluster

    sent = []
    dispatch = cluster.dispatch

    def noting(workers, tasks, **how):
        tasks = list(tasks)
        sent.extend(cloudpickle.dumps(task) for task in tasks)
        return dispatch(workers, tasks, **how)

    monkeypatch.setattr(cluster, "dispatch", noting)
    run(make_recipe(on_s3(lab)), cluster=Threads(workers=2), until="respond")
    assert len(sent) >= 6
    assert all(lab[0].encode() in task for task in sent)  # they know the place
    for secret in (SECRET, KEY):
        assert not any(secret.encode() in task for task in sent)
