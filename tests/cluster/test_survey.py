"""What workers are, as each of them tells."""

from __future__ import annotations

from cluster.survey import survey


def test_a_workers_limit_is_its_own(local):
    faces = survey(local)
    assert set(faces) == {str(worker["name"]) for worker in local.workers().values()}
    assert {face.limit for face in faces.values()} == {2 * 10**9}
    assert all(face.headroom < face.limit for face in faces.values())
