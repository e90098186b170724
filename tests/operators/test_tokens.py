"""API tokens and gateways' tokens: whom they stand for, and for how long."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operators.people import ROOT, as_actor, somebody
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale, StationmasterError
from stationmaster.operators import policy, services
from stationmaster.operators.models import ApiToken, GatewayToken
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.listing import Query

REFUSED = "who are you"


def made(actor: Actor, **given: object) -> str:
    """A new token's text."""
    return services.create_token(actor, {"name": "t", **given}).secret.text


def test_token_stands_for_its_role_and_scopes(database: str) -> None:
    """Role and scopes are what was given; the person behind it is known."""
    row = somebody()
    actor = services.actor_of(made(as_actor(row), role="operator", scopes=["keys:*", "usage:read"]), "req_1")
    assert (actor.kind, actor.role, actor.person, actor.request_id) == ("token", "operator", row.id, "req_1")
    assert services.allowed(actor, "keys:create")
    assert services.allowed(actor, "usage:read")
    assert not services.allowed(actor, "pools:read")


@pytest.mark.parametrize("text", [
    "", "sm-api-", "sm-api-wrong", "sm-gw-wrong", "Bearer x", "sm-api-" + "a" * 10_000, "sm-api-\x00", "sm-api-é",
])  # fmt: skip
def test_what_is_no_token_is_refused_alike(database: str, text: str) -> None:
    """One answer for all that is not valid."""
    for ask in (services.actor_of, services.gateway_actor):
        with pytest.raises(StationmasterError, match=REFUSED) as caught:
            ask(text)
        assert caught.value.status == 401


def test_hash_of_a_token_is_no_token(database: str) -> None:
    """Who read the table has nothing to present."""
    made(ROOT, role="admin")
    held = ApiToken.objects.get()
    for text in (held.secret_hash, f"sm-api-{held.secret_hash}", held.hint, held.id):
        with pytest.raises(StationmasterError, match=REFUSED):
            services.actor_of(text)


def test_token_ends_in_time(database: str) -> None:
    """A token is valid for its days and no longer."""
    text = made(ROOT, role="viewer", days=1)
    assert services.actor_of(text).role == "viewer"
    left = ApiToken.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23) < left <= timedelta(days=1)
    row = ApiToken.objects.get()


    with change(ROOT) as edit, edit.updating(row):
        row.expires_at = timezone.now()
    with pytest.raises(StationmasterError, match=REFUSED):
        services.actor_of(text)


def test_token_ends_with_its_holder_and_comes_back_with_them(database: str) -> None:
    """Switching a person off switches their tokens off at once; deleting the person deletes them."""
    somebody()
    row = somebody("operator")
    text = made(as_actor(row), role="operator")
    services.update_operator(ROOT, row.id, {"active": False})
    with pytest.raises(StationmasterError, match=REFUSED):
        services.actor_of(text)
    services.update_operator(ROOT, row.id, {"active": True})
    assert services.actor_of(text).person == row.id
    services.delete_operator(ROOT, row.id)
    assert not ApiToken.objects.exists()
    assert AuditEvent.objects.filter(source="operators", subject__startswith="tok_", action="delete").count() == 1


@pytest.mark.parametrize("role", ["operator", "viewer", "auditor", "member"])
def test_token_shrinks_with_its_holder(database: str, role: str) -> None:
    """An admin's token, once the admin has a lesser role, may nothing that this role may not."""
    somebody()
    row = somebody("admin", "second@example.com")
    text = made(as_actor(row), role="admin")
    services.update_operator(ROOT, row.id, {"role": role})
    actor = services.actor_of(text)
    assert services.rights(actor.role, actor.scopes) == services.rights(role)
    assert services.sees_own_only(actor) == (role == "member")


def test_nobody_grants_what_they_lack(database: str) -> None:
    """Neither a higher role, nor scopes beyond one's own, in tokens or in operators."""
    operator = as_actor(somebody("operator"))
    for role in ("admin", "auditor"):
        with pytest.raises(Forbidden):
            services.create_token(operator, {"name": "t", "role": role})
    narrow = services.actor_of(made(as_actor(somebody()), role="admin", scopes=["tokens:*", "operators:*", "keys:read"]))
    with pytest.raises(Forbidden):
        services.create_token(narrow, {"name": "t", "role": "admin"})
    with pytest.raises(Forbidden):
        services.create_token(narrow, {"name": "t", "role": "viewer", "scopes": ["pools:read"]})
    with pytest.raises(Forbidden):
        services.create_operator(narrow, {"email": "x@example.com", "role": "viewer"})
    with pytest.raises(Forbidden):
        services.update_operator(narrow, "operator@example.com", {"active": False})
    assert services.create_token(narrow, {"name": "t", "role": "admin", "scopes": ["keys:read"]}).row["scopes"] == ["keys:read"]


def test_what_a_token_made_ends_with_it(database: str) -> None:
    """A stolen token cannot leave one behind: revoking it revokes what it made, which never lasted longer."""
    parent = services.create_token(ROOT, {"name": "p", "role": "admin", "days": 2})
    child = made(services.actor_of(parent.secret.text), role="admin", days=300)
    grandchild = made(services.actor_of(child), role="viewer", days=300)
    assert ApiToken.objects.order_by("-expires_at").first().expires_at == parent.row["expires_at"]  # type: ignore[union-attr]
    services.delete_token(ROOT, parent.row["id"])
    for text in (parent.secret.text, child, grandchild):
        with pytest.raises(StationmasterError, match=REFUSED):
            services.actor_of(text)


def test_operators_see_and_end_their_own_tokens_only(database: str) -> None:
    """Another's token is not in the list, and not to be found by its id."""
    own, foreign = as_actor(somebody("operator")), services.create_token(ROOT, {"name": "foreign", "role": "viewer"})
    mine = services.create_token(own, {"name": "mine", "role": "viewer"})
    assert [row["name"] for row in services.list_tokens(own, Query()).items] == ["mine"]
    assert services.list_tokens(ROOT, Query()).total == 2
    for call in (services.get_token, services.delete_token):
        with pytest.raises(NotFound):
            call(own, foreign.row["id"])
    services.delete_token(own, mine.row["id"])


def test_making_tokens_takes_somebody_who_just_proved_who_they_are(database: str) -> None:
    """A browser that was left open does not mint tokens."""
    row = somebody()
    with pytest.raises(Forbidden, match="ten minutes"):
        services.create_token(as_actor(row, fresh=False), {"name": "t"})
    with pytest.raises(Forbidden, match="ten minutes"):
        services.create_gateway_token(as_actor(row, fresh=False), {"name": "g"})
    with pytest.raises(Forbidden, match="ten minutes"):
        services.update_operator(as_actor(row, fresh=False), row.id, {"role": "admin"})
    assert services.list_tokens(as_actor(row, fresh=False), Query()).total == 0


@pytest.mark.parametrize("given", [
    {"name": ""}, {"name": "x" * 129}, {"name": "a\nb"}, {"name": 7}, {"name": "t", "role": "root"},
    {"name": "t", "role": "member"},
    {"name": "t", "scopes": "keys:read"}, {"name": "t", "scopes": ["no:such"]}, {"name": "t", "days": 0},
    {"name": "t", "days": 3651}, {"name": "t", "days": True}, {"name": "t", "days": "90"}, {"name": "t", "secret": "x"},
])  # fmt: skip
def test_bad_tokens_are_refused(database: str, given: dict[str, object]) -> None:
    """Each field has its bounds, and there are no others."""
    with pytest.raises(Invalid):
        services.create_token(ROOT, given)
    assert not ApiToken.objects.exists()


def test_last_use_is_known_to_the_hour(database: str) -> None:
    """Each use does not write: only the first within an hour."""
    text = made(ROOT, role="viewer")
    services.actor_of(text)
    first = ApiToken.objects.get().last_used_at
    services.actor_of(text)
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.all().observe(last_used_at=first - timedelta(hours=2))
    services.actor_of(text)
    again = ApiToken.objects.get().last_used_at
    assert again is not None
    assert again > first - timedelta(hours=1)


def test_gateway_token_is_for_gateways_alone(database: str) -> None:
    """It may pull the snapshot and report; it is no API token, and an API token is no gateway's."""
    secret = services.create_gateway_token(ROOT, {"name": "gw"}).secret.text
    actor = services.gateway_actor(secret)
    assert (actor.kind, actor.role) == ("gateway", "gateway")
    assert services.rights(actor.role, actor.scopes) == {"snapshot:read", "events:write", "health:report"}
    with pytest.raises(StationmasterError, match=REFUSED):
        services.actor_of(secret)
    with pytest.raises(StationmasterError, match=REFUSED):
        services.gateway_actor(made(ROOT, role="admin"))


def test_gateway_token_rotates_with_overlap(database: str) -> None:
    """Both are let in until the overlap is over; an older one is not."""
    first = services.create_gateway_token(ROOT, {"name": "gw"}).secret.text
    second = services.rotate_gateway_token(ROOT, "gw", timedelta(hours=1)).secret.text
    assert services.gateway_actor(first).id == services.gateway_actor(second).id
    third = services.rotate_gateway_token(ROOT, "gw", timedelta()).secret.text
    for old in (first, second):
        with pytest.raises(StationmasterError, match=REFUSED):
            services.gateway_actor(old)
    assert services.gateway_actor(third).role == "gateway"


def test_overlap_does_not_lengthen_a_token(database: str) -> None:
    """A token that would have run out does so, rotated or not."""
    policy.use(lambda: policy.LoginPolicy(gateway_token=timedelta(minutes=5)))
    services.create_gateway_token(ROOT, {"name": "gw"})
    expires = GatewayToken.objects.get().expires_at
    services.rotate_gateway_token(ROOT, "gw", timedelta(days=1))
    assert GatewayToken.objects.get().previous_until == expires


def test_gateway_tokens_warn_before_they_run_out(database: str) -> None:
    """One event at 30, at 7 and at 1 day; none twice, and none after a rotation."""
    policy.use(lambda: policy.LoginPolicy(gateway_token=timedelta(days=40)))
    services.create_gateway_token(ROOT, {"name": "gw"})
    end = GatewayToken.objects.get().expires_at
    told = [len(services.warn_of_expiry(end - timedelta(days=days))) for days in (39, 29, 28, 6.9, 6, 0.9, 0.5)]
    assert told == [0, 1, 0, 1, 0, 1, 0]
    assert AuditEvent.objects.filter(action="expires_soon").count() == 3
    services.rotate_gateway_token(ROOT, "gw")
    assert services.warn_of_expiry() == []


def test_gateway_tokens_end_by_deletion_and_name_is_taken_once(database: str) -> None:
    """A deleted one is refused at once; two of one name are not."""
    made_one = services.create_gateway_token(ROOT, {"name": "gw"})
    with pytest.raises(Conflict):
        services.create_gateway_token(ROOT, {"name": "gw"})
    with pytest.raises(Stale):
        services.delete_gateway_token(ROOT, "gw", version=made_one.row["revision"] + 7)
    services.delete_gateway_token(ROOT, "gw")
    with pytest.raises(StationmasterError, match=REFUSED):
        services.gateway_actor(made_one.secret.text)


def test_no_hash_leaves_by_any_list(database: str) -> None:
    """Lists, exports and audit events show no hash and no token."""
    api, gateway = services.create_token(ROOT, {"name": "t"}), services.create_gateway_token(ROOT, {"name": "gw"})
    services.rotate_gateway_token(ROOT, "gw")
    rows = [*ApiToken.objects.all(), *GatewayToken.objects.all()]
    hidden = [api.secret.text, gateway.secret.text, *(row.secret_hash for row in rows), rows[1].previous_hash]
    shown = [
        str(services.list_tokens(ROOT, Query()).items), str(services.list_gateway_tokens(ROOT, Query()).items),
        *("".join(services.export_tokens(ROOT, Query(), form)) for form in ("csv", "json", "jsonl")),
        *("".join(services.export_gateway_tokens(ROOT, Query(), form)) for form in ("csv", "json", "jsonl")),
        str(list(AuditEvent.objects.values())), repr(api), repr(gateway), repr(rows),
    ]  # fmt: skip
    assert not [text for text in shown for secret in hidden if secret in text]
