"""What is known of a credential over time: its health with cause, its end, what a person says of it, which of the vendor's
keys it is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from icalendar import Calendar

from controlkit import ADMIN, VIEWER, a_credential
from credentials.kit import an_organisation, minted, run, run_all, run_once, slot, told_of
from stationmaster.audit.models import AuditEvent
from stationmaster.credentials import expiry
from stationmaster.credentials import services as credentials
from stationmaster.credentials.health import HealthReport, report_health
from stationmaster.credentials.models import CredentialSecret, HealthEvent
from stationmaster.credentials.records import credentials as records
from stationmaster.credentials.sources.models import FAILING, OK, TokenSource
from stationmaster.credentials.work.identifying import fits
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.jobs.models import QUEUED, Job
from stationmaster.operators import services as operators
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.listing import Query

GATEWAY = Actor("gateway", "gwt_1", "gateway")


def ends(row: str, **in_: float) -> datetime:
    """Have a credential end so long from now."""
    at = timezone.now() + timedelta(**in_)
    credentials.update_credential(ADMIN, row, {"expires_at": at.isoformat(timespec="seconds").replace("+00:00", "Z")})
    return at


def local(sandbox: SandboxServer, name: str = "slot", **more: Any) -> None:
    """A credential for the sandbox."""
    credentials.create_credential(ADMIN, a_credential(name, base_url=f"{sandbox.url}/v1", allow_insecure_http=True, **more))


def test_history_is_kept_with_cause(database: str) -> None:
    """Each change of state that a gateway reports is an entry, once however often it is told; the newest is the credential's."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    now = timezone.now().timestamp()
    told = [
        HealthReport("gw-1", "slot", "cooling", "rate_limited", "rate_limit_exceeded", now + 9, now - 30, 1),
        HealthReport("gw-1", "slot", "disabled", "invalid_key", "invalid_api_key", 0.0, now - 20, 1),
        HealthReport("gw-2", "slot", "healthy", "", "", 0.0, now - 10, 1),
    ]
    for _ in range(2):
        report_health(GATEWAY, told)
    page = credentials.list_history(VIEWER, "slot", Query())
    assert [(row["gateway"], row["state"], row["cause"]) for row in page.items] == [
        ("gw-2", "healthy", ""), ("gw-1", "disabled", "invalid_key"), ("gw-1", "cooling", "rate_limited"),
    ]  # fmt: skip
    assert page.total == 3
    assert slot().health == "healthy"
    assert credentials.forget_history(1) == 0
    HealthEvent.objects.update(at=timezone.now() - timedelta(days=40))
    assert credentials.forget_history(30) == 3


def test_probing_one_and_all(database: str, sandbox: SandboxServer) -> None:
    """A job asks each credential's vendor; what it said is shown, with whose the vendor says it is, and is part of the
    history."""
    local(sandbox)
    local(sandbox, "refused", secret="sk-proj-refused-sandbox-401")
    job = str(credentials.probe_credential(ADMIN, "all", {})["id"])
    assert run(job)["state"] == "partial"
    good, bad = credentials.get_credential(ADMIN, "slot"), credentials.get_credential(ADMIN, "refused")
    assert good["probe_ok"] is True
    assert good["organisation_seen"]
    assert bad["probe_ok"] is False
    assert bad["probe_words"]
    told = credentials.list_history(ADMIN, "refused", Query()).items
    assert [(row["gateway"], row["state"]) for row in told] == [("", "suspect")]
    again = str(credentials.probe_credential(ADMIN, "slot", {})["id"])
    assert run(again)["state"] == "succeeded", told_of(again)


def test_a_person_overrides(database: str) -> None:
    """In or out of service, whatever gateways found; when its time is over a job takes it back by itself."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    credentials.override_credential(ADMIN, "slot", {"state": "out", "until": until, "reason": "audit"})
    assert dict(records())["slot"].disabled
    credentials.override_credential(ADMIN, "slot", {"state": "in"})
    record = dict(records())["slot"]
    assert (record.disabled, record.forced) == (False, True)
    job = Job.objects.get(kind="end-override", state=QUEUED)
    run_once(job.id)
    assert slot().override == "in", "another one that was said since"
    credentials.override_credential(ADMIN, "slot", {"state": "out", "until": (timezone.now() - timedelta(seconds=1)).isoformat()})
    run_all()
    assert (slot().override, dict(records())["slot"].disabled) == ("", False)
    with pytest.raises(Invalid):
        credentials.override_credential(ADMIN, "slot", {"state": "maybe"})


def test_ends_are_told_once(database: str) -> None:
    """Soon, and when it has ended: a state, an event each, once; a longer life takes them back."""
    credentials.create_credential(ADMIN, a_credential("slot", warn_days=7))
    ends("slot", days=30)
    assert slot_state() == "ok"
    assert expiry.warn() == 0
    ends("slot", days=3)
    assert slot_state() == "soon"
    assert [expiry.warn(), expiry.warn()] == [1, 0]
    ends("slot", seconds=-5)
    assert slot_state() == "expired"
    assert [expiry.warn(), expiry.warn()] == [1, 0]
    events = AuditEvent.objects.filter(subject=slot().id, action__in=("expires_soon", "expired")).order_by("seq")
    assert [event.action for event in events] == ["expires_soon", "expired"]
    assert [row["name"] for row in credentials.ending(VIEWER)] == ["slot"]
    credentials.update_credential(ADMIN, "slot", {"expires_at": None})
    assert (slot_state(), credentials.ending(VIEWER)) == ("", [])


def slot_state() -> str:
    """How near its end is."""
    return str(credentials.get_credential(ADMIN, "slot")["expiry"])


@pytest.mark.parametrize(("works", "told"), [(OK, ("", 0)), (FAILING, ("soon", 1))])
def test_what_refreshes_itself_is_no_news(database: str, works: str, told: tuple[str, int]) -> None:
    """A token of an hour whose source works is not told as one that ends soon; one whose source fails is."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    ends("slot", hours=1)
    with change(ADMIN) as edit:
        edit.create(TokenSource(credential=slot(), kind="client_credentials", state=works))
    assert (slot_state(), expiry.warn()) == told


def test_every_warning_has_its_own_length(database: str) -> None:
    """Of two that end on the same day, the one that is told of earlier is told of."""
    for name, days in (("early", 60), ("late", 7)):
        credentials.create_credential(ADMIN, {**a_credential(name), "warn_days": days})
        ends(name, days=30)
    assert [row["name"] for row in credentials.ending(VIEWER)] == ["early"]


def test_a_calendar_reads_it(database: str, sandbox: SandboxServer) -> None:
    """The feed at an address says what ends and what is rotated; nobody reads it without that address, and a deleted one finds
    nothing."""
    minted(sandbox, an_organisation(sandbox), rotate_days=20)
    at = ends("slot", days=30)
    made = credentials.create_feed(somebody("admin"), {"name": "ops"})
    secret = made.secret.text.removeprefix("/calendar/").removesuffix(".ics")
    read = Calendar.from_ical(credentials.feed(secret).decode())
    events = {str(event["summary"]): event.decoded("dtstart") for event in read.walk("VEVENT")}
    assert set(events) == {"slot (openai) expires", "slot (openai) rotates"}
    assert abs(events["slot (openai) expires"] - at) < timedelta(seconds=2)
    assert "sk-svcacct" not in str(read)
    assert credentials.get_feed(ADMIN, "ops")["last_used_at"]
    for wrong in ("", "nothing", secret[:-1]):
        with pytest.raises(StationmasterError) as caught:
            credentials.feed(wrong)
        assert caught.value.status == 404
    credentials.delete_feed(ADMIN, "ops")
    with pytest.raises(StationmasterError):
        credentials.feed(secret)


def somebody(role: str) -> Actor:
    """Somebody who may log in."""
    made = operators.create_operator(ADMIN, {"email": f"{role}@example.com", "role": role})
    return Actor("operator", made["id"], role, "r", person=made["id"])


@pytest.mark.parametrize("end", [{"active": False}, {"role": "member"}, None])
def test_a_calendar_ends_with_its_owner(database: str, end: dict[str, Any] | None) -> None:
    """Who made it has left, may not see credentials any more, or is gone: its address finds nothing. One that was made at the
    command line stays."""
    owner = somebody("operator")
    feeds = [credentials.create_feed(each, {"name": each.kind}) for each in (owner, Actor("cli", "ada", "admin", "r"))]
    mine, other = (each.secret.text.removeprefix("/calendar/").removesuffix(".ics") for each in feeds)
    assert credentials.feed(mine)
    if end is None:
        operators.delete_operator(ADMIN, owner.id)
    else:
        operators.update_operator(ADMIN, owner.id, end)
    with pytest.raises(StationmasterError) as caught:
        credentials.feed(mine)
    assert caught.value.status == 404
    assert credentials.feed(other)


def test_a_calendar_of_a_token_ends_with_it(database: str) -> None:
    """A token of nobody's made it: deleted, the address finds nothing either."""
    token = operators.create_token(Actor("cli", "ada", "admin", "r"), {"name": "t", "role": "operator"})
    actor = operators.actor_of(token.secret.text)
    feed = credentials.create_feed(actor, {"name": "t"}).secret.text.removeprefix("/calendar/").removesuffix(".ics")
    assert credentials.feed(feed)
    operators.delete_token(ADMIN, actor.id)
    with pytest.raises(StationmasterError):
        credentials.feed(feed)


def test_a_pasted_key_is_recognised_at_its_vendor(database: str, sandbox: SandboxServer) -> None:
    """Probed, a pasted key is found among the vendor's keys by what the vendor shows of it; then it is revoked there too."""
    org = an_organisation(sandbox)
    minted(sandbox, org, "other")
    secret = dict(records())["other"].secret
    local(sandbox, secret=secret, workspace=org.name)
    run(str(credentials.probe_credential(ADMIN, "slot", {})["id"]))
    one = CredentialSecret.objects.get(credential__name="slot")
    assert one.vendor_key == CredentialSecret.objects.get(credential__name="other").vendor_key
    run(str(credentials.revoke_credential(ADMIN, "slot", {})["id"]))
    assert one.vendor_key not in {key.id for key in org.keys.all()}


@pytest.mark.parametrize(("hint", "secret", "fit"), [
    ("sk-svcacct-...wxyz", "sk-svcacct-abcdwxyz", True),
    ("sk-ant-api03-R2D...igAA", "sk-ant-api03-R2Dxxxxxxxxxxxxxxigaa", False),
    ("sk-...xyz", "sk-abcxyz", False),
    ("sk-abc", "sk-abc", False),
    ("", "sk-abc", False),
    ("sk-a…bcde", "sk-abcde", True),
    ("sk-abcd…abcd", "sk-abcd", False),
])  # fmt: skip
def test_hints(hint: str, secret: str, fit: bool) -> None:
    """A hint fits what it was made of, and nothing that is shorter than it or ends otherwise."""
    assert fits(hint, secret) is fit


_CHATGPT = ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2F1dGgub3BlbmFpLmNvbSIsImh0dHBzOi8vYXBpLm9wZW5haS5jb20vYXV0aCI6e319"
            ".c2lnbmF0dXJl")  # fmt: skip
_SESSION = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aXY.Y2lwaGVy.dGFn"
CONSUMER = [
    "sk-ant-oat01-abcdefgh", "sk-ant-ort01-abcdefgh", "sk-ant-sid01-abcdefgh", "sess-abcdefghij", "ya29.abcdefgh", "1//0abcdefgh",
    "g.a000abcdefgh", "gho_abcdefghij", "ghu_abcdefghij", "tid=abc;exp=1", _CHATGPT, _SESSION,
    "sessionKey=sk-ant-sid01-abcdef", "__Secure-next-auth.session-token=abc", '{"claudeAiOauth":{"accessToken":"x"}}',
    '{"tokens":{"id_token":"x","refresh_token":"y"}}',
]  # fmt: skip


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini", "openai_compatible", "azure_openai"])
def test_what_is_not_for_api_use_enters_nowhere(database: str, vendor: str) -> None:
    """Tokens of consumer products and browser sessions are refused where a credential is made, changed or rotated, whatever
    vendor is named; and no message repeats them."""
    first = a_credential("slot", vendor=vendor, secret="key-0123456789abcdef", base_url="https://api.example.com/v1")
    credentials.create_credential(ADMIN, first)
    for secret in CONSUMER:
        given = a_credential("new", vendor=vendor, base_url="https://api.example.com", secret=secret)
        ways: tuple[Callable[[], object], ...] = (
            partial(credentials.create_credential, ADMIN, given),
            partial(credentials.update_credential, ADMIN, "slot", {"secret": secret}),
            partial(credentials.rotate_credential, ADMIN, "slot", {"secret": secret}),
        )
        for way in ways:
            with pytest.raises(Invalid) as caught:
                way()
            assert caught.value.code == "error.credential.not_for_api_use"
            assert secret not in repr(caught.value) + str(caught.value.fields)
        assert credentials.recognise(ADMIN, vendor, {"secret": secret})["usable"] is False


@pytest.mark.parametrize(("secret", "kind", "vendor", "use"), [
    ("sk-proj-abc", "openai_project_key", "openai", "api"), ("sk-svcacct-abc", "openai_service_account_key", "openai", "api"),
    ("sk-admin-abc", "openai_admin_key", "openai", "admin"), ("sk-ant-api03-abc", "anthropic_api_key", "anthropic", "api"),
    ("sk-ant-admin01-abc", "anthropic_admin_key", "anthropic", "admin"), ("AIzaSyA", "google_api_key", "gemini", "api"),
    ("AQ.Ab8", "google_authorisation_key", "gemini", "api"), ("ABSKQmVk", "bedrock_api_key", "bedrock", "api"),
    ("sk-or-v1-abc", "openrouter_key", "openai_compatible", "api"), ("sk-anything", "openai_key", "openai", "api"),
    ("0123456789abcdef", "unknown", "", "api"), ("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.x", "access_token", "", "api"),
    ("eyJ.", "unknown", "", "api"), ("eyJ!!!.eyJ.x", "unknown", "", "api"),
])  # fmt: skip
def test_kinds_are_recognised(secret: str, kind: str, vendor: str, use: str) -> None:
    """By their beginning, or by what a token says of itself; what is not known is nobody's."""
    shape = shape_of(secret)
    assert (shape.kind, shape.vendor, shape.use) == (kind, vendor, use)


def test_a_refreshed_token_stays_the_same_generation(database: str) -> None:
    """A short-lived secret is replaced without a rotation: the number stays, its end moves, gateways get it."""
    from stationmaster.credentials import generations

    credentials.create_credential(ADMIN, a_credential("slot"))
    until = timezone.now() + timedelta(hours=1)
    with change(ADMIN) as edit:
        generations.refresh(edit, slot(), "sk-ant-oat01-from-a-federation-rule", until)
    record = dict(records())["slot"]
    assert (record.secret, record.generation, slot().expires_at) == ("sk-ant-oat01-from-a-federation-rule", 1, until)
