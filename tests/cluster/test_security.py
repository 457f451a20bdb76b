"""Who may connect to what we start, and to what we connect."""

from __future__ import annotations

import json
import stat

import pytest

from cluster import ClusterConfigError, ClusterNotStarted, Slurm, Ssh, connect, parse
from cluster.security import environment, refuse_open_connection, temporary_keys, write_keys


@pytest.mark.parametrize("host", ["10.0.0.1", "cluster.example", "[2001:db8::1]"])
def test_unencrypted_connections_are_refused_before_connecting(host):
    with pytest.raises(ClusterConfigError, match="--insecure"):
        connect(parse(f"tcp://{host}:8786"))


@pytest.mark.parametrize("config", [Slurm(encryption=False), Ssh(hosts=["one"], encryption=False)])
def test_clusters_on_other_machines_are_encrypted(config):
    with pytest.raises(ClusterConfigError, match=r"encryption = false .* unencrypted.*--insecure"):
        connect(config)
    refuse_open_connection(config, insecure=True)
    refuse_open_connection(config.model_copy(update={"encryption": True}), insecure=False)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://10.0.0.1:1"]
)
def test_loopback_and_encrypted_connections_are_not_refused(address):
    connect(parse(address))


def test_unencrypted_connections_are_allowed_where_asked_for():
    connect(parse("tcp://10.0.0.1:8786"), insecure=True)


def test_a_scheduler_file_is_held_to_the_same(tmp_path):
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": "tcp://10.0.0.1:8786"}))
    with pytest.raises(ClusterConfigError, match="--insecure"):
        connect(parse(str(path)))
    path.write_text(json.dumps({"address": "tls://10.0.0.1:8786"}))
    connect(parse(str(path)))


def test_a_scheduler_file_that_is_not_there_says_how_it_comes_to_be(tmp_path):
    path = tmp_path / "scheduler.json"
    with pytest.raises(ClusterNotStarted, match=r"start the scheduler with: dask scheduler --scheduler-file"):
        connect(parse(str(path)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting"),
        ("{}", "it lacks 'address'"),
        ('{"address": "here"}', "tcp://HOST:PORT"),
        ("[]", "list"),
    ],
)
def test_a_scheduler_file_that_says_nothing_is_told(tmp_path, content, said):
    path = tmp_path / "scheduler.json"
    path.write_text(content)
    with pytest.raises(ClusterConfigError, match=rf"does not say where a scheduler is: .*{said}"):
        connect(parse(str(path)))


def test_keys_are_for_this_user_alone(tmp_path):
    folder = write_keys(tmp_path / "keys", temporary_keys())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {"keys": 0o700, "ca.crt": 0o600, "tls.crt": 0o600, "tls.key": 0o600}
    assert "PRIVATE KEY" in (folder / "tls.key").read_text()
    assert {path.split("/")[-1] for path in environment("x").values()} == {
        "ca.crt",
        "tls.crt",
        "tls.key",
        "True",
    }


def test_a_folder_of_keys_is_never_somebody_elses(tmp_path):
    (tmp_path / "keys").mkdir()
    with pytest.raises(FileExistsError):
        write_keys(tmp_path / "keys", temporary_keys())
