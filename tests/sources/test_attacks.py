"""What somebody tried: an edit or a late answer that spends the refresh token, the machine's identity for their own address, an
issuer that gives what no gateway can take."""

import json
import math
from datetime import datetime
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from sources import sourcekit as kit
from sources.conftest import Time
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, TokenSource
from stationmaster.credentials.records import credentials as records
from stationmaster.credentials.sources import leasing, refreshing
from stationmaster.errors import Forbidden, Invalid
from stationmaster.gateway.core.clouds import may_be_sent
from stationmaster.issuers._base import Issued
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.workspaces import addresses

MINE = "https://acme.openai.azure.com/openai/v1"


def test_an_edit_while_it_is_asked_loses_no_refresh_token(
    database: str, sandbox: SandboxServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issuer gives another refresh token while somebody changes a part: it is kept, and the source goes on with it."""
    issuer = kit.provider(sandbox)
    given = kit.refresh_token(sandbox, issuer)
    row = kit.made(sandbox, given)
    real = refreshing._ask

    def ask(asked: TokenSource) -> Any:
        issued = real(asked)
        kept = {"kind": given["kind"], "options": {**given["options"], "scope": "more"}}
        credentials.put_source(OPERATOR, "models", kept)
        return issued

    monkeypatch.setattr(refreshing, "_ask", ask)
    assert refreshing.refresh(row.id, row.serial)
    monkeypatch.setattr(refreshing, "_ask", real)
    assert not kit.source().rotating.holds(given["refresh_token"]), "the token that was spent is still there"
    assert not kit.source().credential.secret, "what was asked for with other parts does not serve"
    assert kit.tend() == 1
    assert kit.source().state == "ok"
    assert kit.secret() == issuer.given()[-1]


def test_an_answer_that_comes_after_the_lease(
    database: str, sandbox: SandboxServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process stands still with the answer in hand, and another is refused meanwhile: the answer is stored all the same."""
    issuer = kit.provider(sandbox)
    given = kit.refresh_token(sandbox, issuer)
    row = kit.made(sandbox, given)
    real = refreshing._ask

    def ask(asked: TokenSource) -> Any:
        issued = real(asked)
        time.on(seconds=leasing.HELD.total_seconds() + 1)
        monkeypatch.setattr(refreshing, "_ask", real)
        kit.tend()
        assert kit.source().state == "needs_you", "the other one was not refused"
        return issued

    monkeypatch.setattr(refreshing, "_ask", ask)
    refreshing.refresh(row.id, row.serial)
    assert kit.source().state == "ok"
    assert kit.secret() == issuer.given()[0]
    assert not kit.source().rotating.holds(given["refresh_token"]), "the token that was spent is still there"


def test_a_refresh_token_is_not_sent_without_the_lease(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Who stood still before it was sent, until another process may be at it, does not send it."""
    issuer = kit.provider(sandbox)
    row = kit.made(sandbox, kit.refresh_token(sandbox, issuer))
    row.lease = leasing.claim(row.id, row.serial)
    time.on(seconds=leasing.HELD.total_seconds() + 1)
    assert not refreshing._note_sent(row)
    assert kit.source().sent == ""
    assert kit.tend() == 1
    assert kit.source().state == "ok"


def test_the_machines_identity_serves_no_address_of_an_operators(database: str) -> None:
    """What the machine is known as in a cloud gives no secret for an address that an operator chose; an admin may have it so."""
    options = {"mode": "managed_identity", "scope": "https://management.azure.com/.default"}
    given = {"kind": "entra", "options": options, "vendor": "azure_openai", "base_url": MINE}
    with pytest.raises(Forbidden) as told:
        credentials.put_source(OPERATOR, "models", given)
    assert told.value.code == "error.source.identity"
    assert not Credential.objects.exists()
    credentials.put_source(ADMIN, "models", given)
    with pytest.raises(Forbidden):
        credentials.put_source(OPERATOR, "models", {"kind": "entra", "options": {**options, "scope": "https://x.example/.default"}})


def test_nobody_sends_it_beside_who_is_sending_it(database: str, sandbox: SandboxServer, time: Time) -> None:
    """An edit that keeps the refresh token, while a process holds it: no other one takes it on before that is over."""
    issuer = kit.provider(sandbox)
    given = kit.refresh_token(sandbox, issuer)
    row = kit.made(sandbox, given)
    assert leasing.claim(row.id, row.serial)
    credentials.put_source(ADMIN, "models", {"kind": given["kind"], "options": {**given["options"], "scope": "more"}})
    assert kit.tend() == 0
    credentials.put_source(ADMIN, "models", kit.refresh_token(sandbox, kit.provider(sandbox)))
    assert kit.tend() == 1


# where tokens go

ELSEWHERE = [
    "https://mine.example.com/openai/v1", "https://openai.azure.com.example.com/v1", "https://xopenai.azure.com/v1",
    "https://mine.azurewebsites.net/v1", "https://mine.azure-api.net/v1", "https://a.b.openai.azure.com/v1",
]  # fmt: skip


def cloud(kind: str, base_url: str, vendor: str) -> dict[str, Any]:
    """A source of a cloud with a secret of its own."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/x", "region": "eu-west-1"}
    options = {"entra": {"tenant": "t", "client_id": "c"}, "aws": role}
    secrets = {"entra": "client-secret", "aws": json.dumps({"access_key_id": "AKIA1", "secret_access_key": "s" * 40})}
    return {"kind": kind, "options": options.get(kind, {"mode": "ambient"}), "secret": secrets.get(kind, ""), "vendor": vendor,
            "base_url": base_url}  # fmt: skip


@pytest.mark.parametrize(("kind", "vendor", "base_url"), [
    *(("entra", "azure_openai", url) for url in ELSEWHERE),
    ("aws", "bedrock", "https://ec2-1-2-3-4.eu-west-1.compute.amazonaws.com"),
    ("aws", "bedrock", "https://x.execute-api.eu-west-1.amazonaws.com"), ("aws", "bedrock", "https://bedrock.mine.example.com"),
    ("aws", "bedrock", "https://vpce-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com"),
    ("google", "vertex", "https://mine.example.com/v1/projects/p/locations/l"),
    ("google", "vertex", "https://storage.googleapis.com/v1/projects/p/locations/l"),
])  # fmt: skip
def test_a_clouds_tokens_stay_in_the_cloud(database: str, kind: str, vendor: str, base_url: str) -> None:
    """They go to its own hosts for models, whoever asks; to another one, an admin's own, once it was allowed."""
    for actor in (OPERATOR, ADMIN):
        with pytest.raises((Invalid, Forbidden)):
            credentials.put_source(actor, "models", cloud(kind, base_url, vendor))
    assert not Credential.objects.exists()
    addresses.allow_address(ADMIN, {"name": base_url.split("/")[2], "reason": "our proxy"})
    if kind != "google":
        assert credentials.put_source(OPERATOR, "models", cloud(kind, base_url, vendor))["refresh"] == "new"
        addresses.disallow_address(ADMIN, base_url.split("/")[2])
        kit.tend()
        assert kit.source().last_error == "error.source.elsewhere", "it was asked for all the same"


@pytest.mark.parametrize(("kind", "vendor", "base_url"), [
    ("entra", "azure_openai", "https://acme.openai.azure.com/openai/v1"),
    ("entra", "azure_openai", "https://acme-eu.services.ai.azure.com/openai/v1"),
    ("entra", "azure_openai", "https://ACME.cognitiveservices.azure.us/openai/v1"),
    ("aws", "bedrock", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
    ("aws", "bedrock", "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"),
    ("aws", "bedrock", "https://vpce-1-a.bedrock-runtime.eu-west-1.vpce.amazonaws.com"),
])  # fmt: skip
def test_its_own_hosts_need_nobody(database: str, kind: str, vendor: str, base_url: str) -> None:
    """Hosts at which the cloud serves models."""
    assert credentials.put_source(OPERATOR, "models", cloud(kind, base_url, vendor))["refresh"] == "new"


def test_an_identity_provider_is_one_that_an_admin_knows(database: str, sandbox: SandboxServer, time: Time) -> None:
    """The generic grants go nowhere else, when they are set and when they are used; a port that goes without saying is none."""
    given = {"kind": "oauth2_client_credentials", "secret": "of-the-client", "vendor": "openai_compatible",
             "base_url": "https://models.example.com/v1",
             "options": {"token_url": "https://login.example.com:443/token", "client_id": "app_company"}}  # fmt: skip
    for actor in (OPERATOR, ADMIN):
        with pytest.raises(Invalid) as told:
            credentials.put_source(actor, "models", given)
        assert told.value.code == "error.source.unknown_issuer"
    addresses.allow_address(ADMIN, {"name": "login.example.com", "reason": "the company's"})
    assert credentials.put_source(OPERATOR, "models", given)["refresh"] == "new"
    kit.tend()
    assert kit.source().last_error != "error.source.rejected", "the port was taken for another address"
    addresses.disallow_address(ADMIN, "login.example.com")
    time.on(minutes=1)
    kit.tend()
    assert kit.source().last_error == "error.source.unknown_issuer"


# what issuers give

ODD = [
    Issued("abc def ghi jkl", 3600), Issued("abc\r\nx-evil: 1", 3600), Issued("t\u00f6ken-aaaaaaaa", 3600), Issued("short", 3600),
    Issued("x" * 200_000, 3600), Issued('{"a": "b", "c": "d"}', 3600), Issued("", 3600), Issued("sess-of-a-browser-0001", 3600),
    *(Issued("token-0000000000", lasts) for lasts in (math.nan, math.inf, 1e300, 1e10, -5.0, 0.0)),
    Issued("token-0000000000", expires_at=datetime(2030, 1, 1)),
]  # fmt: skip


class Odd:
    """An issuer that gives this."""

    def __init__(self, given: Issued) -> None:
        self._given = given

    def issue(self) -> Issued:
        """It."""
        return self._given


@pytest.mark.parametrize("given", ODD, ids=range(len(ODD)))
def test_what_cannot_serve_replaces_nothing(
    database: str, sandbox: SandboxServer, time: Time, monkeypatch: pytest.MonkeyPatch, given: Issued
) -> None:
    """The secret that works still goes on; the source says that it fails, without a word of what came; it is tried again, ever
    more seldom; and a refresh token that came with it is the one to send next."""
    issuer = kit.provider(sandbox)
    kit.made(sandbox, kit.refresh_token(sandbox, issuer))
    kit.tend()
    good = kit.secret()
    odd = Issued(given.secret, given.expires_in, given.expires_at, "the-next-refresh-token")
    monkeypatch.setattr(refreshing, "open_issuer", lambda _: Odd(odd))
    time.on(minutes=49)
    assert kit.tend() == 1
    assert kit.secret() == good
    row = kit.source()
    assert (row.state, row.lease, row.sent) == ("failing", "", "")
    assert row.rotating.holds("the-next-refresh-token")
    assert row.last_words
    assert not given.secret or given.secret not in row.last_words
    assert dict(records())["models"].secret == good
    assert sum(kit.tend() for _ in range(20)) == 0


def test_a_life_of_moments_is_no_reason_to_ask_all_the_time(
    database: str, sandbox: SandboxServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens that live for a second, and an issuer whose tokens are over when they come: seldom in a minute."""
    kit.made(sandbox, kit.client_credentials(sandbox, kit.provider(sandbox)))
    monkeypatch.setattr(refreshing, "open_issuer", lambda _: Odd(Issued("token-0000000000", 1.0)))
    asked = 0
    for _ in range(60):
        asked += kit.tend()
        time.on(seconds=1)
    assert asked == 6


def test_a_role_at_an_address_of_ones_own_serves(
    database: str, sandbox: SandboxServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is issued for an address that names no region says which one it is signed for."""
    issuer = kit.provider(sandbox, "sts")
    addresses.allow_address(ADMIN, {"name": "bedrock.mine.example.com", "reason": "our endpoint"})
    given = cloud("aws", "https://bedrock.mine.example.com", "bedrock")
    given["options"]["address"] = issuer.base_url(sandbox.url)
    credentials.put_source(ADMIN, "models", given)
    assert kit.tend() == 1
    found = dict(records())["models"]
    assert not found.disabled
    assert may_be_sent("bedrock", found.secret, found.base_url)


def test_a_secret_that_cannot_be_sent_stops_its_own_credential_alone(database: str) -> None:
    """However it came into the row, gateways are not given it, and take all the rest."""
    for name in ("good", "odd"):
        credentials.create_credential(ADMIN, {"name": name, "vendor": "openai", "secret": f"sk-proj-{name}00000000000001"})
    with change(ADMIN) as edit, edit.updating(row := Credential.objects.get(name="odd")):
        row.secret = "abc\r\nx-evil: 1"
    found = dict(records())
    assert (found["odd"].secret, found["odd"].disabled) == ("", True)
    assert found["good"].secret
    assert not found["good"].disabled
