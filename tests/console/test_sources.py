"""The part of a credential's page that says where its secret comes from."""

import re
from typing import Any

import pytest

from console import kit
from controlkit import ADMIN
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, TokenSource
from stationmaster.issuers.registry import KINDS
from stationmaster.workspaces import addresses

GIVEN: dict[str, Any] = {
    "kind": "oauth2_client_credentials", "secret": "canary-of-the-client", "vendor": "openai_compatible",
    "base_url": "https://models.example.com/v1", "options": {"token_url": "https://login.example.com/token", "client_id": "sm"},
}  # fmt: skip
FOLDED = '<details class="fold">'


def stored() -> None:
    """A credential with that source, whose issuer an admin knows."""
    addresses.allow_address(ADMIN, {"name": "login.example.com", "reason": "the company's"})
    credentials.put_source(ADMIN, "models", GIVEN)


def test_a_source_is_seen_changed_and_forgotten(database: str) -> None:
    """It is shown with its state and never with its secret; its form has its parts, and keeps what is left empty; a refresh is
    asked for by a button."""
    browser = kit.signed_in()
    stored()
    TokenSource.objects.all().observe(refresh_at=None)
    path = f"/credentials/{credentials.get_credential(ADMIN, 'models')['id']}"
    text = kit.page(browser, path)
    assert "not fetched yet" in text
    assert "https://login.example.com/token" in text
    assert "canary-of-the-client" not in text
    kit.do(browser, path, "refresh")
    assert TokenSource.objects.get().refresh_at is not None
    sent = {"kind": GIVEN["kind"], "option_token_url": "https://login.example.com/token", "option_client_id": "sm",
            "option_scope": "models", "option_auth": "client_secret_post"}  # fmt: skip
    kit.do(browser, path, "source", sent)
    row = TokenSource.objects.get()
    assert (row.options["scope"], row.options["auth"]) == ("models", "client_secret_post")
    assert row.secret.reveal("refresh") == GIVEN["secret"]
    kit.do(browser, path, "source_remove")
    assert not TokenSource.objects.exists()


def test_a_mistake_comes_back_with_its_words(database: str) -> None:
    """A vendor's own log-in is refused on the page, with what to do instead."""
    browser = kit.signed_in()
    stored()
    path = f"/credentials/{credentials.get_credential(ADMIN, 'models')['id']}"
    sent = {"kind": GIVEN["kind"], "option_token_url": "https://auth.openai.com/oauth/token", "option_client_id": "sm"}
    answer = kit.do(browser, path, "source", sent, 422).content.decode()
    assert "own log-in" in answer


SENT = {
    "name": "models", "vendor": "openai_compatible", "base_url": "https://models.example.com/v1", "kind": GIVEN["kind"],
    "option_token_url": "https://login.example.com/token", "option_client_id": "sm", "option_auth": "client_secret_post",
    "secret": GIVEN["secret"],
}  # fmt: skip


def test_a_credential_is_made_together_with_its_source(database: str) -> None:
    """A plain form for each kind stands where credentials are added: it makes one that has no secret yet, and its source, which
    is shown with its state and never with its secret."""
    addresses.allow_address(ADMIN, {"name": "login.example.com", "reason": "the company's"})
    browser = kit.signed_in("operator")
    offered = kit.page(browser, "/credentials/new")
    assert {kind for kind in KINDS if f'<input type="hidden" name="kind" value="{kind}">' in offered} == set(KINDS)
    answer = kit.do(browser, "/credentials/new", "source", SENT)
    made = credentials.get_credential(ADMIN, "models")
    assert answer["Location"] == f"/credentials/{made['id']}"
    assert (made["secret_set"], made["base_url"]) == (False, "https://models.example.com/v1")
    row = TokenSource.objects.get()
    assert (row.credential.name, row.kind, row.options["auth"]) == ("models", GIVEN["kind"], "client_secret_post")
    assert row.secret.reveal("refresh") == GIVEN["secret"]
    text = kit.page(browser, answer["Location"])
    assert "not fetched yet" in text
    assert GIVEN["secret"] not in text
    again = kit.do(browser, "/credentials/new", "source", SENT, 409).content.decode()
    assert "is taken" in again
    assert TokenSource.objects.count() == 1


@pytest.mark.parametrize(
    ("language", "words", "heading"),
    [("en", "own log-in", "Have its secret come from elsewhere"), ("zh-CN", "登录", "从别处获取其密钥")],
)
def test_a_mistake_makes_neither(database: str, language: str, words: str, heading: str) -> None:
    """What cannot be comes back in its form, which is open, in the reader's language, with what was typed but for the secret. No
    credential without a source is left behind, and the other forms of the page stay empty."""
    browser = kit.signed_in(language=language)
    sent = {**SENT, "option_token_url": "https://auth.openai.com/oauth/token"}
    answer = kit.do(browser, "/credentials/new", "source", sent, 422).content.decode()
    assert words in kit.said(answer)
    assert heading in answer
    assert len(re.findall(r'name="name"[^>]* value="models"', answer)) == 1
    assert re.search(r'name="option_client_id"[^>]* value="sm"', answer)
    assert '<option value="client_secret_post" selected>' in answer
    assert answer.count(FOLDED) == kit.page(browser, "/credentials/new").count(FOLDED) - 1
    assert GIVEN["secret"] not in answer
    assert not Credential.objects.exists()


def test_whoever_may_not_set_sources_is_offered_none(database: str) -> None:
    """Adding credentials is not for everybody, and nobody gets past that by sending the form."""
    viewer = kit.signed_in("viewer")
    kit.page(viewer, "/credentials/new", 403)
    kit.do(viewer, "/credentials/new", "source", SENT, 403)
    assert not Credential.objects.exists()


def test_kinds_are_those_of_the_vendor(database: str) -> None:
    """A credential of OpenAI's can have one kind of source; its form is there, and no other."""
    from controlkit import a_credential

    browser = kit.signed_in()
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    text = kit.page(browser, f"/credentials/{row['id']}")
    assert "OpenAI workload identity" in text
    assert "Microsoft Entra ID" not in text
