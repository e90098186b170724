"""The storage follows the library's own contract: reading, searching, versions, uniqueness, on every database.

The contract compares 44 filters and 9 orders with the library's evaluator. What is not stored in columns is refused instead,
which it skips: `name pr` and filters on `emails.primary`.
"""

from functools import cache

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract
from scim2_server.utils import load_default_provider

from scim.kit import SCIM
from stationmaster.people.scim import leaving
from stationmaster.people.scim.storage import PeopleStorage

_described = cache(load_default_provider)


class TestStorage(ScimStorageContract):
    """Under RFC 7643's schemas, all of them."""

    @pytest.fixture
    def provider(self) -> ScimProvider:
        """The library's description."""
        return _described()

    @pytest.fixture
    def storage(self, database: str, provider: ScimProvider, monkeypatch: pytest.MonkeyPatch) -> PeopleStorage:
        """A new, empty one on each database; nobody is held back."""
        monkeypatch.setattr(leaving, "ALWAYS", 10**6)
        return PeopleStorage(provider, SCIM)
