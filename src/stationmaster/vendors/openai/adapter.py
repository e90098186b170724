"""OpenAI Platform: an organisation by its admin key, or a credential for inference by itself.

Over the official SDK's `client.admin.organization`. The vendor's pages:
https://platform.openai.com/docs/api-reference/administration.
"""

from stationmaster.vendors._base import Probe
from stationmaster.vendors._probe import probe
from stationmaster.vendors.openai.client import NAMED
from stationmaster.vendors.openai.people import People
from stationmaster.vendors.openai.projects import Projects
from stationmaster.vendors.openai.use import Use


class Adapter(People, Projects, Use):
    """All that the vendor offers."""

    def probe(self) -> Probe:
        """By the list of models. An admin key serves no inference, and is not sent."""
        if self._is_admin:
            return Probe(ok=False, code="admin_key", words="an admin key serves no inference")
        return probe(self._line, "/models", organisation=(NAMED,))
