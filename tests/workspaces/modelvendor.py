"""A vendor as planning sees it, in memory: it takes the steps of a plan one by one and refuses what a vendor refuses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stationmaster.workspaces.planning import Invite, Member, Person, Place, Seat, Step, Wanted, plan_workspace
from stationmaster.workspaces.planning.values import SURPLUS, TOLD

GONE = "removed"


@dataclass
class ModelVendor:
    """One workspace: who is in, who is invited, and what our books say of it."""

    place: Place
    people: Mapping[str, Person]
    members: dict[str, Member] = field(default_factory=dict)
    invites: dict[str, Invite] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    removed: list[Member] = field(default_factory=list)
    made: int = 0
    over: int = 0      # seats that were used before anything was done, which may be more than there are

    @property
    def used(self) -> int:
        """What counts against the seats: members with one, and invitations that are pending."""
        if not self.place.lists:
            return sum(each.state in ("active", "removing") for each in self.seats.values())
        held = sum(each.has_seat for each in self.members.values())
        return held if self.place.assigns else held + sum(each.live for each in self.invites.values())

    def plan(self, wanted: Mapping[str, Wanted]) -> tuple[Step, ...]:
        """The plan for what is here now."""
        place = replace(self.place, used=self.used)
        return plan_workspace(place, wanted, self.people, self.members.values(), self.invites.values(), self.seats.values())

    def apply(self, steps: Iterable[Step]) -> int:
        """Do all of them; how many were done."""
        doing = [step for step in steps if step.kind not in TOLD]
        for step in doing:
            getattr(self, f"_{step.kind}")(step)
            assert self.place.seats is None or self.used <= max(self.place.seats, self.over), "over the seat limit"
        return len(doing)

    def begin(self) -> None:
        """Note what is used now: nothing that follows may use more, where it is over the limit already."""
        self.over = self.used

    def accept(self) -> None:
        """Everybody who was invited accepts; people do that by themselves."""
        for invite in [each for each in self.invites.values() if each.live]:
            del self.invites[invite.id]
            self.made += 1
            joined = Member(f"m{self.made}", invite.known_as, invite.person, invite.role, frozenset(), not self.place.assigns)
            self.members[joined.id] = joined

    def _seat(self, step: Step, state: str, **more: object) -> None:
        held = self.seats.get(step.person, Seat(step.person, state))
        self.seats[step.person] = held._replace(state=state, **more)  # type: ignore[arg-type]

    def _adopt(self, step: Step) -> None:
        self._seat(step, "active" if step.member else "invited")

    def _close(self, step: Step) -> None:
        self._seat(step, GONE, cause="")

    def _withdraw(self, step: Step) -> None:
        del self.invites[step.invite]
        if step.person and step.reason != SURPLUS:
            self._seat(step, GONE)

    def _remove(self, step: Step) -> None:
        self.removed.append(self.members.pop(step.member))
        if step.person:
            self._seat(step, GONE, cause="inactive" if step.reason == "inactive" else "", leaves=False)

    def _unassign(self, step: Step) -> None:
        self.removed.append(self.members[step.member])
        self.members[step.member] = self.members[step.member]._replace(has_seat=False, ends=False)
        if step.person:
            self._seat(step, GONE, cause="inactive" if step.reason == "inactive" else "", leaves=False)

    def _role(self, step: Step) -> None:
        role = str(dict(step.after)["role"])
        self.members[step.member] = self.members[step.member]._replace(role=role)
        self._seat(step, "active", role=role)

    def _book_role(self, step: Step) -> None:
        self._seat(step, "active", role=str(dict(step.after)["role"]))

    def _projects(self, step: Step) -> None:
        member = self.members[step.member]
        more = dict(step.after)["projects"]
        assert isinstance(more, tuple)
        self.members[step.member] = member._replace(projects=(member.projects or frozenset()) | {*more})

    def _invite(self, step: Step) -> None:
        assert not any(each.person == step.person and each.live for each in self.invites.values()), "a second invitation"
        assert not any(each.person == step.person for each in self.members.values()), "a member is invited"
        self.made += 1
        self.invites[f"i{self.made}"] = Invite(f"i{self.made}", step.known_as, step.person, str(dict(step.after)["role"]))
        self._seat(step, "invited", cause="")

    def _reinvite(self, step: Step) -> None:
        self.invites.pop(step.invite)
        self._invite(step)

    def _assign(self, step: Step) -> None:
        self.members[step.member] = self.members[step.member]._replace(has_seat=True, ends=False)
        self._seat(step, "active")

    def _manual(self, step: Step) -> None:
        """Somebody does it at the vendor; where that lists people, the next reading shows them."""
        if step.reason == "role_by_hand":
            (self._role if self.place.lists else self._book_role)(step)
            return
        given = dict(step.after)
        self._seat(step, "active" if given else GONE, **({"role": given["role"]} if given else {}))
        if self.place.lists:
            self.made += 1
            projects = given.get("projects", ())
            assert isinstance(projects, tuple)
            self.members[f"m{self.made}"] = Member(
                f"m{self.made}", step.known_as, step.person, str(given["role"]), frozenset(projects), not self.place.assigns
            )
