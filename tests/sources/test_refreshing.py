"""A credential's secret is issued, replaced in time, once; failures back off and are seen; refresh tokens are used once."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connections

from controlkit import ADMIN
from sources.conftest import Time
from sources.sourcekit import client_credentials, made, provider, refresh_token, secret, source, tend
from stationmaster.audit.models import AuditEvent
from stationmaster.credentials import expiry, generations
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.credentials.records import credentials as records
from stationmaster.credentials.sources import asking, leasing, refreshing
from stationmaster.errors import Conflict, Invalid, StationmasterError
from stationmaster.gateway.core.clouds import fault_in
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.store.listing import Query


def test_a_secret_comes_and_is_replaced_in_time(database: str, sandbox: SandboxServer, time: Time) -> None:
    """The first within seconds; the next at four fifths of an hour's life, by the time that passed since it was asked for; all of
    one generation, and no end of it is news."""
    issuer = provider(sandbox, lasts=3600)
    row = made(sandbox, client_credentials(sandbox, issuer))
    assert not dict(records())["models"].secret
    assert dict(records())["models"].disabled
    assert tend() == 1
    first = secret()
    assert dict(records())["models"].secret == first == issuer.given()[0]
    assert source().expires_at == source().credential.expires_at == time.now + timedelta(hours=1)
    time.on(minutes=47)
    assert tend() == 0
    time.on(minutes=1)
    assert tend() == 1
    assert secret() == issuer.given()[1] != first
    assert len(issuer.asked()) == 2
    assert source().credential.generation == row.credential.generation
    assert generations.of(source().credential) == []
    shown = credentials.get_credential(ADMIN, "models")
    assert shown["expiry"] == ""
    assert list(expiry.ending()) == []


def test_an_issuer_that_tells_no_end(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Is asked again after four fifths of an hour; what its token says of itself counts for nothing."""
    issuer = provider(sandbox, tells=False)
    made(sandbox, client_credentials(sandbox, issuer))
    tend()
    assert source().refresh_at == time.now + timedelta(minutes=48)


def test_failures_back_off_and_are_seen(database: str, sandbox: SandboxServer, time: Time) -> None:
    """An issuer that is down for a day is asked some hundred times, not thousands; the state, the words and the next try are
    shown, one event is written, the calendar counts the credential again, and the first success mends all of it."""
    issuer = provider(sandbox)
    made(sandbox, client_credentials(sandbox, issuer))
    tend()
    issuer.faults.set("503", times=None)
    time.on(minutes=48)
    for _ in range(24 * 60 * 6):
        tend()
        time.on(seconds=10)
    calls = len(issuer.asked()) - 1
    assert 24 * 4 <= calls <= 24 * 8 + 10
    shown = credentials.get_source(ADMIN, "models")
    assert (shown["refresh"], shown["last_error"]) == ("failing", "error.source.transient")
    assert shown["failures"] == calls
    assert "sandbox" in shown["last_words"]
    assert credentials.get_credential(ADMIN, "models")["expiry"] in ("soon", "expired")
    assert AuditEvent.objects.filter(action="refresh_failing").count() == 1
    issuer.faults.clear()
    credentials.refresh_credential(ADMIN, "models", {})
    assert tend() == 1
    assert credentials.get_source(ADMIN, "models")["refresh"] == "ok"
    assert credentials.get_credential(ADMIN, "models")["expiry"] == ""
    assert AuditEvent.objects.filter(action="refresh_restored").count() == 1


def test_refresh_tokens_are_replaced_before_they_are_used_again(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Each is sent once, and the next one is stored with the secret that came with it."""
    issuer = provider(sandbox)
    made(sandbox, refresh_token(sandbox, issuer))
    for _ in range(5):
        assert tend() == 1
        assert source().rotating.reveal("refresh") == issuer.refresh_token
        time.on(hours=1)
    assert [each.used for each in issuer.asked()] == [1, 2, 3, 4, 5]
    assert not issuer.revoked


def test_a_lost_answer_is_tried_once_more_then_people_are_asked(database: str, sandbox: SandboxServer, time: Time) -> None:
    """The answer to the first use is lost: the old token is sent once more, which this issuer takes for theft. Then nothing is
    sent any more, whoever asks, until somebody gives another refresh token."""
    issuer = provider(sandbox)
    made(sandbox, refresh_token(sandbox, issuer))
    issuer.faults.set("close-after", on="POST *", times=1)
    tend()
    assert credentials.get_source(ADMIN, "models")["refresh"] == "failing"
    for _ in range(50):
        time.on(minutes=10)
        tend()
    assert [each.used for each in issuer.asked()] == [1, 1]
    assert credentials.get_source(ADMIN, "models")["refresh"] == "needs_you"
    assert AuditEvent.objects.filter(action="refresh_needs_you").count() == 1
    with pytest.raises(Conflict):
        credentials.refresh_credential(ADMIN, "models", {})
    fresh = provider(sandbox)
    credentials.put_source(ADMIN, "models", refresh_token(sandbox, fresh))
    assert tend() == 1
    assert secret() == fresh.given()[-1]
    assert len(issuer.asked()) == 2


def test_answers_lost_twice_end_it(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Two answers lost: a third use would be one too many. A failure that never reached the issuer between does not count."""
    issuer = provider(sandbox)
    made(sandbox, refresh_token(sandbox, issuer))
    issuer.faults.set("close-after", on="POST *", times=1)
    tend()
    time.on(minutes=10)
    issuer.faults.set("429", on="POST *", times=1)      # refused before anything was done
    tend()
    time.on(minutes=60)
    issuer.faults.set("close-after", on="POST *", times=1)
    tend()
    for _ in range(20):
        time.on(minutes=30)
        tend()
    assert len(issuer.asked()) == 3
    assert source().state == "needs_you"


def test_who_died_is_followed_by_another(database: str, sandbox: SandboxServer, time: Time) -> None:
    """A process takes a refresh on and is gone: nobody else does until its lease is over, and then one does."""
    issuer = provider(sandbox)
    row = made(sandbox, refresh_token(sandbox, issuer))
    assert leasing.claim(row.id, row.serial)
    time.on(seconds=30)
    assert tend() == 0
    time.on(seconds=61)
    assert tend() == 1
    assert len(issuer.asked()) == 1
    assert source().state == "ok"


def test_of_many_threads_one_refreshes(database: str, sandbox: SandboxServer) -> None:
    """Forty that need the secret at once, and the issuer takes its time: it is asked once, and all get the same."""
    issuer = provider(sandbox)
    row = made(sandbox, refresh_token(sandbox, issuer))
    issuer.faults.set("slow", on="POST *", seconds=0.5)
    found: list[str] = []

    def need() -> None:
        try:
            found.append(refreshing.fresh(row.id))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=need) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [secret()] * 40
    assert len(issuer.asked()) == 1


def test_a_refused_token_is_replaced_once(database: str, sandbox: SandboxServer, time: Time) -> None:
    """However many gateways say that it was refused: one refresh, the next one a minute later at the soonest, and none for what
    was said of an earlier token."""
    issuer = provider(sandbox)
    row = made(sandbox, client_credentials(sandbox, issuer))
    tend()
    time.on(minutes=5)
    for _ in range(20):
        asking.refused(row.credential_id, time.now)
        tend()
    assert len(issuer.asked()) == 2
    time.on(seconds=30)
    assert not asking.refused(row.credential_id, time.now - timedelta(minutes=2))
    assert [asking.refused(row.credential_id, time.now) for _ in range(3)] == [True, False, False]
    time.on(seconds=29)
    assert tend() == 0
    time.on(seconds=1)
    assert tend() == 1
    assert len(issuer.asked()) == 3
    assert not asking.refused("cred_of_nobody", time.now)


def test_a_revoked_credential_gets_no_secret(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Revoked for a leak it stays empty, also when the answer was under way; taken up again it goes on with another number."""
    issuer = provider(sandbox)
    made(sandbox, client_credentials(sandbox, issuer))
    tend()
    old = source().credential.generation
    credentials.revoke_credential(ADMIN, "models", {"reason": "leaked"})
    time.on(hours=2)
    assert tend() == 0
    refreshing.refresh(source().id, source().serial)
    assert not source().credential.secret
    with pytest.raises(Conflict):
        credentials.refresh_credential(ADMIN, "models", {})
    from credentials.kit import run_all

    run_all()
    credentials.update_credential(ADMIN, "models", {"disabled": False, "disabled_reason": "", "secret": "sk-stand-in-for-now"})
    credentials.refresh_credential(ADMIN, "models", {})
    tend()
    assert secret() == issuer.given()[-1]
    assert source().credential.generation > old


def test_what_is_issued_follows_to_no_other_address(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Nobody changes the credential's address while it has a source; where it is another all the same, nothing is issued for it
    before the source's own secret is given again."""
    issuer = provider(sandbox)
    made(sandbox, client_credentials(sandbox, issuer))
    tend()
    moved = {"base_url": "https://collector.example.com/v1", "secret": "whatever-this-may-be"}
    with pytest.raises(Conflict):
        credentials.update_credential(ADMIN, "models", moved)
    with change(ADMIN) as edit, edit.updating(row := Credential.objects.get(name="models")):
        row.base_url = moved["base_url"]
    time.on(hours=1)
    tend()
    assert len(issuer.asked()) == 1
    assert credentials.get_source(ADMIN, "models")["refresh"] == "needs_you"
    with pytest.raises(Conflict):
        credentials.refresh_credential(ADMIN, "models", {})
    with pytest.raises(Invalid):
        credentials.put_source(ADMIN, "models", client_credentials(sandbox, issuer) | {"secret": ""})
    credentials.put_source(ADMIN, "models", client_credentials(sandbox, issuer))
    assert tend() == 1
    assert secret() == issuer.given()[1]


def test_other_parts_given_meanwhile_win(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Somebody sets another source while the old one is being asked: what it answers is not stored."""
    old, new = provider(sandbox), provider(sandbox)
    row = made(sandbox, client_credentials(sandbox, old))
    old.faults.set("hold-after", on="POST *", times=1)

    def refresh() -> None:
        refreshing.refresh(row.id, row.serial)
        connections.close_all()

    thread = threading.Thread(target=refresh)
    thread.start()
    while not old.faults.held:
        pass
    credentials.put_source(ADMIN, "models", client_credentials(sandbox, new))
    old.faults.release()
    thread.join(30)
    assert not source().credential.secret
    assert tend() == 1
    assert secret() == new.given()[0]


def test_one_source_is_the_identity_of_another(database: str, sandbox: SandboxServer, time: Time) -> None:
    """A token of the company's provider is exchanged for one of Anthropic's: each is fetched when it is needed."""
    company, vendor = provider(sandbox), provider(sandbox, "anthropic")
    made(sandbox, client_credentials(sandbox, company), "company")
    options = {"federation_rule_id": "fdrl_1", "organization_id": "o1", "identity": "credential:company",
               "address": vendor.base_url(sandbox.url)}  # fmt: skip
    row = made(sandbox, {"kind": "anthropic_federation", "options": options}, "claude", "anthropic")
    refreshing.refresh(row.id, row.serial)
    assert source("claude").last_error == "error.source.rejected"      # it knows another identity yet
    vendor.identity = secret("company")
    time.on(minutes=1)
    refreshing.refresh(row.id, source("claude").serial)
    assert secret("claude").startswith("sk-ant-oat01-")
    assert len(company.asked()) == 1


@pytest.mark.parametrize(("kind", "simulated", "vendor", "base_url"), [
    ("google", "google", "vertex", "https://europe-west1-aiplatform.googleapis.com/v1/projects/a/locations/europe-west1"),
    ("aws", "sts", "bedrock", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
    ("entra", "entra", "azure_openai", "https://acme.openai.azure.com/openai/v1"),
])  # fmt: skip
def test_clouds_get_what_their_gateways_take(
    database: str, sandbox: SandboxServer, time: Time, kind: str, simulated: str, vendor: str, base_url: str
) -> None:
    """A service account's key, an identity's keys and a client's secret stay here: gateways get a token, or temporary keys, in
    the form that they send."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    issuer = provider(sandbox, simulated)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    account = {"type": "service_account", "client_email": "b@a.iam.gserviceaccount.com", "private_key": key, "token_uri": "https://x"}
    secrets = {"google": json.dumps(account), "entra": issuer.secret,
               "aws": json.dumps({"access_key_id": "AKIA1", "secret_access_key": "s" * 40})}  # fmt: skip
    options = {"google": {}, "entra": {"tenant": "t", "client_id": issuer.client},
               "aws": {"role_arn": "arn:aws:iam::123456789012:role/x", "region": "eu-west-1"}}  # fmt: skip
    credentials.put_source(ADMIN, "cloud", {
        "kind": kind, "options": {**options[kind], "address": issuer.base_url(sandbox.url)}, "secret": secrets[kind],
        "vendor": vendor, "base_url": base_url,
    })  # fmt: skip
    assert tend() == 1
    found = dict(records())["cloud"]
    assert found.secret
    assert fault_in(vendor, found.secret, base_url) is None
    assert secrets[kind] not in found.secret


def test_lists_and_files(database: str, sandbox: SandboxServer, time: Time) -> None:
    """Sources are listed by state and kind, and none of their secrets is shown."""
    issuer = provider(sandbox)
    made(sandbox, client_credentials(sandbox, issuer), "one")
    made(sandbox, refresh_token(sandbox, issuer), "two")
    tend()
    found = credentials.list_sources(ADMIN, Query()).items
    assert [row["credential"] for row in found] == ["one", "two"]
    text = "".join(credentials.export_sources(ADMIN, Query(), "csv"))
    assert "oauth2_refresh_token" in text
    assert issuer.secret not in text
    assert not any(each in text for each in issuer.given())
    credentials.delete_source(ADMIN, "one")
    with pytest.raises(StationmasterError):
        credentials.get_source(ADMIN, "one")
    assert Credential.objects.get(name="one").secret
