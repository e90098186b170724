"""Operators as rows: what is taken, what is kept, what is told."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.utils import timezone

from operators.people import PASSWORD, ROOT, as_actor, every_byte, somebody
from stationmaster.audit import services as audit
from stationmaster.audit.models import AuditEvent
from stationmaster.audit.models import Person as Named
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale, StationmasterError
from stationmaster.operators import services
from stationmaster.operators.models import BrowserSession, Operator
from stationmaster.operators.sessions import SessionStore
from stationmaster.store.changes import rehearsal, revision
from stationmaster.store.listing import Query


@pytest.mark.parametrize("given", [
    {}, {"email": "x@example.com", "role": "root"}, {"email": "no address"}, {"email": 7}, {"email": "x@example.com\n"},
    {"email": "x@example.com", "role": "viewer", "active": 1}, {"email": "x@example.com", "role": "viewer", "language": "tlh"},
    {"email": "x@example.com", "role": "viewer", "display_name": "x" * 121}, {"email": "x@example.com", "password": "y"},
    {"email": "x@example.com", "role": "viewer", "display_name": "a\u202eb"}, {"email": "x@example.com", "role": ["admin"]},
    {"email": f"x@{'x.' * 130}com", "role": "viewer"}, {"email": "x@example.com", "is_superuser": True},
])  # fmt: skip
def test_bad_operators_are_refused(database: str, given: dict[str, object]) -> None:
    """Each field has its bounds, there are no others, and no password is set this way."""
    with pytest.raises(Invalid):
        services.create_operator(ROOT, given)
    assert not Operator.objects.exists()


def test_one_address_is_one_operator(database: str) -> None:
    """However it is written."""
    somebody("viewer", "a@example.com")
    with pytest.raises(Conflict):
        services.create_operator(ROOT, {"email": " A@Example.COM ", "role": "viewer"})
    other = somebody("viewer", "b@example.com")
    with pytest.raises(Conflict):
        services.update_operator(ROOT, other.id, {"email": "A@example.com"})


def test_some_admin_is_left(database: str) -> None:
    """The last active admin is neither deleted, nor switched off, nor given another role; a second one may be."""
    row = somebody()
    for change in ({"active": False}, {"role": "viewer"}):
        with pytest.raises(Conflict, match="no admin"):
            services.update_operator(ROOT, row.id, change)
    with pytest.raises(Conflict, match="no admin"):
        services.delete_operator(ROOT, row.id)
    somebody("admin", "second@example.com")
    services.update_operator(ROOT, row.id, {"role": "viewer"})
    assert Operator.objects.get(id=row.id).role == "viewer"


def test_versions_are_checked(database: str) -> None:
    """Who edits what somebody else changed meanwhile is told."""
    row = services.create_operator(ROOT, {"email": "a@example.com", "role": "viewer"})
    services.update_operator(ROOT, "a@example.com", {"display_name": "A"}, row["revision"])
    with pytest.raises(Stale):
        services.update_operator(ROOT, "a@example.com", {"display_name": "B"}, row["revision"])
    with pytest.raises(Stale):
        services.delete_operator(ROOT, "a@example.com", row["revision"])


def test_rehearsal_leaves_nothing(database: str) -> None:
    """What a dry run does is undone, and told."""
    before = revision()
    with rehearsal(ROOT) as edit:
        services.create_operator(edit.actor, {"email": "a@example.com", "role": "viewer"})
        services.create_token(edit.actor, {"name": "t"})
    assert [event.what.rpartition(":")[2] for event in edit.events] == ["create", "create"]
    assert revision() == before
    assert not Operator.objects.exists()


def test_people_can_be_forgotten(database: str) -> None:
    """After deleting and erasing an operator nothing in the trail names them, and it still holds."""
    row = services.create_operator(ROOT, {"email": "jane.roe@example.com", "role": "viewer", "display_name": "Jane Roe"})
    services.update_operator(ROOT, row["id"], {"display_name": "Jane Doe"})
    services.delete_operator(ROOT, row["id"])
    assert Named.objects.get(id=row["id"]).email == "jane.roe@example.com"
    audit.erase_person(ROOT, row["id"])
    stored = f"{list(AuditEvent.objects.values())} {list(Named.objects.values())} {list(Operator.objects.values())}"
    assert not [word for word in ("jane", "Jane", "Doe", "Roe") if word in stored]
    assert audit.verify(ROOT).ok


def test_everybody_looks_after_themselves(database: str) -> None:
    """One's own password, language and sessions take no right; tokens and the command line have none of these."""
    viewer, other = somebody("viewer"), somebody("member")
    me = as_actor(viewer)
    services.set_language(me, "zh-CN")
    services.set_password(me, "four dry otters sing")
    services.sign_out_everywhere(me, viewer.id)
    with pytest.raises(Forbidden):
        services.sign_out_everywhere(me, other.id)
    token = services.actor_of(services.create_token(ROOT, {"name": "t", "role": "admin"}).secret.text)
    for actor in (token, ROOT):
        with pytest.raises(Forbidden):
            services.set_language(actor, "en")
        with pytest.raises(Forbidden):
            services.my_sessions(actor, "")
    services.sign_out_everywhere(token, other.id)
    with pytest.raises(NotFound):
        services.sign_out_everywhere(token, "op_nobody")


def test_lists_search_filter_and_show_no_hash(database: str) -> None:
    """Found by address and name; passwords show as there or not."""
    somebody("viewer", "alice@example.com")
    services.create_operator(ROOT, {"email": "bob@example.com", "role": "auditor", "display_name": "Bob Übel"})
    found = services.list_operators(ROOT, Query(search="übel"))
    assert [row["email"] for row in found.items] == ["bob@example.com"]
    whole = services.list_operators(ROOT, Query(sort="email"))
    assert [row["password"] for row in whole.items] == [True, False]
    shown = str(whole) + "".join(services.export_operators(ROOT, Query(), "json")) + str(list(AuditEvent.objects.values()))
    assert "argon2" not in shown
    assert Operator.objects.get(email="alice@example.com").salt not in shown


def test_sessions_are_stored_found_and_forgotten(database: str) -> None:
    """Django's session engine: a session that was ended does not come back by a late save, and old ones are cleared."""
    store = SessionStore()
    store["half"] = "way"
    store.save()
    again = SessionStore(store.session_key)
    assert again["half"] == "way"
    SessionStore().delete(store.session_key)
    again["half"] = "late"
    with pytest.raises(UpdateError):
        again.save()
    assert SessionStore(store.session_key).get("half") is None
    assert not SessionStore().exists(str(store.session_key))
    other = SessionStore()
    other.create()
    BrowserSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    kept = SessionStore()
    kept.create()
    assert services.forget_expired() == 1
    assert BrowserSession.objects.count() == 1
    BrowserSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    SessionStore.clear_expired()
    assert not BrowserSession.objects.exists()


def test_a_session_that_was_tampered_with_is_none(database: str) -> None:
    """What was moved from another session does not open: the browser is signed out, and nothing breaks."""
    first, second = SessionStore(), SessionStore()
    for store, value in ((first, "one"), (second, "two")):
        store["who"] = value
        store.save()
    held = list(BrowserSession.objects.order_by("created_at"))
    BrowserSession.objects.filter(id=held[0].id).update(data=held[1].data)
    assert SessionStore(first.session_key).get("who") is None
    assert SessionStore(second.session_key).get("who") == "two"


def test_canaries_of_logging_in_are_nowhere(database: str, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, tokens and links that went through every service are in no table, log, error or repr."""
    caplog.set_level("DEBUG")
    row = somebody()
    link = services.issue_link(ROOT).secret
    api, gateway = services.create_token(ROOT, {"name": "t"}), services.create_gateway_token(ROOT, {"name": "gw"})
    newcomer = services.Newcomer("n@example.com", "five warm geckos dance")
    services.redeem(link.text, newcomer)
    errors = []
    for call in (
        lambda: services.redeem(link.text, newcomer), lambda: services.actor_of(f"{api.secret.text}x"),
        lambda: services.gateway_actor(api.secret.text), lambda: services.set_password(as_actor(row), "short one"),
    ):  # fmt: skip
        with pytest.raises(StationmasterError) as caught:
            call()
        errors.append(f"{caught.value!r} {caught.value.message} {caught.value.hint} {caught.value.fields}")
    canaries = [link.text, api.secret.text, gateway.secret.text, PASSWORD, newcomer.password, "short one"]
    said = " ".join([caplog.text, *errors, repr([row, link, api, gateway, newcomer]), str(list(AuditEvent.objects.values()))])
    assert not [each for each in canaries if each in said]
    stored = every_byte(settings.STATIONMASTER_DATA)
    assert not [each for each in canaries if each.encode() in stored]
