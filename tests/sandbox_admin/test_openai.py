"""OpenAI's simulated administration, asked by OpenAI's own SDK under strict validation."""

from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest

from sandbox_admin.kit import Clock, Make

NEW = "new@example.test"
Open = Callable[..., Any]


def test_people_come_and_go(make: Make, openai: Open) -> None:
    """Whoever is invited and accepts is a member of the projects named; roles change; who is removed is gone, their keys too."""
    organisation = make("openai")
    api = openai(organisation)
    (research,) = [row for row in api.projects.list() if row.name == "Research"]
    invite = api.invites.create(email=NEW, role="reader", projects=[{"id": research.id, "role": "owner"}])
    assert (invite.status, [row.id for row in api.invites.list()]) == ("pending", [invite.id])
    organisation.accept(NEW.upper())
    (member,) = api.users.list(emails=["NEW@example.test"])
    assert [(row.email, row.role) for row in api.projects.users.list(research.id)] == [(NEW, "owner")]
    assert api.invites.retrieve(invite.id).accepted_at is not None
    assert api.users.update(member.id, role="owner").role == "owner"
    assert api.users.delete(member.id).deleted
    assert NEW not in {row.email for row in api.users.list()}
    assert not list(api.projects.users.list(research.id))


def test_without_projects_somebody_joins_the_default_one(make: Make, openai: Open) -> None:
    """None named: the default project; an empty list: none."""
    api = openai(make("openai"))
    (default,) = [row for row in api.projects.list() if row.name == "Default"]
    assert [row.id for row in api.invites.create(email=NEW, role="reader").projects] == [default.id]
    assert api.invites.create(email="other@example.test", role="reader", projects=[]).projects == []


def test_what_cannot_be_done_is_refused_in_words(make: Make, openai: Open) -> None:
    """Members, pending invitations, unknown projects, accepted invitations, the last owner, rows that are not there."""
    organisation = make("openai")
    api = openai(organisation)
    invite = api.invites.create(email=NEW, role="reader")
    for email, word in ((NEW, "pending"), ("member-002@example.test", "already a member")):
        with pytest.raises(sdk.BadRequestError, match=word) as caught:
            api.invites.create(email=email, role="reader")
        assert caught.value.code is None
    with pytest.raises(sdk.BadRequestError, match="No project"):
        api.invites.create(email="x@example.test", role="reader", projects=[{"id": "proj_none", "role": "member"}])
    organisation.accept(NEW)
    with pytest.raises(sdk.BadRequestError):
        api.invites.delete(invite.id)
    with pytest.raises(sdk.BadRequestError, match="last owner"):
        api.users.delete(organisation.members()[0].id)
    with pytest.raises(sdk.NotFoundError):
        api.users.retrieve("user-none")


def test_a_key_says_its_secret_once(make: Make, openai: Open) -> None:
    """Minting tells it; lists and the ledger tell a hint; a deleted account takes its keys along."""
    organisation = make("openai")
    api = openai(organisation)
    project = list(api.projects.list())[1].id
    made = api.projects.service_accounts.create(project, name="nightly")
    more = api.projects.service_accounts.api_keys.create(made.id, project_id=project, name="short", expires_in_seconds=60)
    assert made.api_key.value != more.value
    assert more.expires_at == more.created_at + 60
    keys = {row.id: row for row in api.projects.api_keys.list(project, owner_project_access="any")}
    assert keys[more.id].redacted_value.endswith(more.value[-4:])
    assert more.value not in repr(keys) + repr(organisation.writes()) + repr(vars(organisation))
    api.projects.api_keys.delete(more.id, project_id=project)
    api.projects.service_accounts.delete(made.id, project_id=project)
    left = {row.id for row in api.projects.api_keys.list(project, owner_project_access="any")}
    assert left == set(keys) - {more.id, made.api_key.id}


def test_keys_of_outsiders_are_listed_when_asked_for(make: Make, openai: Open) -> None:
    """Who is not in the project has a key there that only `any` shows."""
    api = openai(make("openai"))
    project = list(api.projects.list())[1].id
    shown = {access: {row.name for row in api.projects.api_keys.list(project, owner_project_access=access)}
             for access in ("active", "inactive", "any")}  # fmt: skip
    assert shown == {"active": {"batch"}, "inactive": {"laptop"}, "any": {"batch", "laptop"}}


def test_an_older_vendor_keeps_service_keys(make: Make, openai: Open) -> None:
    """Set so, the key of a service account cannot be deleted, the account can."""
    organisation = make("openai", refuses_service_keys=True)
    api = openai(organisation)
    project = list(api.projects.list())[1].id
    (key,) = [row for row in api.projects.api_keys.list(project) if row.owner.type == "service_account"]
    with pytest.raises(sdk.BadRequestError):
        api.projects.api_keys.delete(key.id, project_id=project)
    api.projects.service_accounts.delete(key.owner.service_account.id, project_id=project)
    assert key.id not in {row.id for row in organisation.keys.all()}


def test_limits_are_told(make: Make, openai: Open) -> None:
    """Rate limits by model, the organisation's spend limit, a project's once it has one."""
    api = openai(make("openai", spend_limit_minor=5_000))
    project = next(iter(api.projects.list())).id
    assert {row.model for row in api.projects.rate_limits.list_rate_limits(project)} == {"gpt-5", "gpt-4o-mini"}
    assert api.spend_limit.retrieve().threshold_amount == 5_000
    with pytest.raises(sdk.NotFoundError):
        api.projects.spend_limit.retrieve(project)
    api.projects.spend_limit.update(project, currency="USD", interval="month", threshold_amount=700)
    assert api.projects.spend_limit.retrieve(project).threshold_amount == 700


def test_usage_adds_up_and_stays(make: Make, openai: Open, clock: Clock) -> None:
    """The parts of a day are its whole, however it is grouped; what was told is told again; pages follow one another."""
    api, start = openai(make("openai")), int(clock.now) - 5 * 86_400

    def told(**more: Any) -> list[int]:
        buckets = api.usage.completions(start_time=start, bucket_width="1d", limit=31, **more).data
        return [sum(row.input_tokens for row in bucket.results) for bucket in buckets]

    whole = told()
    assert whole == told(group_by=["project_id", "api_key_id", "model"]) == told(group_by=["user_id"])
    assert all(whole)
    first = api.usage.completions(start_time=start, bucket_width="1d", limit=4)
    second = api.usage.completions(start_time=start, bucket_width="1d", limit=4, page=first.next_page)
    starts = [bucket.start_time for bucket in (*first.data, *second.data)]
    assert starts == sorted(set(starts))
    assert (first.has_more, second.has_more) == (True, False)
    costs = api.usage.costs(start_time=start, group_by=["project_id", "line_item"]).data
    assert all(row.amount.value > 0 for bucket in costs for row in bucket.results)


def test_a_directory_owns_its_people(make: Make, openai: Open) -> None:
    """Members say that they are managed, and nobody is invited, changed or removed."""
    organisation = make("openai", directory_managed=True)
    api = openai(organisation)
    assert all(row.is_scim_managed for row in api.users.list())
    member = organisation.members()[1].id
    with pytest.raises(sdk.BadRequestError, match="SCIM"):
        api.invites.create(email=NEW, role="reader")
    with pytest.raises(sdk.BadRequestError, match="SCIM"):
        api.users.delete(member)


def test_an_empty_organisation_has_a_project_and_nobody(make: Make, openai: Open) -> None:
    """And its own name in a header."""
    organisation = make("openai", people=0)
    api = openai(organisation)
    assert not list(api.users.list())
    answer = api.projects.with_raw_response.list(limit=1)
    assert answer.headers["openai-organization"] == organisation.id
    assert [row.name for row in api.projects.list()] == ["Default"]
