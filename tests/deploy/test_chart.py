"""The Helm chart: what it makes of values that use all of it. `rendered.yaml` is that, kept; where Helm is, that it still is so.

What it makes was read strictly by the types of Kubernetes' API once (docs/deploy.md); here the rules are ours.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.reading import DEPLOY, documents, read_command, secret_variables, unknown_variables
from stationmaster.settings import load

HERE = Path(__file__).parent
CHART = DEPLOY / "helm" / "stationmaster"
HELM = shutil.which("helm")
MADE = documents(HERE / "rendered.yaml")
DEPLOYMENTS = {each["metadata"]["name"].rpartition("-")[2]: each for each in MADE if each["kind"] == "Deployment"}

with_helm = pytest.mark.skipif(HELM is None, reason="Helm is not in Debian; docs/deploy.md says how to build it")


def template(*options: str) -> "subprocess.CompletedProcess[str]":
    """What Helm makes, offline."""
    command = [str(HELM), "template", "sm", str(CHART), "--kube-version", "1.31", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def of(kind: str) -> list[dict[str, Any]]:
    """All objects of a kind."""
    return [each for each in MADE if each["kind"] == kind]


def pod(name: str) -> dict[str, Any]:
    """A deployment's pod."""
    return dict(DEPLOYMENTS[name]["spec"]["template"]["spec"])


def container(name: str) -> dict[str, Any]:
    """The one container of a deployment's pod."""
    (found,) = pod(name)["containers"]
    return dict(found)


@with_helm
def test_what_is_kept_is_what_it_makes() -> None:
    """`rendered.yaml` is what Helm makes of `values.yaml` here, byte for byte."""
    assert template("-f", str(HERE / "values.yaml")).stdout == (HERE / "rendered.yaml").read_text()


@with_helm
def test_the_chart_is_clean() -> None:
    """`helm lint --strict` finds nothing."""
    done = subprocess.run([str(HELM), "lint", "--strict", str(CHART), "-f", str(HERE / "values.yaml")], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout


@with_helm
@pytest.mark.parametrize(("options", "said"), [
    ((), "publicUrl"), (("-f", "GOOD", "--set", "publicUrl=http://a.test"), "publicUrl"),
    (("-f", "GOOD", "--set", "secrets.gatewayToken="), "secrets.gatewayToken is needed"),
    (("-f", "GOOD", "--set", "secrets.database="), "database"), (("-f", "GOOD", "--set", "secret.database=x"), "secret"),
    (("-f", "GOOD", "--set", "image.digest=latest"), "digest"),
])  # fmt: skip
def test_what_it_refuses(options: tuple[str, ...], said: str) -> None:
    """Values that are missing, unknown or wrong end with their name."""
    done = template(*(str(HERE / "values.yaml") if each == "GOOD" else each for each in options))
    assert done.returncode != 0
    assert said in done.stderr


@with_helm
def test_without_what_may_be_left_out() -> None:
    """Plain HTTP gateways, no Valkey, no autoscaling, no ingress, no policies: less is made, and probes follow."""
    switches = ("secrets.gatewayTls=", "secrets.valkey=", "gateway.autoscaling.enabled=false", "ingress.enabled=false",
                "networkPolicy.enabled=false")  # fmt: skip
    done = template("-f", str(HERE / "values.yaml"), *(word for each in switches for word in ("--set", each)))
    assert done.returncode == 0, done.stderr
    assert not re.search(r"kind: (HorizontalPodAutoscaler|Ingress|NetworkPolicy)|gateway-tls|valkey/url", done.stdout)
    assert "replicas: 2" in done.stdout
    assert re.search(r"path: /readyz, port: gateway, scheme: HTTP\}", done.stdout)


def test_what_there_is() -> None:
    """Both planes and workers, a budget against disruption for each, policies, and a scale for the gateways."""
    assert set(DEPLOYMENTS) == {"control", "worker", "gateway"}
    assert {each["metadata"]["name"].rpartition("-")[2] for each in of("PodDisruptionBudget")} == set(DEPLOYMENTS)
    assert {each["metadata"]["name"].rpartition("-")[2] for each in of("NetworkPolicy")} == {*DEPLOYMENTS, "egress"}
    assert [each["spec"]["scaleTargetRef"]["name"] for each in of("HorizontalPodAutoscaler")] == ["sm-stationmaster-gateway"]
    assert of("Secret") == [], "secrets are the company's own"
    assert "replicas" not in DEPLOYMENTS["gateway"]["spec"], "the autoscaler says how many"


@pytest.mark.parametrize("name", ["control", "worker", "gateway"])
def test_pods_are_held_tight(name: str) -> None:
    """Nobody is root, no root can be written to, no capability, the default seccomp profile, no token of the cluster's."""
    whole, one = pod(name)["securityContext"], container(name)["securityContext"]
    assert whole["runAsNonRoot"] is True
    assert whole["runAsUser"] == 10001
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert pod(name)["automountServiceAccountToken"] is False
    assert container(name)["resources"]["limits"]["memory"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod(name).keys()


@pytest.mark.parametrize("name", ["control", "worker", "gateway"])
def test_commands_settings_and_secrets(name: str) -> None:
    """Arguments are a command of the program, variables settings of it, and none of them holds a secret; what is mounted is a
    volume, and every file that is named lies in one that is mounted."""
    made = container(name)
    environ = {each["name"]: each["value"] for each in made.get("env", ())}
    read_command(made["args"])
    assert list(unknown_variables(environ)) == []
    assert not secret_variables() & environ.keys()
    mounts = {each["mountPath"]: each for each in made["volumeMounts"]}
    assert {each["name"] for each in mounts.values()} == {each["name"] for each in pod(name)["volumes"]}
    named = [str(each) for each in (*environ.values(), *made["args"]) if str(each).startswith("/")]
    assert all(any(each.startswith(f"{place}/") for place in mounts) for each in named)
    secret = [each for each in pod(name)["volumes"] if "secret" in each]
    assert secret
    assert all(each["secret"]["defaultMode"] == 0o440 for each in secret)


def test_a_gateway_sees_no_key_of_the_control_planes() -> None:
    """Of the control plane's certificate it is given the authority alone."""
    (ca,) = [each for each in pod("gateway")["volumes"] if each["name"] == "control-ca"]
    assert ca["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


def test_streams_may_end() -> None:
    """A gateway's pod is given its drain and what comes before; a new one serves before an old one goes."""
    values = (CHART / "values.yaml").read_text()
    drain = int(re.findall(r"drainSeconds: (\d+)", values)[0])
    from stationmaster.settings import FIELDS

    assert drain == FIELDS["gateway.drain_seconds"].default
    assert pod("gateway")["terminationGracePeriodSeconds"] > drain + 5
    assert DEPLOYMENTS["gateway"]["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.parametrize("name", ["control", "gateway"])
def test_probes(name: str) -> None:
    """Alive is that the process answers, ready is that it serves; a start has minutes. A worker has no door to be asked at."""
    made = container(name)
    assert made["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert made["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert made["startupProbe"]["periodSeconds"] * made["startupProbe"]["failureThreshold"] >= 300
    ports = {each["name"] for each in made["ports"]}
    assert {made[each]["httpGet"]["port"] for each in ("livenessProbe", "readinessProbe", "startupProbe")} <= ports
    assert "livenessProbe" not in container("worker")


def test_selectors_find_their_pods() -> None:
    """Each selector of a service, a budget or a policy finds the pods that it is named after, and no other's."""
    labels = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in DEPLOYMENTS.items()}
    for each in (*of("Service"), *of("PodDisruptionBudget"), *of("NetworkPolicy")):
        spec = each["spec"]
        wanted = spec.get("podSelector", spec.get("selector", {}))
        wanted = wanted.get("matchLabels", wanted)
        found = {name for name, own in labels.items() if wanted.items() <= own.items()}
        named = each["metadata"]["name"].rpartition("-")[2]
        assert found == ({named} if named in labels else set(labels)), each["metadata"]["name"]


def test_who_may_reach_whom() -> None:
    """The console is reached by gateways and by those who were named; workers by nobody."""
    policies = {each["metadata"]["name"].rpartition("-")[2]: each["spec"] for each in of("NetworkPolicy")}
    peers = policies["control"]["ingress"][0]["from"]
    assert peers[0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert len(peers) == 2
    assert policies["worker"]["ingress"] == []


def test_the_settings_are_settings(tmp_path: Path) -> None:
    """What the chart writes as stationmaster.toml is read as such."""
    (made,) = of("ConfigMap")
    file = tmp_path / "stationmaster.toml"
    file.write_text(made["data"]["stationmaster.toml"])
    assert load(environ={}, folder=tmp_path, file=file).jobs.threads == 8


def test_values_and_their_schema() -> None:
    """Every value at the top is in the schema and the other way round, and the chart's version is the program's."""
    from stationmaster import __version__

    (values,) = documents(CHART / "values.yaml")
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
    assert schema["properties"]["secrets"]["properties"].keys() == values["secrets"].keys()
    (chart,) = documents(CHART / "Chart.yaml")
    assert chart["appVersion"] == chart["version"] == __version__
