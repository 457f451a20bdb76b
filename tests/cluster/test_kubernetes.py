"""The manifest, built by dask-kubernetes' own functions, against the schema of its operator."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml
from jsonschema import Draft4Validator

from cluster import ClusterConfigError, ClusterNotStarted, Gpu, Kubernetes, connect
from cluster.environment import NANNY
from cluster.kubernetes import manifest, text


def schema_of(resource):
    folder = (
        files("dask_kubernetes") / "operator" / "deployment" / "helm" / "dask-kubernetes-operator" / "crds"
    )
    text = (folder / f"{resource['kind'].lower()}.yaml").read_text(encoding="utf-8")
    [version] = [one for one in yaml.safe_load(text)["spec"]["versions"] if one["name"] == "v1"]
    return version["schema"]["openAPIV3Schema"]


def mistakes(resource):
    return [error.message for error in Draft4Validator(schema_of(resource)).iter_errors(resource)]


ASKED = Kubernetes(
    workers=3,
    memory="4GB",
    gpu=Gpu(workers=2, memory="16GB"),
    options={"name": "mine", "image": "lab/vox2pix:1", "env": {"A": "b"}},
)


@pytest.mark.parametrize("config", [Kubernetes(), ASKED])
def test_the_manifest_is_what_the_operator_takes(config):
    for resource in manifest(config):
        assert mistakes(resource) == []


def test_the_schema_sees_a_mistake():
    cluster = manifest(ASKED)[0]
    cluster["spec"]["worker"]["replicas"] = "three"
    del cluster["spec"]["scheduler"]["service"]
    assert len(mistakes(cluster)) == 2


def test_pods_mount_the_keys_and_use_them():
    cluster, group = manifest(ASKED)
    pods = [
        cluster["spec"]["scheduler"]["spec"],
        cluster["spec"]["worker"]["spec"],
        group["spec"]["worker"]["spec"],
    ]
    for pod in pods:
        [container] = pod["containers"]
        [mount] = container["volumeMounts"]
        assert mount["readOnly"]
        assert pod["volumes"][0]["secret"]["secretName"] == "vox2pix-tls"
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert variables["A"] == "b"
        assert variables["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"] == f"{mount['mountPath']}/ca.crt"
        assert variables["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
        assert "tls" in container["args"]
        assert container["image"] == "lab/vox2pix:1"


def test_the_scheduler_has_keys_gives_up_who_hangs_and_shows_its_dashboard_to_its_pod_alone():
    cluster, group = manifest(ASKED)
    [container] = cluster["spec"]["scheduler"]["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__KEY"] == "/etc/vox2pix/tls/tls.key"
    assert variables["DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL"] == "120s"
    assert [container[probe]["tcpSocket"] for probe in ("readinessProbe", "livenessProbe")] == [
        {"port": "tcp-comm"}
    ] * 2
    for spec in (cluster["spec"]["scheduler"], cluster["spec"]["worker"], group["spec"]["worker"]):
        [container] = spec["spec"]["containers"]
        args = container["args"]
        assert args[args.index("--dashboard-address") + 1].startswith("127.0.0.1:")
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert variables["DASK_SCHEDULER_ADDRESS"] == "tls://mine-scheduler:8786"


def test_workers_with_a_gpu_are_a_group_of_their_own():
    cluster, group = manifest(ASKED)
    assert (cluster["spec"]["worker"]["replicas"], group["spec"]["worker"]["replicas"]) == (3, 2)
    assert group["spec"]["cluster"] == cluster["metadata"]["name"] == "mine"
    [container] = group["spec"]["worker"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": str(16 * 10**9 + NANNY)}
    assert "GPU=1" in container["args"]
    assert str(16 * 10**9) in container["args"]


def test_the_text_reads_back_and_holds_no_key():
    assert list(yaml.safe_load_all(text(ASKED))) == manifest(ASKED)
    assert "PRIVATE" not in text(ASKED)


def test_it_is_told_that_the_image_of_dask_lacks_us():
    assert "without vox2pix: name one" in text(Kubernetes()).splitlines()[0]
    assert "without vox2pix" not in text(ASKED)


def test_an_unknown_option_is_told():
    with pytest.raises(ClusterConfigError, match="takes no 'imag'; did you mean 'image'"):
        manifest(Kubernetes(options={"imag": "x"}))


def test_pods_are_not_started_by_us():
    with pytest.raises(ClusterNotStarted, match="vox2pix cluster check kubernetes") as caught:
        connect(Kubernetes())
    assert caught.value.exit_code == 4
