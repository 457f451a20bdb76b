from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from cluster import ClusterConfig, ClusterConfigError, connect, errors, human, parse, parse_bytes


@pytest.mark.parametrize("kind", ["local", "threads"])
def test_a_kind_is_a_word(kind):
    assert parse(kind) == ClusterConfig(kind=kind)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tls://cluster.example:8786"])
def test_an_address_is_a_word(address):
    assert parse(address) == ClusterConfig(kind="address", address=address)


@pytest.mark.parametrize("header", ["", "[cluster]\n"])
def test_a_file_holds_the_keys(tmp_path, header):
    path = tmp_path / "mine.toml"
    path.write_text(f'{header}kind = "local"\nworkers = 3\nmemory = "2GB"\noptions = {{ lifetime = "1h" }}\n')
    config = parse(str(path))
    assert config == ClusterConfig(workers=3, memory="2GB", options={"lifetime": "1h"})
    assert config.memory_bytes == 2_000_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locl", r"'locl' is no cluster; known: .*; did you mean 'local'\?"),
        ("absent.toml", "absent.toml is not there"),
        ("tcp://somewhere", "expected tcp://HOST:PORT"),
        ("http://somewhere:80", "expected tcp://HOST:PORT"),
    ],
)
def test_parse_raises_saying_what_is_known(text, said):
    with pytest.raises(ClusterConfigError, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('kind = "threds"', "unknown kind 'threds'; known: .*; did you mean 'threads'"),
        ("worker = 2", "unknown key 'worker'; known: .*; did you mean 'workers'"),
        ("workers = 0", "workers: .* greater than or equal to 1"),
        ('memory = "much"', "memory: 'much' is not a size"),
        ('kind = "address"', "go together"),
        ('kind = "address"\naddress = "tcp://127.0.0.1:1"\nworkers = 2', "somebody else started"),
        ('options = { host = "0.0.0.0" }', "must not hold host"),
        ("kind =", "can't be read as TOML"),
    ],
)
def test_a_file_raises_saying_what_is_wrong(tmp_path, content, said):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(ClusterConfigError, match=said) as caught:
        parse(str(path))
    assert caught.value.exit_code == 2


def test_a_configuration_does_not_change():
    with pytest.raises(ValidationError):
        ClusterConfig().workers = 3


@pytest.mark.parametrize("host", ["10.0.0.1", "cluster.example", "[2001:db8::1]"])
def test_unencrypted_connections_are_refused_before_connecting(host):
    with pytest.raises(ClusterConfigError, match="--insecure"):
        connect(parse(f"tcp://{host}:8786"))


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://10.0.0.1:1"]
)
def test_loopback_and_encrypted_connections_are_not_refused(address):
    connect(parse(address))


def test_unencrypted_connections_are_allowed_where_asked_for():
    connect(parse("tcp://10.0.0.1:8786"), insecure=True)


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("512 mb", 512 * 10**6)]
)
def test_sizes_are_read(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1XB", "1iB", "0.1B", "one"])
def test_sizes_raise_on_anything_else(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1500, "1.5 kB"), (2e6, "2.0 MB"), (3.04e12, "3.0 TB")]
)
def test_sizes_are_written(size, text):
    assert human(size) == text


@pytest.mark.parametrize("name", [name for name in vars(errors) if name[0].isupper() and name != "ClassVar"])
def test_errors_travel(name):
    error = getattr(errors, name)("one message")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), "one message")
    assert again.exit_code in {1, 2, 4}
