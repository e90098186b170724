"""Pages of who and what is let in: operators, tokens, gateways."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from controlkit import ADMIN
from operators.browser import Browser
from stationmaster.operators import services as operators
from stationmaster.operators.models import ApiToken, GatewayToken, Operator

PAGES = ("/operators", "/tokens", "/gateways")
ODD = "<script>alert(1)</script>"


def test_an_operator_is_let_in_invited_and_taken_away(database: str) -> None:
    """A form lets somebody in, another makes their invitation, whose link is in that answer alone and works."""
    browser = kit.signed_in()
    sent = kit.do(browser, "/operators", "create", {"email": "new@example.test", "display_name": "Ada", "role": "viewer"})
    path = sent.headers["Location"]
    assert "Ada" in kit.page(browser, path)
    answer = kit.do(browser, path, "invite", status=200).content.decode()
    link = re.search(r"/welcome/([A-Za-z0-9_-]+)", answer)
    assert link
    assert operators.is_open(link.group(1))
    assert link.group(1) not in kit.page(browser, path)
    kit.do(browser, path, "save", {"display_name": "Ada", "role": "operator", "active": "on"})
    assert Operator.objects.get(email="new@example.test").role == "operator"
    kit.do(browser, path, "delete", {"sure": "on"})
    assert not Operator.objects.filter(email="new@example.test").exists()


def test_a_wrong_address_stays_in_the_form(database: str) -> None:
    """What cannot be an address comes back with why, and what was typed."""
    answer = kit.do(kit.signed_in(), "/operators", "create", {"email": "nobody", "role": "viewer"}, 422).content.decode()
    assert 'value="nobody"' in answer
    assert 'aria-invalid="true"' in answer


@pytest.mark.parametrize(("role", "begin"), [("viewer", "sm-api-"), ("scim", "sm-scim-")])
def test_a_token_is_shown_once(database: str, role: str, begin: str) -> None:
    """A token is in the answer that made it, and in no later page; it can be ended."""
    browser = kit.signed_in()
    answer = kit.do(browser, "/tokens", "create", {"name": "ci", "role": role, "days": "30"}, 200).content.decode()
    found = re.search(begin + r"[A-Za-z0-9_-]{20,}", answer)
    assert found
    assert found.group(0) not in kit.page(browser, "/tokens")
    kit.do(browser, "/tokens", "delete", {"which": ApiToken.objects.get(name="ci").id})
    assert not ApiToken.objects.filter(name="ci").exists()


def test_a_gateway_joins_by_a_token(database: str) -> None:
    """The token of a gateway is shown once, beside the command that uses it; another one may follow it."""
    browser = kit.signed_in()
    answer = kit.do(browser, "/gateways", "create", {"name": "edge"}, 200).content.decode()
    assert re.search(r"sm-gw-[A-Za-z0-9_-]{20,}", answer)
    assert "stationmaster gateway --control" in answer
    first = GatewayToken.objects.get(name="edge").secret_hash
    assert "sm-gw-" in kit.do(browser, "/gateways", "rotate", {"which": "edge"}, 200).content.decode()
    row = GatewayToken.objects.get(name="edge")
    assert (row.previous_hash, row.secret_hash != first) == (first, True)
    kit.do(browser, "/gateways", "delete", {"which": "edge"})
    assert not GatewayToken.objects.exists()


@pytest.mark.parametrize(("role", "seen"), [
    ("viewer", {"/gateways"}), ("auditor", {"/operators", "/tokens", "/gateways"}), ("operator", {"/tokens", "/gateways"}),
    ("member", set()),
])  # fmt: skip
def test_roles_see_what_they_may(database: str, role: str, seen: set[str]) -> None:
    """Who may not read a list is told so, and no form is shown to who may not send it."""
    browser = kit.signed_in(role)
    for path in PAGES:
        text = kit.page(browser, path, 200 if path in seen else 403)
        assert 'value="create"' not in text or (role, path) == ("operator", "/tokens")


def test_more_rows_cost_no_more_questions(database: str) -> None:
    """The number of questions to the database does not depend on how many there are, and names are text."""
    browser, counts = kit.signed_in(), []
    for number in (2, 20):
        for each in range(number):
            _some(browser, number, each)
        found = []
        for path in PAGES:
            with CaptureQueriesContext(connection) as asked:
                assert ODD not in kit.page(browser, path)
            found.append(len(asked))
        counts.append(found)
    assert counts[0] == counts[1]


def _some(browser: Browser, number: int, each: int) -> None:
    operators.create_operator(ADMIN, {"email": f"p{number}-{each}@example.test", "display_name": ODD, "role": "viewer"})
    kit.do(browser, "/tokens", "create", {"name": f"{ODD} {number} {each}", "role": "viewer", "days": "9"}, 200)
    operators.create_gateway_token(ADMIN, {"name": f"gw-{number}-{each}"})
