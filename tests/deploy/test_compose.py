"""The compose file, read: its services are ours or pinned, nobody is root where we say so, and every secret is a file."""

from typing import Any

import pytest

from deploy.reading import DEPLOY, documents, read_command, secret_variables, unknown_variables

(FILE,) = documents(DEPLOY / "compose" / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = [name for name, service in SERVICES.items() if "command" in service and "STATIONMASTER_IMAGE" in service["image"]]


def test_what_there_is() -> None:
    """PostgreSQL, Valkey, both planes, a worker, two gateways with a folder each."""
    assert set(SERVICES) == {"postgres", "valkey", "control", "worker", "gateway-a", "gateway-b"}
    assert OURS == ["control", "worker", "gateway-a", "gateway-b"]
    kept = [SERVICES[name]["volumes"] for name in OURS]
    assert len({str(each) for each in kept}) == len(OURS)


@pytest.mark.parametrize("name", OURS)
def test_ours_are_held_tight(name: str) -> None:
    """A numbered user, a root that cannot be written to, no capability, no new privilege, room in /tmp alone."""
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert [each.partition(":")[0] for each in service["tmpfs"]] == ["/tmp"]  # noqa: S108
    assert not service.get("privileged")


@pytest.mark.parametrize("name", OURS)
def test_commands_and_settings_exist(name: str) -> None:
    """What is run, asked for health and set is there."""
    service = SERVICES[name]
    read_command(service["command"])
    test = service["healthcheck"].get("test")
    if test is not None:
        assert test[:2] == ["CMD", "stationmaster"]
        read_command(test[2:])
    assert list(unknown_variables(service.get("environment", {}))) == []


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_are_files(name: str) -> None:
    """No secret stands in a variable or an argument; all are declared, and each file that is read is one."""
    service = SERVICES[name]
    environ = service.get("environment", {})
    assert not secret_variables() & environ.keys()
    assert set(service.get("secrets", ())) <= FILE["secrets"].keys()
    read = [str(each) for each in (*environ.values(), *service.get("command", ())) if str(each).startswith("/run/secrets/")]
    assert {each.removeprefix("/run/secrets/") for each in read} <= set(service.get("secrets", ()))
    assert not [value for key, value in environ.items() if "PASSWORD" in key and not key.endswith("_FILE")]


def test_every_secret_is_used_and_none_is_kept_in_the_tree() -> None:
    """The files are of a folder that git leaves out."""
    used = {each for service in SERVICES.values() for each in service.get("secrets", ())}
    assert used == FILE["secrets"].keys()
    assert {each["file"].rpartition("/")[0] for each in FILE["secrets"].values()} == {"./secrets"}
    assert "\n*\n" in (DEPLOY / "compose" / "secrets" / ".gitignore").read_text()


def test_what_is_published() -> None:
    """The two doors alone, on loopback, never one behind the other; databases on a network without a way out."""
    published = {port: name for name, service in SERVICES.items() for port in service.get("ports", ())}
    assert published == {"127.0.0.1:4001:4001": "control", "127.0.0.1:4000:4000": "gateway-a", "127.0.0.1:4010:4000": "gateway-b"}
    assert FILE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_images_are_of_a_version() -> None:
    """Nothing of others' is `latest`."""
    for name in ("postgres", "valkey"):
        tag = SERVICES[name]["image"].partition(":")[2]
        assert tag[:1].isdigit()


def test_streams_may_end() -> None:
    """A gateway is given longer to end than its drain takes by default."""
    from stationmaster.settings import FIELDS

    drain = FIELDS["gateway.drain_seconds"].default
    assert all(float(SERVICES[name]["stop_grace_period"][:-1]) > drain for name in ("gateway-a", "gateway-b"))
