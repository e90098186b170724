"""A stage for pages: something of everything, by the services, and browsers to look at it with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from people import kit as files
from stationmaster.credentials import services as credentials
from stationmaster.people import services as people
from stationmaster.publishing import services as publishing
from stationmaster.vendors._base import Organisation
from stationmaster.workspaces import services as workspaces
from workspaces import kit as places

CSV = "E-Mail,Name,Groups\nmember-001@example.test,One,engineers\nmember-777@example.test,Seven,engineers\nnot an address,Odd,\n"
SECRET = "sk-stage-0123456789abcdef"


@dataclass(frozen=True)
class Stage:
    """Ids of what there is."""

    workspace: str
    people: tuple[str, ...]
    group: str
    assignment: str
    plan: str
    seat: str
    job: str
    upload: str
    credential: str
    target: str

    def pages(self) -> list[str]:
        """The address of every page."""
        lists = ("members", "invites", "projects", "keys", "limits")
        return [
            "/workspaces", "/workspaces/new", f"/workspaces/{self.workspace}", f"/workspaces/{self.workspace}/policy",
            *(f"/workspaces/{self.workspace}/{each}" for each in lists), "/vendors",
            "/people", "/people/new", f"/people/{self.people[0]}", f"/people/{self.people[0]}/leave", "/people/conflicts",
            f"/people/{self.people[0]}/erase", "/people/held", "/people/imports", f"/people/imports/{self.upload}",
            "/groups", f"/groups/{self.group}", "/assignments", f"/assignments/{self.assignment}",
            "/plans", "/plans/new", f"/plans/{self.plan}", "/seats", "/seats/offboarding", f"/seats/{self.seat}", "/runs",
            "/jobs", f"/jobs/{self.job}", "/workers", "/settings",
            "/credentials", "/credentials/new", "/credentials/guide", "/calendar", f"/credentials/{self.credential}",
            "/targets", "/targets/new", f"/targets/{self.target}", "/publications", "/publish", "/exports", "/bills", "/imports",
        ]  # fmt: skip


def stage(number: int = 6, name: str = "acme") -> Stage:
    """Make it: of `number` people two are members, one is invited, the others are to be."""
    workspace = places.attached(name)
    persons = places.some_people(number)
    group = places.a_group("engineers", persons)
    places.read(name, [places.a_member(1), places.a_member(2, "owner"), places.a_member(99)], [places.an_invite(3)],
                seats=places.seats_of(50, 3))  # fmt: skip
    assignment = workspaces.create_assignment(ADMIN, {"workspace": name, "group": group, "role": "reader"})
    plan = workspaces.make_plan(ADMIN, {"workspaces": [name], "note": "the first"})
    upload = files.upload(CSV)
    last = workspaces.get_workspace(ADMIN, workspace.id)["last_jobs"]["onboard"]
    return Stage(workspace.id, tuple(persons), group, str(assignment["id"]), str(plan["id"]), seat_of(workspace.id, persons[0]),
                 str(last["id"]), upload, *_published())  # fmt: skip


def _published() -> tuple[str, str]:
    """A credential, and a gateway elsewhere that takes it as soon as its own admin's secret is known."""
    credential = credentials.create_credential(ADMIN, {"name": "first", "vendor": "openai", "secret": SECRET})
    given = {"name": "elsewhere", "kind": "litellm", "base_url": "https://gateway.example.com", "disabled": True}
    return str(credential["id"]), str(publishing.create_target(ADMIN, given)["id"])


def seat_of(workspace: str, person: str) -> str:
    """A seat of this person, made if need be."""
    from stationmaster.store.changes import change
    from stationmaster.workspaces import seats

    with change(ADMIN) as edit:
        return str(seats.seat_for(edit, person, workspace).id)


def signed_in(role: str = "admin", language: str = "en") -> Browser:
    """A browser of somebody with this role."""
    browser = Browser(language)
    browser.sign_in(somebody(role).email, PASSWORD)
    return browser


def page(browser: Browser, path: str, status: int = 200) -> str:
    """A page's text."""
    answer = browser.get(path)
    assert answer.status_code == status, (path, answer.status_code, said(answer.content.decode())[:2000])
    return str(answer.content.decode())


def do(browser: Browser, path: str, action: str, fields: Mapping[str, Any] | None = None, status: int = 302) -> Any:
    """Send one of a page's forms."""
    answer = browser.send(path, {"do": action, **(fields or {})})
    assert answer.status_code == status, (path, action, answer.status_code, said(answer.content.decode())[:2000])
    return answer


def said(text: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


__all__ = ["Organisation", "Stage", "people"]
