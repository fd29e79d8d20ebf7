"""What operators are handed agrees with the service: settings, ports, probes, numbers that belong together, metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import REGISTRY

from config import ROOT, Settings
from main import create_app

DEPLOY = ROOT / "deploy"
PORT = Settings.model_fields["port"].default
FILES = sorted(path for kind in ("*.yaml", "*.yml", "*.json") for path in DEPLOY.rglob(kind))
OTHERS = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "FLOWER_BASIC_AUTH", "REDIS_PASSWORD", "REDISCLI_AUTH"}
OTHERS |= {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"}
"""Variables of the programs beside the service."""
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class ComposeLoader(yaml.SafeLoader):
    """YAML with the tags of those who read it: compose replaces a list instead of adding to it."""


ComposeLoader.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")  # CloudFormation's functions
ComposeLoader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node, deep=True))


def documents(path: Path) -> list[Any]:
    """Everything in a file."""
    if path.suffix == ".json":
        return [json.loads(path.read_text())]
    return list(yaml.load_all(path.read_text(), ComposeLoader))


def everything(*kinds: str) -> Iterator[dict[str, Any]]:
    """Kubernetes objects and Cloud Run's service."""
    for folder in ("kubernetes", "cloudrun"):
        for path in sorted((DEPLOY / folder).glob("*.yaml")):
            yield from (found for found in documents(path) if found["kind"] in kinds)


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every container, and the pod that it is in."""
    for found in everything("Deployment", "Service"):
        pod = found["spec"].get("template", {}).get("spec", {})
        yield from ((pod, container) for container in pod.get("containers", ()))


def settings_named() -> set[str]:
    """Every variable that some file sets."""
    names = {entry["name"] for _, container in containers() for entry in container.get("env", ())}
    (kustomization,) = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    names |= {text.partition("=")[0] for text in kustomization["configMapGenerator"][0]["literals"]}
    for path in (ROOT / "docker-compose.yml", DEPLOY / "compose" / "production.yml"):
        (compose,) = documents(path)
        names |= {name for service in compose["services"].values() for name in service.get("environment", ())}
        names |= set(re.findall(r"\$\{(\w+)", path.read_text()))
    secrets = re.findall(r"--from-literal=(\w+)=", (DEPLOY / "README.md").read_text())
    return names | set(secrets)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_file_can_be_read(path: Path) -> None:
    assert all(documents(path))


def test_every_variable_is_a_setting() -> None:
    assert settings_named() - OTHERS - {name.upper() for name in Settings.model_fields} == set()


def test_ports_and_probes_are_the_services_own() -> None:
    paths = create_app(Settings()).openapi()["paths"]
    probes = [c[kind]["httpGet"] for _, c in containers() for kind in c if kind.endswith("Probe")]
    assert len(probes) >= 5 and all(probe["path"] in paths for probe in probes)
    assert all(probe.get("port", PORT) in (PORT, "http") for probe in probes)
    assert {p["containerPort"] for _, c in containers() for p in c.get("ports", ())} == {PORT}
    (compose,) = documents(ROOT / "docker-compose.yml")
    assert compose["services"]["pare"]["ports"] == [f"{PORT}:{PORT}"] and compose["services"]["worker"]["ports"] == []
    assert compose["services"]["flower"]["ports"] == ["127.0.0.1:5555:5555"]


def test_cloud_runs_numbers_belong_together() -> None:
    (service,) = (found for found in everything("Service") if found["apiVersion"].startswith("serving"))
    spec = service["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    given = {entry["name"]: entry.get("value") for entry in container["env"]}
    slots = int(given["COMPRESSION_SEMAPHORE_SIZE"])
    assert spec["containerConcurrency"] == slots + int(given["MAX_QUEUE_DEPTH"])
    assert spec["timeoutSeconds"] > Settings().tool_timeout_seconds
    assert int(given["GRACEFUL_SHUTDOWN_TIMEOUT"]) < 10, "Cloud Run kills after 10 seconds"
    limits = container["resources"]["limits"]
    assert int(limits["cpu"]) == slots and memory(limits["memory"]) >= slots * (768 << 20) + (512 << 20)
    assert service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/minScale"] == "1"
    (key,) = (entry for entry in container["env"] if entry["name"] == "API_KEY")
    assert "value" not in key and key["valueFrom"]["secretKeyRef"]["name"] == "pare-api-key"


def memory(text: str) -> int:
    """Bytes of a Kubernetes quantity."""
    return int(text[:-2]) * UNITS[text[-2:]]


def test_kubernetes_objects_know_each_other() -> None:
    (kustomization,) = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    literals = dict(text.split("=", 1) for text in kustomization["configMapGenerator"][0]["literals"])
    labels = set()
    for deployment in everything("Deployment"):
        template = deployment["spec"]["template"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        labels.add(template["metadata"]["labels"]["app.kubernetes.io/name"])
        assert template["spec"]["terminationGracePeriodSeconds"] > int(literals["GRACEFUL_SHUTDOWN_TIMEOUT"])
    selectors = re.findall(r"app\.kubernetes\.io/name: ([\w-]+)", "".join(p.read_text() for p in FILES))
    assert set(selectors) == labels == {"pare-api", "pare-worker"}
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in everything("HorizontalPodAutoscaler")}
    assert scaled == labels
    waiting = [m["pods"] for f in everything("HorizontalPodAutoscaler") for m in f["spec"]["metrics"] if "pods" in m]
    assert [pods["metric"]["name"] for pods in waiting] == ["pare_queue_depth"]
    assert int(waiting[0]["target"]["averageValue"]) < int(literals["MAX_QUEUE_DEPTH"])


def test_every_pod_has_as_few_rights_as_it_can_live_with() -> None:
    pods = [(pod, c) for pod, c in containers() if "automountServiceAccountToken" in pod]
    assert len(pods) == 2
    for pod, container in pods:
        rights = container["securityContext"]
        assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True
        assert rights["readOnlyRootFilesystem"] is True and rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]} and "memory" in container["resources"]["limits"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}


def test_the_programs_that_are_started_exist() -> None:
    started = [c["command"] for _, c in containers() if "command" in c]
    (compose,) = documents(ROOT / "docker-compose.yml")
    started.append(compose["services"]["worker"]["command"])
    assert started == [["python", "worker.py"]] * 2 and (ROOT / "worker.py").exists()


def test_production_demands_what_trying_out_does_not() -> None:
    (compose,) = documents(ROOT / "docker-compose.yml")
    text = (DEPLOY / "compose" / "production.yml").read_text()
    (production,) = documents(DEPLOY / "compose" / "production.yml")
    alone = {name for name, service in compose["services"].items() if "profiles" not in service}
    assert set(production["services"]) == alone
    for service in production["services"].values():
        assert service["restart"] == "always" and service["logging"]["options"].keys() == {"max-size", "max-file"}
    for name in ("API_KEY", "JWT_SECRET_KEY", "REDIS_PASSWORD", "POSTGRES_PASSWORD", "FLOWER_BASIC_AUTH"):
        assert f"${{{name}:?" in text
    assert production["services"]["pare"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of the alerts, the board and the adapter's rule."""
    (alerts,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    yield from ((rule["alert"], rule["expr"]) for group in alerts["groups"] for rule in group["rules"])
    (board,) = documents(DEPLOY / "grafana" / "pare.json")
    yield from ((panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"])
    (adapter,) = documents(DEPLOY / "prometheus" / "adapter.yaml")
    yield "adapter", adapter["rules"][0]["seriesQuery"].partition("{")[0]


def exposed(service: httpx.Client) -> set[str]:
    """Every name of a time series that the service has or can have."""
    kinds = re.findall(r"(?m)^# TYPE (\w+) (\w+)$", service.get("/metrics").text)
    parts = {"histogram": ("_bucket", "_sum", "_count")}
    return {f"{name}{part}" for name, kind in kinds for part in parts.get(kind, ("",))}


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_alerts_and_the_board_use_metrics_that_there_are(title: str, expression: str, service: httpx.Client) -> None:
    named = set(re.findall(r"\b((?:pare|http|processed)_\w+)", expression))
    assert named and named <= exposed(service)
    collectors = {REGISTRY._names_to_collectors[name] for name in named}
    known = {label for collector in collectors for label in getattr(collector, "_labelnames", ())} | {"le"}
    used = set(re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", expression))
    used |= {name.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for name in group.split(",")}
    assert used <= known, title


def test_the_board_shows_what_operators_ask_for() -> None:
    text = " ".join(expression for _, expression in expressions())
    for name in ("pare_saved_bytes_total", "pare_span_seconds", 'status=~"[45].."', "pare_tool_failures_total"):
        assert name in text


def test_spans_of_a_picture_are_counted(service: httpx.Client) -> None:
    from tests.helpers import encode, photo

    assert service.post("/optimize", content=encode(photo(seed=7), "JPEG")).status_code == 200
    spans = set(re.findall(r'pare_span_seconds_count\{span="(\w+)"\}', service.get("/metrics").text))
    assert {"inspect", "queue", "encode", "verify"} <= spans


def test_settings_in_the_notes_on_migrating_exist() -> None:
    named = set(re.findall(r"`([A-Z][A-Z]+(?:_[A-Z]+)+)\b", (ROOT / "docs" / "migrating.md").read_text()))
    foreign = {name for name in named if name.startswith("IMGPROXY_")} | {"CA_BUNDLE"}
    assert len(named - foreign) > 10 and named - foreign - {name.upper() for name in Settings.model_fields} == set()
