"""`run` computes what is missing, says so, and is resumed by the same command after any stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.printing import ReaderGone


def test_run_prints_scores_and_where_things_are(vox2pix, lab):
    said = vox2pix("run", "recipe.toml")
    assert said.code == 0
    header, first, second, last = said.out.splitlines()
    assert header.split() == ["subject", "scores", "metric", "mean", "95", "%", "interval", "chance", "n"]
    assert first.split()[:3] == ["s1", "final", "pixcorr"]
    assert second.split()[-1] == "6"
    assert last == f"Archive: {lab / 'archive'}   Report: vox2pix report recipe.toml"
    assert "cluster: threads, 2 workers" in said.err
    assert "s1/responses: 1 block in" in said.err


def test_run_json_is_one_object_and_the_second_run_computes_nothing(vox2pix, lab):
    first, second = (vox2pix("run", "recipe.toml", "--json").json for _ in range(2))
    assert first["status"] == second["status"] == "done"
    assert first["archive"] == str(lab / "archive")
    assert set(first["moved"]) == {"bytes", "requests"}
    products = first["subjects"]["s1"]["products"]
    assert set(products[0]) == {"name", "fingerprint", "blocks", "computed", "bytes", "seconds"}
    assert all(product["computed"] == product["blocks"] for product in products)
    assert set(first["subjects"]["s1"]["scores"]["final"]["pixcorr"]) == {
        "mean",
        "low",
        "high",
        "chance",
        "n",
    }
    for entry in second["subjects"].values():
        assert all(product["computed"] == 0 for product in entry["products"])
    assert second["subjects"]["s1"]["scores"] == first["subjects"]["s1"]["scores"]


def test_nothing_to_compute_is_said(vox2pix, done):
    said = vox2pix("run", "recipe.toml")
    count = len(vox2pix("ls", "archive", "--json").json["products"])
    assert said.out.splitlines()[0] == f"Nothing to compute: all {count} products are there."
    assert said.err == ""


def test_verbose_tells_of_what_is_there_and_quiet_of_nothing(vox2pix, done):
    assert "s1/gram/all: there already" in vox2pix("-v", "run", "recipe.toml").err
    assert vox2pix("run", "recipe.toml", "-q", "--set", "ridge.spaces.pixels.alpha=20").err == ""


def test_until_subject_set_and_archive(vox2pix, lab):
    said = vox2pix(
        *("run", "recipe.toml", "--until", "respond", "--subject", "s1"),
        *("--archive", "elsewhere", "--set", "responses.standardize=none"),
    )
    assert said.code == 0
    assert not (lab / "archive").exists()
    names = {path.name for path in (lab / "elsewhere" / "s1").iterdir()}
    assert {"betas", "responses"} <= names
    assert "gram" not in names
    report = "--set responses.standardize=none --subject s1 --archive elsewhere"
    assert said.out.endswith(f"Report: vox2pix report recipe.toml {report}\n")


def test_archive_of_the_command_line_is_taken_from_the_working_folder(vox2pix, lab, monkeypatch):
    (lab / "below").mkdir()
    monkeypatch.chdir(lab / "below")
    assert vox2pix("run", "../recipe.toml", "--until", "ingest", "--archive", "mine").code == 0
    assert (lab / "below" / "mine" / "archive.json").exists()


def test_another_file_is_another_product(vox2pix, done, arrays):
    np.savez(done / "release.npz", **{**arrays, "xTrain": arrays["xTrain"] + 1})
    said = vox2pix("run", "recipe.toml")
    assert said.code == 0
    assert "Nothing to compute" not in said.out
    assert "Nothing to compute" in vox2pix("run", "recipe.toml", "--refresh").out


def test_a_local_cluster_prints_its_dashboard(vox2pix, lab):
    said = vox2pix("run", "recipe.toml", "--until", "ingest", "--cluster", "local")
    assert said.code == 0
    assert "dashboard: http://127.0.0.1:" in said.err


def wait_for(process: subprocess.Popen[str], condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["threads", "local"])
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        pytest.param(signal.SIGINT, 130, "interrupted", id="ctrl-c"),
        pytest.param(signal.SIGTERM, 143, "terminated", id="terminated", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_keeps_its_blocks_and_says_how_to_go_on(lab, start, vox2pix, kind, number, code, word):
    # so many targets that seconds of work are left when the signal comes, on a busy machine too
    much = ["--set", "features.pixels.size=384"]
    command = ["run", "recipe.toml", *much, "--json", "--cluster", kind, "--no-progress"]
    process = start(lab, *command)
    wait_for(process, lambda: any((lab / "archive").glob("s1/trials/*/done/00000.json")))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    last = err.splitlines()[-1]
    assert last == f"vox2pix: {word}; finished blocks are kept, go on with: vox2pix {' '.join(command)}"
    said = json.loads(out)
    assert (said["status"], said["exit"]) == ("interrupted", code)
    assert "Traceback" not in err
    assert vox2pix(*command[:-3]).json["status"] == "done"
    assert vox2pix("verify", "archive", "--json").json["damaged"] == []


def test_a_reader_who_leaves_is_no_failure(done):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    program = f"{sys.executable} -m pipeline.cli"
    shell = ["bash", "-c", f"set -o pipefail; {program} ls archive --json | true"]
    ended = subprocess.run(shell, cwd=done, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_reader_who_leaves_is_seen(monkeypatch):
    from pipeline.cli import printing

    class Gone:
        def write(self, _text):
            raise BrokenPipeError

        def fileno(self):
            raise OSError

    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(ReaderGone):
        printing.put("data")
    monkeypatch.setattr(sys, "stderr", Gone())
    printing.tell("nobody listens, and the work goes on")
