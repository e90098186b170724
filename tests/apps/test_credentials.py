"""Credentials and workspaces: stored by the rules of gateway.toml, in its words, and never shown."""

from typing import Any

import pytest

from controlkit import ADMIN, ADMIN_SECRET, GATEWAY, OPERATOR, SECRET, VIEWER, a_credential, a_pool, a_workspace
from stationmaster.credentials import services as credentials
from stationmaster.credentials.health import HealthReport, report_health
from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from stationmaster.routing import services as routing
from stationmaster.store.changes import revision
from stationmaster.store.listing import Query
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "name", "error.config.missing_key"),
    ({"name": "-x"}, "name", "error.config.bad_value"),
    ({"name": "a b"}, "name", "error.config.bad_value"),
    ({"name": "x" * 129}, "name", "error.config.bad_value"),
    ({"name": 5}, "name", "error.config.bad_value"),
    ({"vendor": "opena"}, "vendor", "error.config.bad_value"),
    ({"vendor": ""}, "vendor", "error.config.missing_key"),
    ({"secret": ""}, "secret", "error.config.missing_key"),
    ({"secret": "two words"}, "secret", "error.config.secret"),
    ({"secret": "sk-ünicode"}, "secret", "error.config.secret"),
    ({"secret": "sess-abc"}, "secret", "error.credential.not_for_api_use"),
    ({"secret": "sk-ant-oat01-abc", "vendor": "anthropic"}, "secret", "error.credential.not_for_api_use"),
    ({"secret": "env:PATH"}, "secret", "error.config.secret"),
    ({"secret": "file:/etc/passwd"}, "secret", "error.config.secret"),
    ({"secret": "••••••••"}, "secret", "error.secret.masked"),
    ({"secret": ["sk"]}, "secret", "error.config.bad_value"),
    ({"base_url": "http://api.example.com"}, "base_url", "error.config.address"),
    ({"base_url": "https://10.0.0.1/v1"}, "base_url", "error.config.address"),
    ({"base_url": "https://chatgpt.com/backend-api"}, "base_url", "error.credential.not_for_api_use"),
    ({"base_url": "https://user:pw@api.example.com"}, "base_url", "error.config.address"),
    ({"vendor": "azure_openai"}, "base_url", "error.config.missing_key"),
    ({"disabled": "yes"}, "disabled", "error.config.bad_value"),
    ({"disabled_reason": "x" * 1001}, "disabled_reason", "error.config.bad_value"),
    ({"disabled_reason": "a\x00b"}, "disabled_reason", "error.config.bad_value"),
    ({"organisation": "a\x1b[2J"}, "organisation", "error.config.bad_value"),
    ({"organisation": "\ud800"}, "organisation", "error.config.bad_value"),
    ({"prize": 1}, "prize", "error.config.unknown_key"),
    ({"id": "cred_x"}, "id", "error.config.unknown_key"),
    ({"health": "healthy"}, "health", "error.config.unknown_key"),
]
ONLY_CREDENTIALS: list[tuple[dict[str, Any], str, str]] = [
    ({"secret": "sk-admin-abc"}, "secret", "error.credential.admin_key"),
    ({"prices": {"gpt": {"input": 1}}}, "prices", "error.config.bad_value"),
    ({"prices": {"gpt": {"input": -1, "output": 1}}}, "prices", "error.config.bad_value"),
    ({"prices": "cheap"}, "prices", "error.config.bad_value"),
]


def refused(attempt: Any, field: str, code: str) -> None:
    """The attempt is refused for this field, with this code, and nothing of a secret is repeated."""
    with pytest.raises(Invalid) as caught:
        attempt()
    assert (caught.value.code, list(caught.value.fields)) == (code, [field]), caught.value.message
    assert caught.value.status == 422
    assert "passwd" not in caught.value.message or "/etc/passwd" in caught.value.message
    assert "root:" not in caught.value.message


def test_what_cannot_be_stored(database: str) -> None:
    """Each bad value is refused under its field's name with the code that the file's reader gives, and nothing is stored."""
    for more, field, code in BAD:
        refused(lambda m=more: credentials.create_credential(ADMIN, {**a_credential(), **m}), field, code)
        refused(lambda m=more: workspaces.create_workspace(ADMIN, {**a_workspace(), **m}), field, code)
    for more, field, code in ONLY_CREDENTIALS:
        refused(lambda m=more: credentials.create_credential(ADMIN, {**a_credential(), **m}), field, code)
    assert (Credential.objects.count(), Workspace.objects.count(), revision()) == (0, 0, 0)


def test_all_problems_at_once(database: str) -> None:
    """Several bad fields are named together."""
    with pytest.raises(Invalid) as caught:
        credentials.create_credential(ADMIN, {"name": "-", "vendor": "x", "secret": "a b", "base_url": "ftp://x"})
    assert set(caught.value.fields) == {"name", "vendor", "secret", "base_url"}
    assert caught.value.code == "error.config.invalid"


def test_update_changes_only_what_is_given(database: str) -> None:
    """Fields that are left out stay, a null or empty one is emptied, and the answer is the row as it is now."""
    credentials.create_credential(ADMIN, a_credential(organisation="acme", prices={"gpt-*": {"input": 1, "output": 2}}))
    row = credentials.update_credential(ADMIN, "openai-a", {"disabled": True, "disabled_reason": "leaked"})
    assert (row["organisation"], row["disabled"], row["disabled_reason"]) == ("acme", True, "leaked")
    assert row["prices"] == {"gpt-*": {"input": 1, "output": 2}}
    emptied: dict[str, Any] = {"organisation": None, "prices": {}, "disabled_reason": ""}
    row = credentials.update_credential(ADMIN, row["id"], emptied, row["revision"])
    assert (row["organisation"], row["prices"], row["disabled_reason"]) == ("", {}, "")
    besides = ("reports", "generations", "job")
    assert row == {k: v for k, v in credentials.get_credential(ADMIN, "openai-a").items() if k not in besides}


def test_order_of_prices_stays(database: str) -> None:
    """Prices are kept in their order, in which the first that matches counts; another order is a change."""
    prices = {"zeta-*": {"input": 1.5, "output": 2}, "alpha": {"output": 2, "input": 1}, "*": {"input": 0, "output": 0}}
    credentials.create_credential(ADMIN, a_credential(prices=prices))
    turned = dict(reversed(prices.items()))
    for wanted in (prices, turned):
        row = credentials.update_credential(ADMIN, "openai-a", {"prices": wanted})
        stored = credentials.get_credential(ADMIN, "openai-a")["prices"]
        assert [*stored] == [*wanted]
    assert row["revision"] == 2


def test_a_kept_secret_goes_nowhere_else(database: str) -> None:
    """Who may edit an address, but does not know the secret, cannot have it sent elsewhere: it has to be given anew."""
    credentials.create_credential(ADMIN, a_credential(base_url="https://api.example.com/v1"))
    workspaces.create_workspace(ADMIN, a_workspace(base_url="https://api.example.com/v1"))
    for update in (credentials.update_credential, workspaces.update_workspace):
        which = "openai-a" if update is credentials.update_credential else "acme"
        for more in (
            {"base_url": "https://evil.example/v1"}, {"base_url": ""}, {"vendor": "openai_compatible"},
            {"base_url": "https://api.example.com/v2"}, {"base_url": "https://evil.example", "secret": ""},
        ):
            refused(lambda m=more, u=update, w=which: u(OPERATOR if u is credentials.update_credential else ADMIN, w, m),
                    "secret", "error.secret.needed")
        update(ADMIN, which, {"base_url": "https://api.example.com/v1/"})
        update(ADMIN, which, {"base_url": "https://other.example/v1", "secret": "sk-new-one"})
    assert Credential.objects.get().secret.reveal("snapshot") == "sk-new-one"


def test_names_are_unique_and_for_good(database: str) -> None:
    """A name is given once and stays: gateways know a credential by it."""
    credentials.create_credential(ADMIN, a_credential())
    with pytest.raises(Conflict, match="taken"):
        credentials.create_credential(ADMIN, a_credential())
    refused(lambda: credentials.update_credential(ADMIN, "openai-a", {"name": "b"}), "name", "error.store.name_fixed")
    credentials.create_credential(ADMIN, a_credential("OpenAI-A"))
    assert Credential.objects.count() == 2


def test_deleted_when_nothing_needs_it(database: str) -> None:
    """A credential that pools have is kept, and the pools are named; a free one goes."""
    credentials.create_credential(ADMIN, a_credential())
    routing.create_pool(ADMIN, a_pool("main"))
    routing.create_pool(ADMIN, a_pool("spare"))
    with pytest.raises(Conflict, match="pool main, pool spare"):
        credentials.delete_credential(ADMIN, "openai-a")
    for pool in ("main", "spare"):
        routing.delete_pool(ADMIN, pool)
    with pytest.raises(Stale):
        credentials.delete_credential(ADMIN, "openai-a", version=99)
    credentials.delete_credential(ADMIN, "openai-a", version=1)
    with pytest.raises(NotFound):
        credentials.get_credential(ADMIN, "openai-a")


def test_nothing_by_that_name(database: str) -> None:
    """What does not exist is not found, by every door, and the message does not break over odd names."""
    doors = (
        credentials.get_credential, credentials.delete_credential, workspaces.get_workspace, workspaces.delete_workspace,
    )
    for which in ("nobody", "cred_0", "", "a\0b", "\ud800", "x" * 10_000, "'; --"):
        for attempt in doors:
            with pytest.raises(NotFound):
                attempt(ADMIN, which)


def test_private_addresses_need_an_entry(database: str) -> None:
    """A private address is stored once an admin allowed it, with a reason, for the trail; taking the entry away stops the
    next save."""
    private = a_credential("local", vendor="openai_compatible", base_url="https://gpu.internal/v1")
    refused(lambda: credentials.create_credential(ADMIN, private), "base_url", "error.config.address")
    with pytest.raises(Forbidden):
        addresses.allow_address(OPERATOR, {"name": "gpu.internal", "reason": "ours"})
    refused(lambda: addresses.allow_address(ADMIN, {"name": "gpu.internal"}), "reason", "error.config.missing_key")
    entry = addresses.allow_address(ADMIN, {"name": "GPU.internal.", "reason": "our own cards"})
    assert addresses.entries() == {"gpu.internal"}
    credentials.create_credential(ADMIN, private)
    assert addresses.list_addresses(ADMIN, Query()).items == [entry]
    addresses.disallow_address(ADMIN, "gpu.internal")
    refused(lambda: credentials.update_credential(ADMIN, "local", {"disabled": True}), "base_url", "error.config.address")


def test_settings_may_allow_addresses(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file or variable allows counts beside what admins saved."""
    monkeypatch.setattr("django.conf.settings.STATIONMASTER_ALLOWED", ("10.0.0.0/8",))
    credentials.create_credential(ADMIN, a_credential(base_url="https://10.1.2.3/v1"))
    assert Credential.objects.count() == 1


def test_plain_http_is_asked_for(database: str) -> None:
    """Plain http takes the same word as in the file."""
    url = {"base_url": "http://api.example.com/v1"}
    credentials.create_credential(ADMIN, a_credential(**url, allow_insecure_http=True))
    strict = {"allow_insecure_http": False}
    refused(lambda: credentials.update_credential(ADMIN, "openai-a", strict), "base_url", "error.config.address")


def report(state: str, at: float, **more: Any) -> HealthReport:
    """A gateway's report on the credential."""
    return HealthReport(**{"gateway": "gw-1", "credential": "openai-a", "state": state, "cause": "", "code": "", "until": 0.0,
                           "at": at, **more})


def test_health_is_what_was_reported_last(database: str) -> None:
    """Reports come in any order, twice, from several gateways and about what is gone: the latest of each counts."""
    credentials.create_credential(ADMIN, a_credential())
    first = [report("cooling", 10, cause="rate_limit", until=99.5), report("healthy", 5), report("suspect", 7, gateway="gw-2"),
             report("healthy", 20, credential="gone")]
    assert report_health(GATEWAY, first) == 2
    assert report_health(GATEWAY, first) == 0
    row = credentials.get_credential(ADMIN, "openai-a")
    assert (row["health"], row["health_cause"]) == ("cooling", "rate_limit")
    assert [(each["gateway"], each["state"], each["until"]) for each in row["reports"]] == [
        ("gw-1", "cooling", 99.5), ("gw-2", "suspect", 0.0),
    ]
    assert report_health(GATEWAY, [report("disabled", 30, gateway="gw-2", cause="invalid_key")]) == 1
    assert credentials.get_credential(ADMIN, "openai-a")["health"] == "disabled"
    assert (row["revision"], revision()) == (1, 1)


def test_gateways_report_and_people_do_not(database: str) -> None:
    """Only a gateway says how a credential is doing."""
    for actor in (VIEWER, OPERATOR):
        with pytest.raises(Forbidden):
            report_health(actor, [])


def test_a_workspace_holds_an_admin_secret(database: str) -> None:
    """An admin key is stored with a workspace, is not shown, and an empty field keeps it."""
    row = workspaces.create_workspace(ADMIN, a_workspace(organisation="org-1"))
    assert row["secret_set"]
    row = workspaces.update_workspace(ADMIN, "acme", {"secret": "", "disabled": True}, row["revision"])
    assert Workspace.objects.get().secret.reveal("vendor admin") == ADMIN_SECRET
    assert workspaces.list_workspaces(VIEWER, Query(search="ORG-1")).items == [row]
    assert SECRET not in repr(row)
    workspaces.delete_workspace(ADMIN, "acme", row["revision"])
    assert Workspace.objects.count() == 0
