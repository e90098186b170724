"""Attacks by swapped ids: whoever sees only what is their own puts what is others' into addresses, filters, forms, files and
streams."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from console import kit
from console.everything import Everything, everything
from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, as_actor, somebody
from stationmaster.operators import services as operators
from stationmaster.operators.models import BrowserSession
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.listing import Query
from stationmaster.usage.services import BY
from stationmaster.workspaces import services as workspaces
from usage.kit import request, sent
from workspaces import kit as places

MINE = "mine@example.test"
_THEIRS = re.compile(
    r"member-0\d\d|more-\d|\bkey-\d|model-\d|pool-\d|gateway-\d|engineers|maker-\d|theirs|\b(?:per|seat|vk|cred|srq)_\w{26}"
)


@dataclass(frozen=True)
class Swapped:
    """A member's browser, what is theirs, and what is not."""

    browser: Browser
    mine: dict[str, str]
    theirs: dict[str, str]
    all_of_it: Everything

    def told(self, path: str) -> tuple[int, str]:
        """The status, and what a page says without what is the member's own."""
        answer = self.browser.get(path)
        text = b"".join(answer).decode() if answer.streaming else answer.content.decode()
        for own in self.mine.values():
            text = text.replace(own, "")
        return answer.status_code, text


def _own(address: str, name: str) -> dict[str, str]:
    """Somebody with a seat, a wish for another, a key and a request."""
    person = str(people.create_person(ADMIN, {"user_name": address, "email": address, "display_name": name})["id"])
    seat = kit.seat_of(str(workspaces.get_workspace(ADMIN, "acme")["id"]), person)
    asked = {"workspace": "wanted", "person": person, "reason": f"{name}-reason"}
    wish = str(workspaces.ask_for_seat(ADMIN, asked)["id"])
    key = str(routing.create_key(ADMIN, {"name": f"{name}-key", "owner": address}).row["id"])
    made = request(
        key=f"{name}-key",
        owner=address,
        model=f"{name}-model",
        pool=f"{name}-pool",
        tenant=f"{name}-team",
        credential=f"{name}-credential",
    )
    sent(made)
    return {
        "person": person,
        "seat": seat,
        "wish": wish,
        "key": key,
        "request": str(made["request_id"]),
        "mail": address,
        "name": name,
    }


@pytest.fixture
def swapped(database: str) -> Swapped:
    """Somebody of their own, beside something of everything that is others'."""
    all_of_it = everything()
    places.attached("wanted")
    mine, theirs = _own(MINE, "mine"), _own("theirs@example.test", "theirs")
    browser = Browser()
    browser.sign_in(somebody("member", MINE).email, PASSWORD)
    return Swapped(browser, mine, theirs, all_of_it)


def test_no_page_shows_what_is_others(swapped: Swapped) -> None:
    """Every page either is not a member's to see, or holds nothing of others': no name, address or id."""
    found = {}
    for path in swapped.all_of_it.addresses():
        status, text = swapped.told(path)
        if status >= 500 or _THEIRS.search(_main(text)):
            found[path] = (status, sorted(set(_THEIRS.findall(_main(text)))))
    assert found == {}


def test_ids_of_others_lead_nowhere(swapped: Swapped) -> None:
    """What is another's is answered as what is not there: in an address, in a file, in a stream."""
    theirs, ids = swapped.theirs, swapped.all_of_it.ids
    pairs = (
        (f"/requests/{theirs['request']}", "/requests/req-none"), ("/keys/theirs-key", "/keys/no-such"),
        (f"/keys/{theirs['key']}", "/keys/vk_none"), (f"/people/{theirs['person']}", "/people/per_none"),
        ("/people/theirs@example.test", "/people/nobody@example.test"), (f"/seats/{theirs['seat']}", "/seats/seat_none"),
        (f"/seats/{swapped.all_of_it.stage.seat}", "/seats/seat_none"),
        ("/seats?filter=group:eq:engineers", "/seats?filter=group:eq:no-such"),
        (f"/jobs/{ids['jobs']}/stream", "/jobs/job_none/stream"), (f"/requests/{ids['requests']}", "/requests/req-none"),
    )  # fmt: skip
    told = {path: (swapped.told(path)[0], swapped.told(other)[0]) for path, other in pairs}
    assert {path: each for path, each in told.items() if each[0] != each[1] or each[0] not in (403, 404)} == {}
    assert swapped.told("/usage.csv?by=owner")[0] == 403
    assert swapped.told(f"/requests?find=1&request={theirs['request']}")[0] == 302
    found = swapped.browser.get(f"/requests?find=1&request={theirs['request']}")["Location"]
    assert found == f"/requests?{urlencode({'filter': 'request_id:prefix:' + theirs['request']})}"


def test_questions_about_others_find_nothing(swapped: Swapped) -> None:
    """Filters, words and dimensions that name others' things come to no row and no sum but one's own."""
    theirs, plain = swapped.theirs, swapped.told("/usage?range=30d")[1]
    asked = {
        "/requests": ["filter=key:eq:theirs-key", f"filter=owner:eq:{theirs['mail']}", "filter=credential:contains:theirs",
                      f"filter=request_id:eq:{theirs['request']}", "filter=tenant:ne:mine-team", "filter=failed:eq:true"],
        "/keys": [f"filter=person:eq:{theirs['person']}", "search=theirs", f"filter=owner:eq:{theirs['mail']}"],
        "/seats": [f"filter=person:eq:{theirs['person']}", "search=theirs", f"filter=email:eq:{theirs['mail']}"],
        "/people": [f"filter=id:eq:{theirs['person']}", "search=theirs", f"filter=email:eq:{theirs['mail']}"],
        "/seats/requests": [f"filter=person:eq:{theirs['person']}", "search=theirs"],
    }  # fmt: skip
    rows = {f"{path}?{each}": _rows(swapped, f"{path}?{each}") for path, all_of in asked.items() for each in all_of}
    assert {path: each for path, each in rows.items() if each} == {}
    for by in BY:
        assert not _THEIRS.search(_main(swapped.told(f"/usage?range=30d&by={by}")[1])), by
    theirs_alone = swapped.told(f"/usage?range=30d&filter=owner:eq:{theirs['mail']}")[1]
    assert ("Nothing was used" in plain, "Nothing was used" in theirs_alone) == (False, True)
    assert "theirs" not in _main(swapped.told(f"/access?person={theirs['person']}&filter=person:eq:{theirs['person']}")[1])


def test_forms_do_nothing_to_what_is_others(swapped: Swapped) -> None:
    """A member's form that names another's wish does nothing; one's own it takes back."""
    theirs, mine = swapped.theirs, swapped.mine
    answer = swapped.browser.send("/access", {"do": "withdraw", "which": theirs["wish"]})
    assert answer.status_code == 403
    answer = swapped.browser.send("/access", {"do": "ask", "workspace": "wanted", "person": theirs["person"]})
    assert answer.status_code in (302, 409)
    assert workspaces.get_seat_request(ADMIN, theirs["wish"])["state"] == "asked"
    kit.do(swapped.browser, "/access", "withdraw", {"which": mine["wish"]})
    wishes = workspaces.list_seat_requests(ADMIN, Query()).items
    assert sorted((row["person"], row["state"]) for row in wishes) == sorted(
        [(theirs["person"], "asked"), (mine["person"], "withdrawn")]
    )


def test_others_sessions_and_tokens(database: str) -> None:
    """An operator ends neither another's browser nor another's token, and decides no wish of their own."""
    other, me = somebody("admin", "other@example.test"), somebody("operator")
    theirs, browser = Browser(), Browser()
    theirs.sign_in(other.email, PASSWORD)
    browser.sign_in(me.email, PASSWORD)
    token = operators.create_token(as_actor(other), {"name": "theirs", "role": "viewer"}).row["id"]
    session = BrowserSession.objects.get(operator_id=other.id).id
    assert browser.send(f"/account/sessions/{session}/end", form="/account").status_code == 404
    assert browser.send("/tokens", {"do": "delete", "which": token}).status_code in (403, 404, 409, 422)
    assert "theirs" not in kit.said(kit.page(browser, "/tokens"))
    assert theirs.signed_in()
    assert operators.get_token(ADMIN, str(token))["name"] == "theirs"


def _rows(swapped: Swapped, path: str) -> list[str]:
    """What the rows of a list say."""
    status, text = swapped.told(path)
    assert status == 200, path
    return [kit.said(each) for each in re.findall(r"<tbody.*?</tbody>", _main(text), re.DOTALL) if "<td" in each]


def _main(text: str) -> str:
    return text[text.find("<main") :]
