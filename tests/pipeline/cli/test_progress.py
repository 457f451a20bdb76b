"""Progress: lines everywhere, a bar on a terminal, a line every 10 s elsewhere."""

from __future__ import annotations

import io
import sys
import time
from types import SimpleNamespace

import pytest

from pipeline.cli import progress
from pipeline.cli.manner import Manner
from pipeline.cli.printing import flops, plain, plain_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Step:
    def __str__(self) -> str:
        return "s1/betas"


WORKERS = SimpleNamespace(kind="local", slots=2, dashboard="http://127.0.0.1:1/status")


def work(listener, seconds: float = 0.0) -> None:
    listener.cluster_started(WORKERS)
    listener.stage_started(Step(), 3, 4)
    listener.block_done(Step(), 1000, 500)
    listener.block_retried(Step(), "s1/betas block 2", "OSError:\nodd")
    time.sleep(seconds)
    listener.note("something [odd]")
    listener.stage_finished(Step(), 3, 1.25)
    listener.stage_finished(Step(), 0, 0.0)


LINES = [
    "cluster: local, 2 workers, dashboard: http://127.0.0.1:1/status",
    "s1/betas: 1 of 4 blocks are there",
    "s1/betas block 2 is tried again: OSError: odd",
    "something [odd]",
    "s1/betas: 3 blocks in 1.2 s",
]


@pytest.mark.parametrize("manner", [Manner(), Manner(progress=False)])
def test_lines(capsys, manner):
    with progress.listening(manner) as listener:
        work(listener)
    assert capsys.readouterr().err.splitlines() == LINES


def test_quiet_is_quiet_and_verbose_tells_of_what_is_there(capsys):
    with progress.listening(Manner(quiet=True)) as listener:
        work(listener)
    assert capsys.readouterr().err == ""
    with progress.listening(Manner(verbose=1)) as listener:
        work(listener)
    assert capsys.readouterr().err.splitlines() == [*LINES, "s1/betas: there already"]


def test_a_plain_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.05)
    with progress.listening(Manner()) as listener:
        work(listener, seconds=0.3)
    found = [line for line in capsys.readouterr().err.splitlines() if line not in LINES]
    assert found
    assert found[0].startswith("s1/betas: 1/3 blocks, ")
    assert found[0].endswith("2 workers, 1 tried again")


def test_a_bar_below_the_lines(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with progress.listening(Manner()) as listener:
        work(listener, seconds=0.3)
    assert all(line in stream.getvalue() for line in LINES)
    assert "1/3 blocks" in stream.getvalue()


def test_what_is_left():
    tally = progress.Tally("s1/betas", 100, slots=4, began=0.0)
    assert tally.told(1.0) == "0/100 blocks, 4 workers"
    tally.done, tally.bytes, tally.retries = 10, 5_000_000, 2
    assert tally.told(10.0) == "10/100 blocks, 1.0 blocks/s, 500.0 kB/s, 1:30 left, 4 workers, 2 tried again"


def test_blocks_that_come_together_are_told_by_what_is_done_of_them(capsys):
    listener = progress.Talk(verbose=False)
    listener.stage_started(Step(), 8, 8)
    for blocks, told in ((1.25, "1.2/8 blocks, "), (4.0, "4.0/8 blocks, ")):
        listener.under_way(Step(), blocks)
        assert listener.tally.told(time.monotonic()).startswith(told)
    for _ in range(4):  # they are there at once, and are not counted twice
        listener.block_done(Step(), 1000, 0)
    assert listener.tally.told(time.monotonic()).startswith("4/8 blocks, ")
    assert capsys.readouterr().err == ""


def test_tables_numbers_and_json():
    table = plain_table([{"a": "x", "n": "10"}, {"a": "long", "n": "1"}], ["n"])
    assert table == "a      n\nx     10\nlong   1"
    assert [flops(n) for n in (999, 1e3, 2.5e6, 1e9, 1e12, 3e15)] == [
        *("999", "1.0 k", "2.5 M", "1.0 G", "1.0 T", "3.0 P")
    ]
    assert plain([1.5, float("inf"), None, "x", True]) == [1.5, None, None, "x", True]


def test_a_table_on_a_terminal(monkeypatch):
    from pipeline.cli.printing import put_table

    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    put_table([{"product": "a[b]", "n": "1"}], ["n"])
    put_table([])
    assert "a[b]" in stream.getvalue()


def test_a_training_says_how_far_it_is(capsys):
    with progress.listening(Manner(progress=False)) as listener:
        listener.stage_started(Step(), 1, 1)
        said = {"step": 300, "steps": 1300, "loss": 0.0312, "val_loss": 0.05, "seconds_left": 130}
        listener.trained(Step(), {**said, "at": time.time()})
        assert listener.tally.told(0.0) == "step 300 of 1300, loss 0.0312, validation 0.05, 2:10 left"
    assert capsys.readouterr().err == ""
