from __future__ import annotations

import pickle

import dask
import pytest
import yaml
from pydantic import ValidationError

from cluster import (
    Address,
    ClusterConfigError,
    Cuda,
    Kubernetes,
    Local,
    SchedulerFile,
    Slurm,
    Ssh,
    Threads,
    chosen,
    errors,
    human,
    parse,
    parse_bytes,
)
from cluster.kinds import MODELS


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine():
    with dask.config.set({"vox2pix": {}}):
        yield


@pytest.mark.parametrize(
    ("word", "kind"),
    [("local", Local), ("threads", Threads), ("cuda", Cuda), ("slurm", Slurm), ("kubernetes", Kubernetes)],
)
def test_a_kind_is_a_word(word, kind):
    assert parse(word) == kind()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tls://cluster.example:8786"])
def test_an_address_is_a_word(address):
    assert parse(address) == Address(address=address)


def test_a_scheduler_file_is_a_word():
    assert parse("here/scheduler.json") == SchedulerFile(file="here/scheduler.json")


@pytest.mark.parametrize("header", ["", "[cluster]\n"])
def test_a_toml_file_holds_the_keys(tmp_path, header):
    path = tmp_path / "mine.toml"
    path.write_text(f'{header}kind = "local"\nworkers = 3\nmemory = "2GB"\noptions = {{ lifetime = "1h" }}\n')
    config = parse(str(path))
    assert config == Local(workers=3, memory="2GB", options={"lifetime": "1h"})
    assert config.memory_bytes == 2_000_000_000


def test_a_whole_recipe_holds_them_too(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('seed = 0\n[data]\nsource = "x"\n[cluster]\nkind = "threads"\nworkers = 3\n')
    assert parse(str(path)) == Threads(workers=3)


@pytest.mark.parametrize("indent", [(), ("cluster",), ("vox2pix", "cluster")])
def test_a_yaml_file_holds_the_keys_as_dasks_own_does(tmp_path, indent):
    table: dict = {"kind": "ssh", "hosts": ["one", "two"], "gpu": {"workers": 2}}
    for key in reversed(indent):
        table = {key: table}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(table))
    config = parse(str(path))
    assert (config.hosts, config.gpu.workers, config.encryption) == (("one", "two"), 2, True)


def test_dasks_configuration_is_read_from_the_environment():
    env = {
        "DASK_VOX2PIX__CLUSTER__KIND": "slurm",
        "DASK_VOX2PIX__CLUSTER__WORKERS": "4",
        "DASK_VOX2PIX__CLUSTER__GPU__WORKERS": "2",
        "DASK_VOX2PIX__CLUSTER__OPTIONS__QUEUE": "gpu",
    }
    with dask.config.set(dask.config.collect(paths=[], env=env)):
        config = chosen(None, {})
        assert config == Slurm(workers=4, gpu={"workers": 2}, options={"queue": "gpu"})
        assert parse("slurm") == config
        assert parse("local") == Local()


def test_the_command_line_comes_before_the_recipe_and_the_recipe_before_the_machine():
    with dask.config.set({"vox2pix.cluster": {"kind": "local", "workers": 1}}):
        assert chosen("threads", {"kind": "ssh", "hosts": ["a"]}) == Threads()
        assert chosen("ssh", {"kind": "ssh", "hosts": ["a"]}) == Ssh(hosts=["a"])
        assert chosen(None, {"workers": 3}) == Local(workers=3)
        assert chosen(None, {}) == chosen("local", {}) == Local(workers=1)
    assert chosen(None, {}) == Local()


@pytest.mark.parametrize("table", [{"kind": "locl"}, {"worker": 1}, "slurm"])
def test_a_mistake_in_dasks_configuration_says_where_it_is(table):
    with (
        dask.config.set({"vox2pix.cluster": table}),
        pytest.raises(ClusterConfigError, match=r"vox2pix\.cluster of dask's configuration"),
    ):
        chosen(None, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locl", r"'locl' is no cluster; known: .*; did you mean 'local'\?"),
        ("slrum", r"'slrum' is no cluster; known: .*; did you mean 'slurm'\?"),
        ("ssh", "'ssh' needs the key 'hosts'; add it"),
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
        ("worker = 2", "no key 'worker'; known: .*; did you mean 'workers'"),
        ('kind = "slurm"\ngpu = { worker = 2 }', r"no key 'gpu\.worker'; known: .*; did you mean 'workers'"),
        ("workers = 0", "workers = 0; expected 1 or more"),
        ("workers = 100000000", "workers = 100000000; expected 10000 or less"),
        ("workers = true", "workers = true; expected a whole number"),
        ('workers = "two"', "workers = 'two'; expected a whole number"),
        ("memory = 2000000000", "memory = 2000000000; expected a number with a unit, in quotes, like '2GB'"),
        ("options = 3", "options = 3; expected a table"),
        ('memory = "much"', "memory: 'much' is not a size"),
        ('kind = "cuda"\ngpu = { memory = "much" }', r"gpu\.memory: 'much' is not a size"),
        ('kind = "address"', "'address' needs the key 'address'"),
        ('kind = "address"\naddress = "tcp://127.0.0.1:1"\nworkers = 2', "'address' has no key 'workers'"),
        ('kind = "ssh"\nhosts = []', r"hosts = \[\]; expected at least 1"),
        ('kind = "ssh"\nhosts = [""]', "hosts.0 = ''; expected at least one character"),
        ('kind = "ssh"\nhosts = "alpha"', r"hosts = 'alpha'; expected a list, like \['one', 'two'\]"),
        ('kind = "slurm"\nwait = 0', "wait = 0; expected more than 0"),
        ("", "is empty; expected the keys"),
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


@pytest.mark.parametrize(
    ("content", "said"),
    [("kind: [", "can't be read as YAML"), ("- 1", "holds no table"), ("", "is empty; expected the keys")],
)
def test_a_yaml_file_raises_saying_what_is_wrong(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ClusterConfigError, match=said):
        parse(str(path))


def test_a_configuration_does_not_change():
    with pytest.raises(ValidationError):
        Local().workers = 3


@pytest.mark.parametrize("model", MODELS.values())
def test_options_that_are_ours_are_refused(model):
    needed = {"address": "tls://a:1", "hosts": ["a"], "file": "a"}
    given = {key: value for key, value in needed.items() if key in model.model_fields}
    assert model.ours
    for option in model.ours:
        with pytest.raises(ValidationError, match=f"must not hold {option}"):
            model(**given, options={option: 1})


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
