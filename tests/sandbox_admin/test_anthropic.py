"""Anthropic's simulated administration, asked by Anthropic's own SDK under strict validation."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import anthropic as sdk
import pytest
from anthropic.types import OrgMemberLimitExceededError
from anthropic.types.organization import AlreadyMemberError, EmailDomainNotAllowedError, InviteAlreadyExistsError

from sandbox_admin.kit import Clock, Make

NEW = "new@example.test"
Open = Callable[..., sdk.Anthropic]


def test_people_come_and_go(make: Make, anthropic: Open) -> None:
    """Invited for twenty-one days, accepted, given another role, removed."""
    organisation = make("anthropic")
    api = anthropic(organisation).organization
    assert api.retrieve().id == organisation.id
    invite = api.invites.create(email=NEW, role="user")
    assert invite.expires_at - invite.invited_at == timedelta(days=21)
    assert [row.id for row in api.invites.list(email="New+tag@example.test", statuses=["pending"])] == [invite.id]
    organisation.accept(NEW)
    assert [row.id for row in api.invites.list(statuses=["accepted"])] == [invite.id]
    (member,) = api.users.list(email="NEW@example.test")
    assert api.users.update(member.id, role="developer").role == "developer"
    assert api.users.remove(member.id).type == "user_deleted"
    assert not list(api.users.list(email=NEW))


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("member-002@example.test", AlreadyMemberError),
        ("waiting@example.test", InviteAlreadyExistsError),
        ("new@elsewhere.test", EmailDomainNotAllowedError),
        (NEW, OrgMemberLimitExceededError),
    ],
)
def test_a_refused_invitation_has_its_own_error(make: Make, anthropic: Open, email: str, expected: type[Exception]) -> None:
    """The SDK knows each by the code in the body; pending invitations count as seats."""
    organisation = make("anthropic", people=3, seats=4, allowed_domains=["example.test"])
    api = anthropic(organisation).organization
    api.invites.create(email="waiting@example.test", role="user")
    with pytest.raises(expected):
        api.invites.create(email=email, role="user")
    assert [write.done for write in organisation.writes()] == [True, False]


def test_invitations_end_as_the_vendor_says(make: Make, anthropic: Open) -> None:
    """A withdrawn one is read as deleted and listed no more; an expired or accepted one cannot be withdrawn; its seat is free."""
    organisation = make("anthropic", people=1, seats=2)
    api = anthropic(organisation).organization
    gone = api.invites.create(email=NEW, role="user")
    api.invites.delete(gone.id)
    assert (api.invites.retrieve(gone.id).status, list(api.invites.list())) == ("deleted", [])
    late = api.invites.create(email=NEW, role="user")
    organisation.expire(NEW)
    with pytest.raises(sdk.BadRequestError):
        api.invites.delete(late.id)
    again = api.invites.create(email=NEW, role="user")
    organisation.accept(NEW)
    with pytest.raises(sdk.BadRequestError):
        api.invites.delete(again.id)
    assert organisation.invitations(NEW) == 3


def test_admins_are_changed_by_hand(make: Make, anthropic: Open) -> None:
    """Nobody is made an admin, and none is changed or removed."""
    organisation = make("anthropic")
    api = anthropic(organisation).organization
    admin, user = (organisation.members()[place].id for place in (0, 1))
    for refused in (lambda: api.users.remove(admin), lambda: api.users.update(admin, role="user")):
        with pytest.raises(sdk.BadRequestError):
            refused()
    with pytest.raises(sdk.BadRequestError):
        api.users.update(user, role="admin")  # type: ignore[arg-type]


def test_workspaces_and_their_members(make: Make, anthropic: Open) -> None:
    """The default one is shown when asked for; members are added once and removed."""
    organisation = make("anthropic")
    api = anthropic(organisation).organization
    assert [row.name for row in api.workspaces.list()] == ["Research"]
    assert {row.name for row in api.workspaces.list(include_default=True)} == {"Default", "Research"}
    workspace, user = api.workspaces.create(name="Third").id, organisation.members()[1].id
    api.workspaces.members.add(workspace, user_id=user, workspace_role="workspace_user")
    with pytest.raises(sdk.BadRequestError):
        api.workspaces.members.add(workspace, user_id=user, workspace_role="workspace_user")
    api.workspaces.members.update(user, workspace_id=workspace, workspace_role="workspace_admin")
    assert [row.workspace_role for row in api.workspaces.members.list(workspace)] == ["workspace_admin"]
    api.workspaces.members.remove(user, workspace_id=workspace)
    assert not list(api.workspaces.members.list(workspace))
    with pytest.raises(sdk.NotFoundError):
        api.workspaces.members.remove(user, workspace_id=workspace)


def test_keys_are_switched_off(make: Make, anthropic: Open) -> None:
    """Inactive and back; archived for good."""
    api = anthropic(make("anthropic")).organization
    key, other = list(api.api_keys.list())
    assert api.api_keys.update(key.id, status="inactive").status == "inactive"
    assert {row.id for row in api.api_keys.list(status="active")} == {other.id}
    assert api.api_keys.update(key.id, status="active").status == "active"
    api.api_keys.update(key.id, status="archived")
    with pytest.raises(sdk.BadRequestError):
        api.api_keys.update(key.id, status="active")


def test_service_accounts_want_another_credential(make: Make, anthropic: Open) -> None:
    """An admin key is refused them; a federated one lists them."""
    with pytest.raises(sdk.PermissionDeniedError):
        list(anthropic(make("anthropic")).organization.service_accounts.list())
    allowed = anthropic(make("anthropic", federated=True)).organization
    assert [row.name for row in allowed.service_accounts.list()] == ["batch"]


def test_limits_are_told(make: Make, anthropic: Open) -> None:
    """The organisation's, those a workspace inherits, and what may be spent in minor units."""
    client = anthropic(make("anthropic", spend_limit_minor=12_345))
    (workspace,) = client.organization.workspaces.list()
    assert {row.group.type for row in client.organization.rate_limits.list()} == {"model_group"}
    assert not list(client.organization.workspaces.rate_limits.list(workspace.id))
    inherited = list(client.organization.workspaces.rate_limits.list(workspace.id, include_inherited=True))
    assert all(limit.source.type == "organization" for row in inherited for limit in row.limits)
    assert [(row.amount, row.scope.type) for row in client.beta.organization.spend_limits.list()] == [("12345", "organization")]


def test_reports_add_up(make: Make, anthropic: Open, clock: Clock) -> None:
    """Days together are the range, keys together the whole; costs come as decimal cents; pages follow one another."""
    report = anthropic(make("anthropic")).beta.organization.analytics
    end = datetime.fromtimestamp(clock.now, UTC).replace(hour=0, minute=0, second=0)
    span: dict[str, Any] = {"starting_at": end - timedelta(days=4), "ending_at": end}
    (whole,) = report.usage.list(**span)
    parts = list(report.usage.list(**span, time_bucket_width="1d", group_by=["api_key_id", "model", "actor"], limit=5))
    assert len(parts) == 4 * 2 * 2
    assert sum(row.usage.total_tokens for row in parts) == whole.usage.total_tokens
    (cost,) = report.cost.list(**span)
    by_workspace = list(report.cost.list(**span, group_by=["workspace_id"]))
    assert sum(Decimal(row.cost.amount) for row in by_workspace) == Decimal(cost.cost.amount) > 0
    with pytest.raises(sdk.BadRequestError, match="31 days"):
        list(report.usage.list(starting_at=end - timedelta(days=40), ending_at=end))
