"""The loopback server far away, on narrow lines, and out of order: what clients get stays right."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from storage.remote import Location
from storage.simulate.serve import serve
from storage.simulate.weather import SLACK, Pace, Weather

SIZE = 600_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("weather")
    (root / "big").write_bytes(np.random.default_rng(0).bytes(SIZE))
    return root


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


def place(server):
    return Location.of("s3://bucket/big", server.options)


def get(server, count=1):
    """Return status and body of plain requests, each over a connection of its own; a cut body is an error."""
    return [_get(server) for _ in range(count)]


def _get(server):
    line = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=30)
    try:
        line.request("GET", "/bucket/big")
        reply = line.getresponse()
        return reply.status, reply.read()
    except http.client.IncompleteRead as broken:
        return reply.status, broken
    finally:
        line.close()


def test_the_weather_is_fine_unless_said(folder):
    content = (folder / "big").read_bytes()
    with serve({"bucket": folder}) as server:
        assert get(server, 3) == [(200, content)] * 3
        assert (server.requests, server.bytes, server.cut) == (3, 3 * SIZE, 0)
        assert server.statuses == {200: 3}


def test_latency_is_waited_with_each_request(folder):
    with serve({"bucket": folder}, Weather(latency=0.05)) as server:
        began = time.monotonic()
        for at in range(4):
            place(server).read(at, 10)
        assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("weather", [Weather(rate=2e6), Weather(total_rate=4e6)])
def test_lines_are_no_faster_than_said(folder, weather):
    with serve({"bucket": folder}, weather) as server, ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        bodies = list(pool.map(lambda _: get(server)[0][1], range(2)))
        assert time.monotonic() - began >= 0.3 - 2 * SLACK  # 2 x 0.6 MB
    assert bodies == [(folder / "big").read_bytes()] * 2


def test_small_replies_add_up_to_the_rate_of_the_line_all_share(folder):
    with serve({"bucket": folder}, Weather(total_rate=1e6)) as server, ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        list(pool.map(lambda at: place(server).read(at * 1000, 1000), range(200)))
        assert time.monotonic() - began >= 0.2 - 2 * SLACK


def test_idle_time_is_not_made_up_for():
    pace = Pace()
    pace.start()
    time.sleep(0.05)
    assert pace.wait(1000, 1e5) == pytest.approx(0.01 - SLACK)
    assert 0.01 - SLACK < pace.wait(1000, 1e5) <= 0.02 - SLACK


def test_a_share_of_requests_is_refused_and_the_same_ones_again(folder):
    def seen(seed):
        with serve({"bucket": folder}, Weather(refused=0.4, seed=seed)) as server:
            statuses = [status for status, _ in get(server, 100)]
            assert server.statuses == {200: statuses.count(200), 503: statuses.count(503)}
        return statuses

    first = seen(1)
    assert 25 <= first.count(503) <= 55
    assert seen(1) == first != seen(2)


def test_a_refusal_is_what_s3_says(folder):
    with serve({"bucket": folder}, Weather(refused=1)) as server:
        ((status, body),) = get(server)
    assert status == 503
    assert b"<Code>SlowDown</Code>" in body


def test_a_share_of_bodies_breaks_off(folder):
    content = (folder / "big").read_bytes()
    with serve({"bucket": folder}, Weather(cut=0.5)) as server:
        bodies = [body for _, body in get(server, 40)]
        broken = [body for body in bodies if isinstance(body, http.client.IncompleteRead)]
        assert server.cut == len(broken)
        assert server.bytes == sum(len(getattr(body, "partial", body)) for body in bodies)
    assert 8 <= len(broken) <= 32
    assert all(content.startswith(body.partial) for body in broken)
    assert {body for body in bodies if body not in broken} == {content}


def test_a_location_reads_through_bad_weather(folder):
    content = (folder / "big").read_bytes()
    with serve({"bucket": folder}, Weather(refused=0.2, cut=0.2, seed=3)) as server:
        starts = range(0, SIZE, SIZE // 20)
        for at in starts:
            assert place(server).read(at, 5000) == content[at : at + 5000]
        assert server.requests == len(starts) + server.statuses[503] + server.cut > len(starts)


def test_weather_changes_while_it_is_served(folder):
    with serve({"bucket": folder}) as server:
        server.weather = Weather(refused=1)
        assert get(server)[0][0] == 503
        server.weather = Weather()
        assert get(server)[0][0] == 200


def test_a_file_is_replaced_between_two_requests(tmp_path):
    (tmp_path / "big").write_bytes(b"first")

    def replace(request):
        if request.headers.get("range") == "bytes=3-4":
            (tmp_path / "new").write_bytes(b"other one")
            (tmp_path / "new").replace(tmp_path / "big")

    with serve({"bucket": tmp_path}, before=replace) as server:
        assert place(server).read(0, 3) == b"fir"
        assert place(server).read(3, 2) == b"er"
