"""What a cluster is given for itself, and what opens a store, stays out of all that is kept or shown."""

from __future__ import annotations

import tempfile

SECRET = "hush-9f2c"
CLUSTER = f"""
options = {{ env = {{ LAB_TOKEN = "{SECRET}" }}, preload = ["cluster.blas"] }}
"""


def test_credentials_are_in_no_archive_report_log_or_message(vox2pix, lab, monkeypatch):
    text = (lab / "recipe.toml").read_text()
    recipe = lab / "recipe.toml"
    recipe.write_text(text.replace('"threads"', '"local"').replace("workers = 2", "workers = 1") + CLUSTER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    (lab / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(lab / "tmp"))
    words = []
    for line in (
        ["plan", recipe, "--json"],
        ["doctor", recipe, "--json"],
        ["run", recipe, "-v", "--json"],
        ["run", recipe, "-v", "--debug", "--cluster", "local", "--set", "data.source=absent.npz"],
        ["run", recipe, "-q", "--set", "cluster.memory=10kB", "--set", "ridge.spaces.pixels.alpha=3"],
        ["report", recipe],
        ["status", recipe],
        ["show", "archive", "s1/images/final", "--json"],
        ["cluster", "check"],
    ):
        said = vox2pix(*line)
        words += [said.out, said.err]
    assert '"status": "done"' in words[4]
    kept = [path for path in lab.rglob("*") if path.is_file() and path != recipe]
    assert any(path.name == "report.html" for path in kept)
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]
    assert not [word for word in words if SECRET in word]
