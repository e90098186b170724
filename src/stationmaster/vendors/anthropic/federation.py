"""Anthropic: workload identity federation. Issuers whose tokens the vendor takes, rules that turn them into short-lived tokens of
service accounts, those accounts. The vendor's page: https://platform.claude.com/docs/en/manage-claude/wif-admin-api; names and
payloads are those of anthropic 2.12.

All of it takes a token of scope `org:admin`; an admin key is refused, which says nothing of the rest. Such a token comes of a
person's log-in, or of a rule that a person made in the vendor's console, where rules of that scope stay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from stationmaster.line.errors import AlreadyExists, Transient
from stationmaster.vendors._base import FederationRule, Issuer, Match, ServiceAccount, each_once
from stationmaster.vendors.anthropic import rows
from stationmaster.vendors.anthropic.client import PAGE, Client, if_allowed

_NEEDS = "federation takes a token of scope org:admin: the vendor refuses it to admin keys"


class Federation(Client):
    """Capability FEDERATION, and the service accounts of capability KEYS."""

    def service_accounts(self) -> Iterator[ServiceAccount]:
        """Those that are not archived."""
        with if_allowed(_NEEDS):
            found = self._line.pages(lambda: self._client.organization.service_accounts.list(limit=PAGE), rows.service_account)
            yield from each_once(found, lambda row: row.id)

    def create_service_account(self, name: str) -> ServiceAccount:
        """`name`: small letters, digits and hyphens. Its role in the organisation is `developer`: only people make admins."""
        with _taken(name, self.service_accounts), if_allowed(_NEEDS), self._line.mapped():
            return rows.service_account(self._client.organization.service_accounts.create(name=name))

    def issuers(self) -> Iterator[Issuer]:
        """As they are trusted now, whether or not their keys can be fetched."""
        with if_allowed(_NEEDS):
            found = self._line.pages(lambda: self._client.organization.federation.issuers.list(limit=PAGE), rows.issuer)
            yield from each_once(found, lambda row: row.id)

    def create_issuer(self, name: str, url: str, keys: Sequence[Mapping[str, object]] = ()) -> Issuer:
        """`name`: small letters, digits and hyphens. Assertions may be used once and live an hour at most, as is usual there."""
        jwks: Any = {"type": "inline", "keys": [dict(key) for key in keys]} if keys else {"type": "discovery"}
        with _taken(name, self.issuers), if_allowed(_NEEDS), self._line.mapped():
            return rows.issuer(self._client.organization.federation.issuers.create(name=name, issuer_url=url, jwks=jwks))

    def archive_issuer(self, issuer: str) -> None:
        """The vendor keeps it, and has no way back."""
        with if_allowed(_NEEDS), self._line.mapped():
            _archived(self._client.organization.federation.issuers.archive(issuer))

    def rules(self) -> Iterator[FederationRule]:
        """Those made in the vendor's console too, with scopes that none has from here."""
        with if_allowed(_NEEDS):
            found = self._line.pages(lambda: self._client.organization.federation.rules.list(limit=PAGE), rows.rule)
            yield from each_once(found, lambda row: row.id)

    def create_rule(
        self, name: str, issuer: str, service_account: str, match: Match, *, project: str = "",
        scope: str = "workspace:inference", lifetime: int = 3600,
    ) -> FederationRule:  # fmt: skip
        """`scope` is `workspace:inference` or `workspace:developer`, `lifetime` 60 to 86,400. An audience alone is no match."""
        where: Any = {"workspace_id": project} if project else {"applies_to_all_workspaces": True}
        with _taken(name, self.rules), if_allowed(_NEEDS), self._line.mapped():
            return rows.rule(self._client.organization.federation.rules.create(
                name=name, issuer_id=issuer, match=_asked(match), oauth_scope=scope, token_lifetime_seconds=lifetime,
                target={"type": "service_account", "service_account_id": service_account}, **where,
            ))  # fmt: skip

    def archive_rule(self, rule: str) -> None:
        """The vendor keeps it, and has no way back."""
        with if_allowed(_NEEDS), self._line.mapped():
            _archived(self._client.organization.federation.rules.archive(rule))


def _asked(match: Match) -> Any:
    """What is empty is not asked for: the vendor skips it then."""
    asked = {"subject_prefix": match.subject, "audience": match.audience, "claims": dict(match.claims)}
    return {name: value for name, value in {**asked, "condition": match.condition}.items() if value}


def _archived(answer: Any) -> None:
    """The vendor says of what it archived since when."""
    if answer.archived_at is None:
        raise Transient("the vendor did not say that it is archived", maybe_done=True)


@contextmanager
def _taken(name: str, listed: Callable[[], Iterator[Any]]) -> Iterator[None]:
    """409 says that a name is taken, or that another change is under way; the list knows which."""
    try:
        yield
    except Transient as error:
        if error.answered == 409 and any(row.name == name for row in listed()):
            raise AlreadyExists(error.message, request_id=error.request_id) from None
        raise
