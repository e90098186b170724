"""What forms send as no service takes it: a NUL, and lines as browsers end them."""

import pytest

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.errors import Invalid, NotFound
from stationmaster.people import services as people
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import SeatRequest


@pytest.mark.parametrize(("page", "action", "field"), [
    ("/groups/{stage.group}", "add", "who"), ("/groups/{stage.group}", "remove", "who"), ("/plans/new", "make", "note"),
    ("/tokens", "delete", "which"),
])  # fmt: skip
def test_a_null_character_in_a_form_is_refused(database: str, stage: Stage, page: str, action: str, field: str) -> None:
    """A NUL in what a form sends is a mistake of whoever sent it (422) and changes nothing: PostgreSQL takes none in a text."""
    path = page.format(stage=stage)
    kit.do(kit.signed_in(), path, action, {field: "\0"}, status=422)


def test_lines_of_a_form_are_those_that_were_typed(database: str, stage: Stage) -> None:
    """A text of several lines is taken as browsers send it, with CRLF, and kept with the lines that were typed."""
    browser = Browser()
    browser.sign_in(somebody("member", "member-004@example.test").email, PASSWORD)
    kit.do(browser, "/access", "ask", {"workspace": "acme", "reason": "one\r\ntwo"})
    assert SeatRequest.objects.get().reason == "one\ntwo"


def test_services_refuse_it_too(database: str, stage: Stage) -> None:
    """REST calls the same services without a form before them: a NUL names nobody, and is no note."""
    with pytest.raises(NotFound):
        people.change_members(ADMIN, stage.group, ["\0"])
    with pytest.raises(Invalid):
        workspaces.make_plan(ADMIN, {"note": "\0"})
