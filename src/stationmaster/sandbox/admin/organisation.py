"""One simulated organisation: what people, time and a test do to it, and the rules a vendor keeps. Knows no vendor's wire.

What a call may not do raises `Refused` with a reason; each vendor's file says it in its own words.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from stationmaster.sandbox.admin.rows import Invitation, Key, Person, Place
from stationmaster.sandbox.admin.state import MINTED, Refused, State, digest_of, number_of
from stationmaster.sandbox.admin.writes import Write


class Organisation(State):
    """An organisation at a simulated vendor. Every method may be called from any thread."""

    # What a test asks.

    def members(self) -> list[Person]:
        """Who is in, without delay."""
        with self.lock:
            self.settle()
            return self.people.all()

    def member(self, known_as: str) -> Person | None:
        """The member with this address, login or id."""
        with self.lock:
            self.settle()
            return self.find(known_as)

    def invites(self) -> list[Invitation]:
        """Every invitation that is not withdrawn, without delay."""
        with self.lock:
            self.settle()
            return [each for each in self.invitations_table.all() if each.status != "deleted"]

    def writes(self) -> list[Write]:
        """Every unsafe call, oldest first."""
        with self.lock:
            return self.ledger.all()

    def invitations(self, whom: str) -> int:
        """How many invitations were made for an address or login, ever."""
        with self.lock:
            return self.ledger.invitations(whom)

    def forget(self) -> None:
        """Empty the ledger."""
        with self.lock:
            self.ledger.forget()
            self.requests = 0

    def release(self) -> None:
        """Let held answers go."""
        self.faults.release()

    # What people and time do.

    def add(self, email: str, role: str = "", login: str = "", last_active_at: float | None = None) -> Person:
        """A member who was never invited."""
        with self.lock:
            return self._enter(email, role or self.traits.member_role, login, last_active_at)

    def leave(self, known_as: str) -> None:
        """A member goes. Raises `ValueError` when there is none."""
        with self.lock:
            self.forget_member(self._known(known_as))

    def give_role(self, known_as: str, role: str) -> None:
        """Somebody gave a member another role."""
        with self.lock:
            self.people.put(replace(self._known(known_as), role=role))

    def accept(self, whom: str) -> Person:
        """Whoever was invited accepts. Raises `ValueError` when nothing is pending."""
        with self.lock:
            self.settle()
            return self._accept(self._awaited(whom))

    def expire(self, whom: str) -> None:
        """A pending invitation runs out. Raises `ValueError` when there is none."""
        with self.lock:
            self._close(self._awaited(whom), "expired")

    def issue_key(self, name: str, prefix: str = MINTED) -> str:
        """Somebody makes a key for the service account "batch" in the vendor's console; its secret, which is told this once."""
        with self.lock:
            owner = next(each for each in self.services.all() if each.name == "batch")
            value = self.new_id(prefix)
            row = Key(self.new_id("key_" if self.vendor == "openai" else "apikey_"), name, owner.project, owner.id,
                      f"{prefix}...{value[-4:]}", self.clock())  # fmt: skip
            self.keys.put(row)
            self.secrets[digest_of(value)] = row.id
            return value

    # What a vendor's file calls, with the lock held.

    def settle(self) -> None:
        """Let happen what is due: invitations run out, people accept by themselves, cancelled licences end."""
        now, wait = self.clock(), self.settings.accept_after
        for each in self.invitations_table.all():
            if each.status != "pending":
                continue
            if wait is not None and each.invited_at + wait <= min(now, each.expires_at):
                self._accept(each)
            elif each.expires_at <= now:
                self._close(each, "expired")
        self._end_licences(now)

    def invite(
        self, email: str, role: str, projects: Iterable[tuple[str, str]] = (), login: str = ""
    ) -> Invitation:
        """Invite an address, or a login. Raises `Refused`."""
        whom = email or login
        self._may_invite(whom, email)
        now = self.clock()
        made = Invitation(
            id=self.new_id(self.traits.invite_prefix), email=email, role=role, status="pending", invited_at=now,
            expires_at=now + self.settings.invite_lifetime, number=self.new_number(), login=login, projects=tuple(projects),
        )  # fmt: skip
        self.ledger.invited(whom)
        return self.invitations_table.put(made)

    def withdraw(self, invite: str, *, expired_too: bool = True) -> None:
        """Take a pending invitation back. Raises `Refused`."""
        found = self.invitations_table.get(invite)
        if found is None or found.status == "deleted":
            raise Refused("not_found", f"No invitation {invite}.")
        if found.status == "accepted" or (found.status == "expired" and not expired_too):
            raise Refused(found.status, f"The invitation is {found.status}.")
        self._close(found, "deleted")

    def remove(self, person: Person) -> None:
        """Take a member out. Raises `Refused`."""
        self.may_change_people()
        if person.role in self.traits.owner_roles and self.owners() == 1:
            raise Refused("last_owner", "The last owner cannot be removed.")
        self.forget_member(person)

    def forget_member(self, person: Person) -> None:
        """A member is gone, and with them their places, personal keys and licence."""
        self.people.drop(person.id)
        self.gone.append(person)
        for place in self.places.all():
            if place.member == person.id:
                self.places.drop(place.id)
        for key in self.keys.all():
            if key.owner == person.id:
                self.keys.drop(key.id)
        if self.licences.get(person.id):
            self.licences.drop(person.id)

    def may_change_people(self) -> None:
        """Raises `Refused` where a directory owns them."""
        if self.settings.directory_managed:
            raise Refused("directory", "Members of this organization are managed by its identity provider (SCIM).")

    # Inside.

    def _end_licences(self, now: float) -> None:
        """Cancelled ones end with the cycle; when that was the last of all, the plan ends with it."""
        over = [each for each in self.licences.all() if each.ends_at is not None and each.ends_at <= now]
        for licence in over:
            self.licences.drop(licence.id)
        if over and not self.licences.all():
            self.settings.copilot = False

    def _may_invite(self, whom: str, email: str) -> None:
        self.may_change_people()
        domains = {domain.casefold() for domain in self.settings.allowed_domains}
        if email and domains and email.rpartition("@")[2].casefold() not in domains:
            raise Refused("domain", f"The domain of {email} is not allowed here.")
        if self.find(whom):
            raise Refused("already_member", f"{whom} is already a member of this organization.")
        if self.settings.refuses_duplicates and self.waiting(whom):
            raise Refused("already_invited", f"An invitation for {whom} is already pending.")
        seats = self.settings.seats if self.traits.seats_bound_members else None
        if seats is not None and len(self.people.all()) + len(self.pending()) >= seats:
            raise Refused("seats", "The organization has no free seat; pending invitations count.")

    def _known(self, known_as: str) -> Person:
        found = self.find(known_as)
        if found is None:
            raise ValueError(f"{known_as} is no member of {self.name}")
        return found

    def _awaited(self, whom: str) -> Invitation:
        found = self.waiting(whom)
        if not found:
            raise ValueError(f"no invitation of {whom} is pending in {self.name}")
        return found[-1]

    def _accept(self, invitation: Invitation) -> Person:
        for other in self.waiting(invitation.email or invitation.login):
            if other.id != invitation.id:
                self.invitations_table.drop(other.id)
        email = invitation.email or f"{invitation.login}@example.test"
        person = self._enter(email, self.traits.joined_role(invitation.role), invitation.login, None)
        self._place(person, invitation)
        self._close(invitation, "accepted")
        return person

    def _place(self, person: Person, invitation: Invitation) -> None:
        for project, role in invitation.projects:
            self.places.put(Place(project, person.id, role, self.clock()))

    def _close(self, invitation: Invitation, status: str) -> None:
        if status not in self.traits.kept_invites:
            self.invitations_table.drop(invitation.id)
            return
        accepted_at = self.clock() if status == "accepted" else None
        self.invitations_table.put(replace(invitation, status=status, accepted_at=accepted_at))

    def _enter(self, email: str, role: str, login: str, last_active_at: float | None) -> Person:
        local = email.partition("@")[0]
        login = login or self._free_login(re.sub(r"[^a-z0-9]+", "-", local.casefold()).strip("-") or "member")
        name = local.replace("-", " ").replace(".", " ").title()
        number = number_of(login)
        row_id = login if self.vendor == "github_copilot" else self.new_id(self.traits.person_prefix)
        return self.people.put(Person(row_id, email, role, login, name, number, self.clock(), last_active_at))

    def _free_login(self, login: str) -> str:
        taken = {person.login for person in self.people.all()}
        return login if login not in taken else f"{login}-{len(taken)}"
