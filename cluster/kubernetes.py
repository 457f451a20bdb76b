"""The manifest of a cluster of pods, for the operator of dask-kubernetes.

Checked against the operator's schema, and not run by us: there was no Kubernetes to run it on.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from cluster.environment import NANNY, job_variables, variable_of
from cluster.errors import ClusterConfigError, ClusterNotStarted
from cluster.fleet import SETTINGS
from cluster.security import LOOPBACK, environment

if TYPE_CHECKING:
    from cluster.kinds import Kubernetes

KEYS = "/etc/vox2pix/tls"
"""Where the pods find the secret with the keys."""
PORT = 8786
WITHOUT = "The image is dask's own, without vox2pix: name one that has it in options, as image = ..."


def manifest(config: Kubernetes) -> list[dict[str, Any]]:
    """Return the resources of a cluster: a DaskCluster, and a DaskWorkerGroup for workers with a GPU.

    Raises
    ------
    ClusterConfigError
        For an option that is not known.
    ClusterNotStarted
        Where dask-kubernetes is not installed.
    """
    operator = _operator()
    options = {"name": "vox2pix", **config.options}
    known = inspect.signature(operator.make_cluster_spec).parameters
    for name in options.keys() - known.keys():
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ClusterConfigError(f"options of 'kubernetes': the manifest takes no {name!r}{hint}")
    options["resources"] = options.get("resources") or {}  # its own default, None, is not in its schema
    # the operator would tell workers an address without encryption
    where = {"DASK_SCHEDULER_ADDRESS": f"tls://{options['name']}-scheduler:{PORT}"}
    options["env"] = _environment(options.get("env"), {**environment(KEYS), **where})
    command = options.pop("worker_command", "dask-worker")
    command = command.split() if isinstance(command, str) else list(command)
    cluster = operator.make_cluster_spec(
        **options,
        n_workers=config.workers or 1,
        worker_command=[*command, *_arguments(config.threads, config.memory_bytes)],
    )
    scheduler = cluster["spec"]["scheduler"]["spec"]
    _guard(scheduler["containers"][0], options["env"])
    worker = cluster["spec"]["worker"]["spec"]
    worker["containers"][0]["resources"] = _limits(options["resources"], config.memory_bytes)
    for pod in (scheduler, worker):
        _enclose(pod, config.secret)
    return [cluster, *([_gpu_group(config, operator, options, command)] if config.gpu else [])]


def text(config: Kubernetes) -> str:
    """Return the manifest as YAML, with how the secret it mounts comes to be."""
    import yaml

    found = manifest(config)
    name = found[0]["metadata"]["name"]
    image = "" if "image" in config.options else f"# {WITHOUT}\n"
    head = (
        f"{image}"
        f"# Needs the dask-kubernetes operator, and a secret with keys that only this cluster and you have:\n"
        f"#   kubectl create secret generic {config.secret} --from-file=ca.crt --from-file=tls.crt "
        "--from-file=tls.key\n"
        f"# Then: kubectl apply -f FILE; kubectl port-forward service/{name}-scheduler {PORT} 8787\n"
        f'# and --cluster with a file: kind = "address", address = "tls://127.0.0.1:{PORT}", and in options\n'
        "# security = { tls_ca_file = ..., tls_client_cert = ..., tls_client_key = ... }\n"
    )
    return head + "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in found).rstrip()


def _gpu_group(
    config: Kubernetes, operator: Any, options: dict[str, Any], command: list[str]
) -> dict[str, Any]:
    gpu = config.gpu
    assert gpu is not None
    given = {**options, **gpu.options}
    limit = gpu.memory_bytes or config.memory_bytes
    worker = operator.make_worker_spec(
        **({"image": given["image"]} if "image" in given else {}),
        n_workers=gpu.workers or 1,
        resources=_limits(given["resources"] or {}, limit, {"nvidia.com/gpu": "1"}),
        env=_environment(given["env"], {}),
        worker_command=[
            *command,
            *_arguments(1, limit),
            "--resources",
            "GPU=1",
        ],
    )
    _enclose(worker["spec"], config.secret)
    name = options["name"]
    return {
        "apiVersion": "kubernetes.dask.org/v1",
        "kind": "DaskWorkerGroup",
        "metadata": {"name": f"{name}-gpu"},
        "spec": {"cluster": name, "worker": worker},
    }


def _arguments(threads: int, limit: int | None) -> list[str]:
    size = ["--memory-limit", str(limit)] if limit else []
    return ["--protocol", "tls", "--nthreads", str(threads), "--preload", "cluster.logs", *size]


def _limits(given: dict[str, Any], limit: int | None, more: dict[str, Any] | None = None) -> dict[str, Any]:
    memory = {"memory": str(limit + NANNY)} if limit else {}
    return {**given, "limits": {**memory, **(more or {}), **given.get("limits", {})}}


def _environment(given: Any, ours: dict[str, str]) -> list[dict[str, Any]]:
    theirs = [{"name": k, "value": v} for k, v in given.items()] if isinstance(given, dict) else given or []
    names = {one["name"] for one in theirs}
    return [
        *({"name": k, "value": v} for k, v in {**job_variables(), **ours}.items() if k not in names),
        *({**one} for one in theirs),
    ]


def _guard(container: dict[str, Any], env: list[dict[str, Any]]) -> None:
    """Have the scheduler speak TLS, give up workers that hang, and be probed where it does."""
    container["args"] += ["--protocol", "tls", "--port", str(PORT)]
    container["args"] += ["--dashboard-address", f"{LOOPBACK}:8787"]
    settings = {variable_of(name): str(value) for name, value in SETTINGS.items()}
    container["env"] = _environment(env, {**environment(KEYS, "scheduler"), **settings})
    for probe in ("readinessProbe", "livenessProbe"):  # of the dashboard, which only the pod itself reaches
        container[probe] = {**container[probe], "tcpSocket": {"port": "tcp-comm"}}
        del container[probe]["httpGet"]


def _enclose(pod: dict[str, Any], secret: str) -> None:
    """Let a pod's container read the keys, and keep its dashboard to the pod: it knows no password."""
    container = pod["containers"][0]
    container["args"] = [f"{LOOPBACK}:8788" if one == "8788" else one for one in container["args"]]
    pod["volumes"] = [{"name": "tls", "secret": {"secretName": secret, "defaultMode": 0o400}}]
    container["volumeMounts"] = [{"name": "tls", "mountPath": KEYS, "readOnly": True}]


def _operator() -> Any:
    try:
        from dask_kubernetes import operator
    except ImportError as error:
        raise ClusterNotStarted(
            "kind 'kubernetes' needs the package dask-kubernetes; pip install 'vox2pix[kubernetes]'"
        ) from error
    return operator
