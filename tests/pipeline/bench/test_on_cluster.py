"""A workload is measured on a cluster as it is, and its JSON says what each stage and worker took."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest

from cluster import Local, NeedUnmet, Threads, connect, parse
from pipeline.bench import workloads
from pipeline.bench.catalogue import WORKLOADS, load, save, save_page, workload
from pipeline.bench.on_cluster import measure_on
from pipeline.bench.plot import svg
from pipeline.bench.sections import markdown
from pipeline.bench.usage import begun, used
from pipeline.errors import RecipeError
from storage.remote import Location

SMALL = {"images": 30, "grid": [8, 10, 6], "size": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The folder that all measurements here share."""
    return Location.of(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def ours(data):
    """A ridge measured twice by threads."""
    return measure_on(workload("ridge", "quick", SMALL), Threads(workers=2), data, repeats=2, command="this")


def test_stages_and_workers_are_recorded(ours, data, tmp_path):
    result = json.loads(json.dumps(ours))
    (case,) = result["cases"]
    assert result["cluster"]["kind"] == "threads"
    assert result["size"]["images"] == 30
    assert len(case["runs"]) == 2
    for run in case["runs"]:
        assert {row["stage"] for row in run["stages"]} == {"gram", "regress"}
        assert run["tasks"] == sum(row["tasks"] for row in run["stages"]) == 5
        assert (run["retries"], run["lost"]) == (0, 0)
        assert run["stored"] > 0
        assert run["read"] > run["stored"]
        assert run["wall"] == pytest.approx(sum(row["wall"] for row in run["stages"]))
        (worker,) = run["workers"].values()
        assert worker["tasks"] == run["tasks"]
        assert worker["peak"] == run["largest"] > 30e6
        assert worker["device"] is None
        assert "device" not in run
    save(result, tmp_path)
    assert load(tmp_path / "ridge.json") == result


def test_tables_and_plots_tell_of_each_product_and_worker(ours):
    text, drawn = markdown(ours), svg(ours)
    for said in ("subj01/gram/all", "subj01/predictions/pixels", "this process", "Cluster: threads, 2 slots"):
        assert said in text
    for said in ("gram/all", "predictions/pixels", "this process"):
        assert said in drawn


def test_what_is_measured_is_made_anew_and_what_it_takes_is_kept(ours, data):
    told = []
    measure_on(workload("ridge", "quick", SMALL), Threads(workers=1), data, repeats=1, heard=told.append)
    assert [line for line in told if line.endswith(" s")] == [told[-1]]
    made = {place.parent.name: place for place in data.local.glob("archive/subj01/**/product.json")}
    assert made


class Links(HTMLParser):
    """All that a page would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.found += [value for name, value in attributes if name in {"src", "href"}]


EVIL = "<script>alert('x')</script>"


def test_the_page_needs_nothing_but_itself_and_runs_nothing(ours, tmp_path):
    result = json.loads(json.dumps(ours).replace("this process", EVIL).replace("subj01", EVIL))
    result["command"] = EVIL
    page = save_page({**result, "probes": EVIL}, tmp_path).read_text("utf-8")
    links = Links()
    links.feed(page)
    assert links.found == []
    assert "script" not in links.tags
    assert page.count("&lt;script&gt;") > 10
    assert "svg" in links.tags


@pytest.fixture(scope="module")
def theirs():
    """A scheduler with two workers that somebody else runs."""
    with connect(Local(workers=2, memory="2GB")) as workers:
        yield workers


def test_a_cluster_of_somebody_else_is_used_and_left(theirs, data, tmp_path):
    before = {name: worker["pid"] for name, worker in _pids(theirs).items()}
    report = tmp_path / "ridge-dask.html"
    result = measure_on(
        workload("ridge", "quick", SMALL), parse(theirs.address), data, repeats=1, report=report
    )
    assert {name: worker["pid"] for name, worker in _pids(theirs).items()} == before
    (run,) = result["cases"][0]["runs"]
    assert set(run["workers"]) == {"0", "1"}
    assert sum(worker["tasks"] for worker in run["workers"].values()) == run["tasks"] == 5
    assert all(30e6 < worker["peak"] < 2e9 for worker in run["workers"].values())
    assert not any(worker["restarted"] for worker in run["workers"].values())
    assert {member["limit"] for member in result["cluster"]["workers"].values()} == {2 * 10**9}
    page = save_page(result, tmp_path).read_text("utf-8")
    assert 'href="ridge-dask.html"' in page


def _pids(workers):
    return {name: {"pid": found.process} for name, found in workers.each(used).items()}


def test_a_worker_that_dies_is_told(theirs, data):
    """The case's own disturbance kills a worker before anything is made."""

    @contextmanager
    def killed(workers):
        process = psutil.Process(workers.each(used)["0"].process)
        process.kill()
        process.wait(60)
        theirs.client.wait_for_workers(1, timeout=60)
        yield

    chosen = workload("ridge", "quick", SMALL)
    disturbed = type(chosen)(**{**vars(chosen), "cases": {"one killed": killed}})
    result = measure_on(disturbed, parse(theirs.address), data, repeats=1)
    (case,) = result["cases"]
    assert case["name"] == "one killed"
    assert case["runs"][0]["tasks"] == 5
    theirs.client.wait_for_workers(2, timeout=60)


def test_memory_that_is_held_counts_for_its_stage_alone():
    begun()
    held = bytearray(60_000_000)
    held[::4096] = b"x" * len(held[::4096])
    large = used().peak
    del held
    begun()
    assert large - used().peak > 50e6
    assert used().device is None


def test_what_no_worker_can_hold_is_refused_before_it_is_tried(data):
    with pytest.raises(NeedUnmet, match="needs about"):
        measure_on(workload("ridge", "quick", SMALL), Threads(workers=1, memory="1MB"), data)


@pytest.mark.root
def test_workers_that_do_not_see_the_data_are_refused(tmp_path):
    """A worker in a mount namespace of its own has another folder at that place."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    file, folder = tmp_path / "scheduler.json", tmp_path / "data"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny"]
    hidden = f'mount -t tmpfs none {folder} && exec "$@"'
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [
        subprocess.Popen([*scheduler, "--scheduler-file", file, *here], **quiet),
        subprocess.Popen(
            ["unshare", "-m", "sh", "-c", hidden, "sh", *worker, "--scheduler-file", file, *here], **quiet
        ),
    ]
    try:
        deadline = time.monotonic() + 120
        while not file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        chosen, config = workload("ridge", "quick", SMALL), parse(str(file))
        while True:
            try:
                with pytest.raises(NeedUnmet, match=r"does not see .*--data"):
                    measure_on(chosen, config, Location.of(folder))
            except ConnectionError:  # its worker is not there yet
                assert time.monotonic() < deadline
                time.sleep(0.5)
            else:
                break
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("size", workloads.SIZES)
def test_every_workload_has_every_size(name, size):
    found = workload(name, size, {"images": 40})
    assert found.name == name
    assert found.size["images"] == 40
    assert found.stages


def test_a_number_that_no_release_has_is_refused(data):
    with pytest.raises(RecipeError, match=r"'image' is no number of a release.*did you mean 'images'"):
        workload("ridge", "quick", {"image": 3})
    for value in (3, [1, 2], [1, 2, "3"], [1.5, 2, 3]):
        with pytest.raises(RecipeError, match=r"grid = .*; expected three whole numbers"):
            workload("ridge", "quick", {"grid": value})
    for value in ([3], True, "3"):
        with pytest.raises(RecipeError, match=r"images = .*; expected a whole number"):
            workload("ridge", "quick", {"images": value})
    with pytest.raises(RecipeError, match="can't be simulated"):
        measure_on(workload("ridge", "quick", {"images": 3}), Threads(workers=1), data)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "generate", "whole"])
def test_every_workload_comes_through(name, data):
    result = measure_on(workload(name, "quick", {}), Threads(workers=2), data, repeats=1)
    (run,) = result["cases"][0]["runs"]
    assert {row["stage"] for row in run["stages"]} == set(workload(name, "quick", {}).stages)
    assert all(row["tasks"] >= 1 for row in run["stages"])


@pytest.mark.slow
def test_workers_of_a_cluster_are_killed_and_the_same_bytes_come_of_it(data):
    found = measure_on(workload("resilience", "quick", {}), Local(workers=2, memory="1GB"), data, repeats=1)
    runs = [run for case in found["cases"] for run in case["runs"]]
    assert [run["harmed"] for run in runs] == [0, 1, 3, 12]
    assert [run["identical"] for run in runs] == [1.0] * 4
    assert runs[0]["lost"] == 0 < runs[-1]["lost"]
    assert "archive identical" in markdown(found)


def test_workers_that_can_not_be_killed_are_told_before_anything_is_simulated(tmp_path):
    data = Location.of(tmp_path / "data")
    with pytest.raises(NeedUnmet, match="'threads' cluster has no processes; name another kind"):
        measure_on(workload("resilience", "quick", {}), Threads(workers=1), data, repeats=1)
    assert not list(tmp_path.iterdir())
