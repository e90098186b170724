"""What a file that can be served from is warned about."""

from collections.abc import Callable

import pytest

from stationmaster.gateway.config import cautions
from stationmaster.gateway.core.snapshot import Snapshot

Read = Callable[..., Snapshot]

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CREDENTIAL = '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n'
POOLS = '[[pool]]\nid = "main"\nmembers = [{ credential = "a" }]\n[[pool]]\nid = "other"\nmembers = [{ credential = "a" }]\n'
ROUTE = '[[route]]\nmodels = ["gpt-*"]\npool = "main"\naliases = { fast = "gpt-4o" }\n'
BASE = CREDENTIAL + POOLS + ROUTE
NOW = 1_800_000_000.0      # 2027-01-15


def key(more: str = "", digest: str = HASH) -> str:
    """A virtual key's table."""
    return f'[[key]]\nid = "k"\nsecret_sha256 = "{digest}"\n{more}'


CASES = [
    (BASE + key(), ()),
    (BASE + key('models = ["gpt-4*", "nothing"]'), ()),
    (BASE + key('models = ["fast", "gpt-4o"]'), ()),
    (BASE + key('pools = ["main"]'), ()),
    (BASE + key('expires = "2027-01-16"'), ()),
    ('[gateway]\ndefault_pool = "main"\n' + CREDENTIAL + POOLS + key(), ()),
    (key(), ("no credential", "no route serves")),
    (BASE, ("no key",)),
    (BASE + key(digest="0" * 64), ("placeholder",)),
    (BASE + key('expires = "2027-01-15"'), ("in the past",)),
    (BASE + key('models = ["claude-*"]'), ("no route serves",)),
    (BASE + key('models = ["fast"]'), ("no route serves",)),    # may say it, may not use what it stands for
    (BASE + key('pools = ["other"]'), ("no route serves",)),
    ('[gateway]\ndefault_pool = "main"\n' + BASE + key('models = ["claude-*"]'), ("no route serves",)),
]


@pytest.mark.parametrize(("text", "words"), CASES, ids=range(len(CASES)))
def test_cautions(read: Read, text: str, words: tuple[str, ...]) -> None:
    """Each file has these cautions, in this order, and no other."""
    found = cautions(read(text), NOW)
    assert len(found) == len(words), found
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
