"""GitHub's simulated organisations and Copilot seats, asked by githubkit with its schemas."""

from collections.abc import Callable

import pytest
from githubkit.exception import RequestFailed

from sandbox_admin.kit import Clock, Github, Make

Open = Callable[..., Github]


def test_who_is_in(make: Make, github: Open) -> None:
    """Members are listed by role, without an address; a membership says its state; the organisation says its name."""
    organisation = make("github_copilot")
    kit = github(organisation)
    listed = {role: kit.rest.orgs.list_members(kit.org, role=role).parsed_data for role in ("admin", "member")}
    by_role = {role: [row.login for row in rows] for role, rows in listed.items()}
    assert by_role == {"admin": ["member-001"], "member": ["member-002", "member-003"]}
    assert "example.test" not in kit.rest.orgs.list_members(kit.org).text
    membership = kit.rest.orgs.get_membership_for_user(kit.org, "Member-002").parsed_data
    assert (membership.state, membership.role) == ("active", "member")
    assert kit.rest.orgs.get(kit.org).parsed_data.login == kit.org


def test_an_invitation_by_address_and_by_account(make: Make, github: Open) -> None:
    """The one has no login, the other no address, and only the other is seen as a pending membership."""
    organisation = make("github_copilot")
    kit = github(organisation)
    account = kit.rest.users.get_by_username("alice").parsed_data
    by_account = kit.rest.orgs.create_invitation(kit.org, invitee_id=account.id, role="direct_member").parsed_data
    by_address = kit.rest.orgs.create_invitation(kit.org, email="bob@example.test").parsed_data
    assert (by_account.login, by_account.email, by_address.login, by_address.email) == ("alice", None, None, "bob@example.test")
    assert kit.rest.orgs.get_membership_for_user(kit.org, "alice").parsed_data.state == "pending"
    with pytest.raises(RequestFailed) as caught:
        kit.rest.orgs.get_membership_for_user(kit.org, "bob")
    assert caught.value.response.status_code == 404
    organisation.accept("alice")
    organisation.accept("bob@example.test")
    assert kit.rest.orgs.get_membership_for_user(kit.org, "alice").parsed_data.state == "active"
    assert kit.rest.orgs.get_membership_for_user(kit.org, "bob").parsed_data.role == "member"
    assert not kit.rest.orgs.list_pending_invitations(kit.org).parsed_data


def test_what_nobody_accepts_fails(make: Make, github: Open, clock: Clock) -> None:
    """After seven days it has left the pending list for the failed one, and cannot be cancelled."""
    kit = github(make("github_copilot"))
    invitation = kit.rest.orgs.create_invitation(kit.org, email="bob@example.test").parsed_data
    clock.turn(7 * 86_400 + 1)
    assert not kit.rest.orgs.list_pending_invitations(kit.org).parsed_data
    (failed,) = kit.rest.orgs.list_failed_invitations(kit.org).parsed_data
    assert (failed.id, failed.failed_at is not None) == (invitation.id, True)
    with pytest.raises(RequestFailed):
        kit.rest.orgs.cancel_invitation(kit.org, invitation.id)


def test_seats_are_bought_and_end_with_the_cycle(make: Make, github: Open, clock: Clock) -> None:
    """Assigned at once, kept until the cycle ends when cancelled, going on when assigned again before that."""
    organisation = make("github_copilot", cycle_ends_in=100.0)
    organisation.add("dora@example.test")
    kit = github(organisation)
    copilot = kit.rest.copilot
    assert copilot.add_copilot_seats_for_users(kit.org, selected_usernames=["dora", "member-002"]).parsed_data.seats_created == 1
    assert copilot.cancel_copilot_seat_assignment_for_users(kit.org, selected_usernames=["dora"]).parsed_data.seats_cancelled == 1
    breakdown = copilot.get_copilot_organization_details(kit.org).parsed_data.seat_breakdown
    assert (breakdown.total, breakdown.pending_cancellation) == (4, 1)
    assert copilot.get_copilot_seat_details_for_user(kit.org, "dora").parsed_data.pending_cancellation_date is not None
    assert copilot.add_copilot_seats_for_users(kit.org, selected_usernames=["dora"]).parsed_data.seats_created == 1
    copilot.cancel_copilot_seat_assignment_for_users(kit.org, selected_usernames=["dora"])
    clock.turn(101)
    assert copilot.get_copilot_organization_details(kit.org).parsed_data.seat_breakdown.total == 3
    assert len(copilot.list_copilot_seats(kit.org).parsed_data.seats) == 3
    assert organisation.member("dora") is not None


def test_the_last_seat_takes_the_plan_with_it(make: Make, github: Open, clock: Clock) -> None:
    """While a single seat goes on, so does the plan; once the last one has ended with its cycle there is none: nothing is
    listed and nobody gets a seat until a plan is bought anew. People stay in the organisation. A seat that is given again
    before the cycle's end keeps the plan."""
    organisation = make("github_copilot", cycle_ends_in=100.0)
    kit = github(organisation)
    copilot = kit.rest.copilot
    everybody = [row.login for row in kit.rest.orgs.list_members(kit.org).parsed_data]
    for kept in everybody[0], everybody[1]:      # a cycle each, in which one seat goes on
        copilot.add_copilot_seats_for_users(kit.org, selected_usernames=everybody)
        copilot.cancel_copilot_seat_assignment_for_users(kit.org, selected_usernames=everybody)
        copilot.add_copilot_seats_for_users(kit.org, selected_usernames=[kept])
        clock.turn(101)
        assert [row.assignee.login for row in copilot.list_copilot_seats(kit.org).parsed_data.seats] == [kept]
    copilot.cancel_copilot_seat_assignment_for_users(kit.org, selected_usernames=[everybody[1]])
    assert copilot.get_copilot_organization_details(kit.org).parsed_data.seat_breakdown.pending_cancellation == 1
    clock.turn(101)
    refused: tuple[Callable[[], object], ...] = (
        lambda: copilot.get_copilot_organization_details(kit.org), lambda: copilot.list_copilot_seats(kit.org),
        lambda: copilot.add_copilot_seats_for_users(kit.org, selected_usernames=everybody),
    )  # fmt: skip
    for asked in refused:
        with pytest.raises(RequestFailed) as caught:
            asked()
        assert caught.value.response.status_code == 404
    assert [row.login for row in organisation.members()] == everybody
    organisation.settings.copilot = True
    assert copilot.add_copilot_seats_for_users(kit.org, selected_usernames=everybody[:1]).parsed_data.seats_created == 1


def test_what_cannot_be_done(make: Make, github: Open) -> None:
    """Members and pending ones are not invited again; nobody outside gets a seat; the last owner stays; no plan, no seats."""
    organisation = make("github_copilot")
    kit = github(organisation)
    kit.rest.orgs.create_invitation(kit.org, email="bob@example.test")
    refused: tuple[tuple[int, Callable[[], object]], ...] = (
        (422, lambda: kit.rest.orgs.create_invitation(kit.org, email="bob@example.test")),
        (422, lambda: kit.rest.orgs.create_invitation(kit.org, email="member-002@example.test")),
        (404, lambda: kit.rest.orgs.create_invitation(kit.org, invitee_id=7)),
        (422, lambda: kit.rest.copilot.add_copilot_seats_for_users(kit.org, selected_usernames=["stranger"])),
        (422, lambda: kit.rest.orgs.remove_membership_for_user(kit.org, "member-001")),
        (404, lambda: kit.rest.users.get_by_username("nobody-here")),
        (404, lambda: kit.rest.orgs.list_members("another-organisation")),
    )
    for status, call in refused:
        with pytest.raises(RequestFailed) as caught:
            call()
        assert caught.value.response.status_code == status
    organisation.settings.copilot = False
    with pytest.raises(RequestFailed):
        kit.rest.copilot.get_copilot_organization_details(kit.org)
