"""A vendor is never sent what is known to be another vendor's secret, whichever way it comes in."""

from collections.abc import Callable
from functools import partial

import pytest

from controlkit import ADMIN, a_credential
from stationmaster.credentials import services as credentials
from stationmaster.credentials.checking import check_owner
from stationmaster.errors import Invalid, NotFound

FOREIGN = "error.credential.foreign_secret"
OPENAI, SERVICE, CLAUDE = "sk-proj-0123456789abcdef", "sk-svcacct-0123456789abcdef", "sk-ant-api03-0123456789abcdef"
GOOGLE, GROQ, PLAIN = "AIzaSy0123456789abcdef", "gsk_0123456789abcdef", "sk-0123456789abcdef"
OWN = "https://models.example.com/v1"


@pytest.mark.parametrize(("secret", "vendor", "base_url", "refused"), [
    (OPENAI, "anthropic", "", True), (OPENAI, "anthropic", OWN, True), (SERVICE, "gemini", "", True),
    (CLAUDE, "openai", "", True), (CLAUDE, "openai", "https://api.openai.com/v1", True),
    (CLAUDE, "openai", "https://eu.api.openai.com/v1", True), (CLAUDE, "openai", OWN, False),
    (CLAUDE, "openai_compatible", OWN, False), (OPENAI, "openai_compatible", OWN, False), (GOOGLE, "vertex", OWN, False),
    (GOOGLE, "anthropic", "", True), (GROQ, "openai", "", True), (GROQ, "openai", OWN, False), (GROQ, "anthropic", OWN, False),
    (PLAIN, "anthropic", "", False), (PLAIN, "openai", "", False), ("0123456789abcdef", "azure_openai", OWN, False),
    (OPENAI, "openai", "", False), (CLAUDE, "anthropic", OWN, False),
])  # fmt: skip
def test_whose_it_is(secret: str, vendor: str, base_url: str, refused: bool) -> None:
    """What one vendor alone gives is refused for the others; servers that speak OpenAI's interface at their own address take
    whatever they gave; a beginning that many use, or none, says nothing."""
    if not refused:
        check_owner(secret, vendor, base_url)
        return
    with pytest.raises(Invalid) as caught:
        check_owner(secret, vendor, base_url)
    assert caught.value.code == FOREIGN
    assert caught.value.hint.startswith("recognised as ")
    assert secret not in repr(caught.value) + caught.value.hint + str(caught.value.fields)


def test_it_enters_nowhere(database: str) -> None:
    """Made, changed, rotated, pasted for a new name or one that there is: each is refused, and nothing is stored."""
    credentials.create_credential(ADMIN, a_credential("claude", vendor="anthropic", secret=CLAUDE))
    ways: tuple[Callable[[], object], ...] = (
        partial(credentials.create_credential, ADMIN, a_credential("new", vendor="anthropic", secret=OPENAI)),
        partial(credentials.paste_credential, ADMIN, "new", {"vendor": "anthropic", "base_url": OWN, "secret": OPENAI}),
        partial(credentials.update_credential, ADMIN, "claude", {"secret": OPENAI}),
        partial(credentials.rotate_credential, ADMIN, "claude", {"secret": OPENAI}),
        partial(credentials.paste_credential, ADMIN, "claude", {"secret": OPENAI}),
    )
    for way in ways:
        with pytest.raises(Invalid) as caught:
            way()
        assert caught.value.code == FOREIGN
    with pytest.raises(NotFound):
        credentials.get_credential(ADMIN, "new")
    assert credentials.get_credential(ADMIN, "claude")["generations"] == []
    told = credentials.recognise(ADMIN, "anthropic", {"secret": OPENAI})
    assert (told["usable"], told["code"]) == (False, FOREIGN)
    assert credentials.recognise(ADMIN, "any", {"secret": OPENAI})["usable"] is True
