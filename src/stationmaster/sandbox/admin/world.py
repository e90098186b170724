"""All simulated organisations. Owns their making, their names, and which credential opens which."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from stationmaster.sandbox.admin.consumption import note
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.rows import Key, Licence, Place, Project, Service
from stationmaster.sandbox.admin.state import MINTED, Settings, digest_of
from stationmaster.sandbox.admin.vendors import TRAITS

DEMO = "demo"
DEMO_PEOPLE = 3


class Admin:
    """The organisations of one sandbox, each vendor with a small `demo`, whose reports of use are `consumption` (see `Settings`).
    `clock` gives Unix seconds; `random` decides what is left to chance. Safe from any thread."""

    def __init__(
        self, clock: Callable[[], float] = time.time, random: Random | None = None, consumption: str = "made_up"
    ) -> None:
        self.clock = clock
        self._random = random or Random(1)  # noqa: S311  # a simulation that can be repeated
        self._organisations: dict[tuple[str, str], Organisation] = {}
        self._lock = threading.Lock()
        for vendor in TRAITS:
            self.make(vendor, DEMO, people=DEMO_PEOPLE, consumption=consumption)

    def make(self, vendor: str, name: str, people: int = 0, **settings: Any) -> Organisation:
        """Make an organisation with so many people (member-001@example.test owns it); `settings` are those of `Settings`.

        Raises `ValueError` for a name that is taken and for an unknown vendor, `TypeError` for an unknown setting.
        """
        if vendor not in TRAITS:
            raise ValueError(f"no simulated vendor {vendor}; there are {', '.join(TRAITS)}")
        given = {"invite_lifetime": TRAITS[vendor].invite_lifetime, **settings}
        given["allowed_domains"] = set(given.get("allowed_domains", ()))
        made = Organisation(vendor, name, self.clock, self._random, Settings(**given))
        _furnish(made, people)
        with self._lock:
            if (vendor, name) in self._organisations:
                raise ValueError(f"{vendor} has an organisation {name} already")
            self._organisations[vendor, name] = made
        return made

    def find(self, vendor: str, name: str) -> Organisation:
        """The organisation of this name. Raises `KeyError`."""
        return self._organisations[vendor, name]

    def drop(self, vendor: str, name: str) -> None:
        """Forget an organisation. Raises `KeyError`."""
        with self._lock:
            del self._organisations[vendor, name]

    def all(self) -> list[Organisation]:
        """Every one of them."""
        with self._lock:
            return list(self._organisations.values())

    def serves(self, secret: str) -> bool:
        """Whether models may be called with a credential: one that was made here must still be valid, any other is."""
        if not secret.startswith(MINTED):
            return True
        now, digest = self.clock(), digest_of(secret)
        for organisation in self.all():
            with organisation.lock:
                key = organisation.keys.get(organisation.secrets.get(digest, ""))
            if key is not None:
                return key.status == "active" and (key.expires_at is None or key.expires_at > now)
        return False

    def used(self, secret: str, model: str, counts: tuple[int, int, int]) -> None:
        """A model was called with a credential: its key's organisation notes input tokens, cached ones among them, and output."""
        digest = digest_of(secret)
        for organisation in self.all():
            if digest in organisation.secrets:
                note(organisation, organisation.secrets[digest], model, counts)

    def opened_by(self, vendor: str, secret: str) -> Organisation | None:
        """The organisation that this admin credential belongs to."""
        prefix = TRAITS[vendor].secret
        return self._organisations.get((vendor, secret.removeprefix(prefix))) if secret.startswith(prefix) else None


def _furnish(organisation: Organisation, people: int) -> None:
    """What an organisation that is in use has: people, projects, keys."""
    now, traits = organisation.clock(), organisation.traits
    default = organisation.projects.put(Project(_project_id(organisation), "Default", now, default=True))
    for number in range(1, people + 1):
        role = traits.owner_role if number == 1 else traits.member_role
        person = organisation.add(f"member-{number:03d}@example.test", role, last_active_at=now - number * 3600)
        organisation.places.put(Place(default.id, person.id, _PLACE[organisation.vendor][number == 1], now))
        if organisation.vendor == "github_copilot":
            organisation.licences.put(Licence(person.id, now))
    if people:
        _furnish_project(organisation)


def _furnish_project(organisation: Organisation) -> None:
    now = organisation.clock()
    project = organisation.projects.put(Project(_project_id(organisation), "Research", now))
    service = organisation.services.put(Service(_service_id(organisation), "batch", project.id, "member", now))
    owner = organisation.people.all()[0].id
    for name, holder in (("batch", service.id), ("laptop", owner)):
        key = organisation.new_id("key_" if organisation.vendor == "openai" else "apikey_")
        organisation.keys.put(Key(key, name, project.id, holder, f"sk-...{key[-4:]}", now, last_used_at=now))


def _project_id(organisation: Organisation) -> str:
    return organisation.new_id("wrkspc_" if organisation.vendor == "anthropic" else "proj_")


def _service_id(organisation: Organisation) -> str:
    return organisation.new_id("svac_" if organisation.vendor == "anthropic" else "svc_acct_")


_PLACE = {
    "openai": ("member", "owner"), "anthropic": ("workspace_user", "workspace_admin"), "github_copilot": ("member", "maintainer"),
    "cursor": ("member", "owner"),
}  # fmt: skip
