"""Anthropic's SDK on the line. Owns: how it is opened, and what the vendor's codes mean. Knows no operation."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stationmaster.line.clients import client2
from stationmaster.line.errors import (
    AlreadyExists,
    DirectoryManaged,
    NotFound,
    RateLimited,
    Rejected,
    StopRun,
    Transient,
)
from stationmaster.line.line import PLACEHOLDER, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access

if TYPE_CHECKING:
    from anthropic import Anthropic

BASE = "https://api.anthropic.com"
PAGE = 100                     # rows a page; lists give up to 1,000

_PASSED = frozenset({"anthropic-version", "anthropic-beta"})

_STOP = (
    "organization_on_hold", "organization_type_not_supported", "parent_organization_required", "api_key_scope_missing",
    "organization_level_scoped_api_key_required", "enforced_spend_limit_reached", "contract_spend_limit_reached",
    "linked_organization_billing_unavailable", "linked_organization_spend_limit_reached", "authentication_error", "billing_error",
)  # fmt: skip
_REFUSED = (
    "email_domain_not_allowed", "cannot_invite_emails_with_unverified_domains", "org_member_limit_exceeded",
    "workspace_member_limit_exceeded", "cannot_remove_last_member", "rbac_group_grants_owner_access",
    "rbac_group_owner_access_unconfirmed", "org_api_key_limit_exceeded", "workspace_api_key_limit_exceeded",
)  # fmt: skip
# That a directory owns the people is said in words only.
_DIRECTORY = re.compile(r"\bscim\b|identity provider|just-in-time|\bjit\b|directory[ -](managed|sync)", re.IGNORECASE)
MEANING = Meaning(
    codes={
        **dict.fromkeys(_STOP, StopRun), **dict.fromkeys(_REFUSED, Rejected),
        "already_member": AlreadyExists, "invite_already_exists": AlreadyExists, "rbac_group_not_found": NotFound,
        "concurrent_membership_change": Transient, "overloaded_error": Transient, "ramp_limit_exceeded": RateLimited,
        "rate_limit_error": RateLimited,
    },
    phrases=((_DIRECTORY, DirectoryManaged),),
)  # fmt: skip


class Client:
    """One organisation, or one credential of it. `strict`: answers that the SDK's types do not allow raise `Transient` (for
    tests: vendors add values)."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:
        self._access, self._strict = access, strict
        headers = bearer(access.secret)
        self._line = Line(access, base_url=BASE, authorise=headers, meaning=MEANING, passed=_PASSED, sleep=sleep)

    @cached_property
    def _client(self) -> "Anthropic":
        """The SDK. Everything that it would look up in the environment or in profiles is given."""
        from anthropic import Anthropic

        return Anthropic(
            api_key=PLACEHOLDER, webhook_key="", base_url=self._line.base_url, timeout=self._access.timeout, max_retries=0,
            open_telemetry=False, http_client=client2(self._line), _strict_response_validation=self._strict,
        )  # fmt: skip


@contextmanager
def if_allowed(hint: str = "") -> Iterator[None]:
    """A right that only some credentials have, and without which the rest works: refused, not the end. `hint`: which have."""
    try:
        yield
    except StopRun as error:
        if error.answered != 403:
            raise
        hint = hint or error.hint
        raise Rejected(error.message, hint=hint, request_id=error.request_id, remote_code=error.remote_code) from None


def must_be(answer: Any, kind: str) -> None:
    """The vendor says of what it deleted that it did."""
    if answer.type != kind:
        raise Transient("the vendor did not say that it is deleted", maybe_done=True)
