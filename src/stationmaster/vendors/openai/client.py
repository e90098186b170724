"""OpenAI's SDK on the line. Owns: how it is opened, and what the vendor's codes mean. Knows no operation."""

import re
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stationmaster.line.clients import client2
from stationmaster.line.errors import AlreadyExists, DirectoryManaged, RateLimited, StopRun, Transient
from stationmaster.line.line import PLACEHOLDER, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access

if TYPE_CHECKING:
    from openai.resources.admin.organization import Organization

BASE = "https://api.openai.com/v1"
ADMIN_PREFIX = "sk-admin-"
PAGE = 100                     # rows a page: the most that lists give

NAMED = "openai-organization"

_MONEY = (
    "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded", "insufficient_quota", "billing_hard_limit_reached",
)  # fmt: skip
# Refused invitations have no code of their own in the vendor's documents, so that their words have to be looked at.
_THERE = re.compile(r"\balready\b.*\b(member|invite|invited|invitation|pending|exists|belongs|part of)\b", re.IGNORECASE)
_DIRECTORY = re.compile(r"\bscim\b|identity provider|directory[ -](managed|sync)", re.IGNORECASE)
MEANING = Meaning(
    codes={
        **dict.fromkeys(_MONEY, StopRun),
        "invalid_api_key": StopRun, "account_deactivated": StopRun, "organization_deactivated": StopRun,
        "rate_limit_exceeded": RateLimited, "slow_down": RateLimited, "server_is_overloaded": Transient,
    },
    phrases=((_DIRECTORY, DirectoryManaged), (_THERE, AlreadyExists)),
)  # fmt: skip


class Client:
    """One organisation, or one credential of it. `strict`: answers that the SDK's types do not allow raise `Transient` (for
    tests: vendors add values)."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:
        self._is_admin = access.secret.startswith(ADMIN_PREFIX)
        self._timeout, self._strict = access.timeout, strict
        self._line = Line(access, base_url=BASE, authorise=bearer(access.secret), meaning=MEANING, sleep=sleep)

    @cached_property
    def _org(self) -> "Organization":
        """The SDK's root of all administration. Everything that it would look up in the environment is given."""
        from openai import OpenAI

        client = OpenAI(
            api_key=PLACEHOLDER, admin_api_key=PLACEHOLDER, organization="", project="", webhook_secret="",
            base_url=self._line.base_url, timeout=self._timeout, max_retries=0, http_client=client2(self._line),
            _strict_response_validation=self._strict,
        )  # fmt: skip
        return client.admin.organization


def gone(answer: Any) -> None:
    """The vendor says of what it deleted that it did."""
    if not answer.deleted:
        raise Transient("the vendor did not say that it is deleted", maybe_done=True)
