"""Google Cloud's access tokens, by google-auth: a service account's key, workload identity federation, or this machine's own
identity.

Of the JSON documents that Google hands out only a service account's key is taken: others name files to read and programs to
run here. What workload identity federation needs is told in so many fields instead
(https://cloud.google.com/iam/docs/workload-identity-federation).
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.issuers._base import Access, Issued
from stationmaster.issuers._outlet import Outlet

TOKENS: Final = "https://oauth2.googleapis.com"
EXCHANGE: Final = "https://sts.googleapis.com"
IMPERSONATION: Final = "https://iamcredentials.googleapis.com"
_TYPES: Final = {"jwt": "urn:ietf:params:oauth:token-type:jwt", "id_token": "urn:ietf:params:oauth:token-type:id_token"}
_MADE: Final = "/v1/projects/-/serviceAccounts/{account}:generateAccessToken"


class Google:
    """`access.secret` is a service account's key (JSON). Raises `Invalid` for another document."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._outlet = Outlet(access, own={TOKENS, EXCHANGE, IMPERSONATION}, instead=access.options.address)
        self._credentials = _KINDS[access.options.mode](access, self._outlet)

    def issue(self) -> Issued:
        """One access token."""
        with self._outlet.mapped():
            self._credentials.refresh(self._request())
            token, expiry = self._credentials.token, self._credentials.expiry
            return Issued(str(token), (_aware(expiry) - datetime.now(UTC)) / timedelta(seconds=1) if expiry else None)

    def _request(self) -> Any:
        """What google-auth sends by. The machine's own identity may be where only this machine reaches: its own way then."""
        if self._access.options.mode != "ambient":
            return _Request(self._outlet)
        from google.auth.transport.requests import Request

        return Request()


class _Request:
    """Our outlet as google-auth's transport (google.auth.transport.Request)."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Any:
        plain = body if isinstance(body, bytes) else str(body or "").encode()
        return _Response(self._outlet.send(method, url, headers or {}, plain))


class _Response:
    """google.auth.transport.Response."""

    def __init__(self, answer: Any) -> None:
        self.status, self.headers, self.data = answer.status, answer.headers, answer.body


def check_key(secret: str) -> Mapping[str, Any]:
    """A service account's key, read. Raises `Invalid` for everything else."""
    try:
        found = json.loads(secret)
    except (ValueError, RecursionError):
        found = None
    names = ("client_email", "private_key", "token_uri")
    if not isinstance(found, dict) or found.get("type") != "service_account" or not all(found.get(name) for name in names):
        odd = "no key of a service account as Google Cloud hands it out (JSON of the type service_account)"
        raise Invalid("error.source.bad_secret", f"secret: {odd}", fields={"secret": odd})
    return found


def _service_account(access: Access, _: Outlet) -> Any:
    from google.oauth2 import service_account

    key = {**check_key(access.secret), "token_uri": f"{TOKENS}/token"}      # Google's own, whatever the key says
    try:
        made = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key, scopes=[access.options.scope]
        )
    except ValueError:
        odd = "a service account's key that cannot be read"
        raise Invalid("error.source.bad_secret", f"secret: {odd}", fields={"secret": odd}) from None
    return made


def _federated(access: Access, outlet: Outlet) -> Any:
    from google.auth import identity_pool

    asked = access.options

    class Supplier(identity_pool.SubjectTokenSupplier):
        """Our identity token as google-auth asks for it."""

        def get_subject_token(self, context: Any, request: Any) -> str:  # noqa: ARG002  google-auth's signature
            return outlet.identity()

    made_by = f"{IMPERSONATION}{_MADE.format(account=asked.account)}" if asked.account else None
    return identity_pool.Credentials(  # type: ignore[no-untyped-call]
        audience=asked.audience, subject_token_type=_TYPES[asked.subject_type], token_url=f"{EXCHANGE}/v1/token",
        subject_token_supplier=Supplier(), service_account_impersonation_url=made_by, scopes=[asked.scope],
    )  # fmt: skip


def _ambient(access: Access, _: Outlet) -> Any:
    """What GOOGLE_APPLICATION_CREDENTIALS of this process names (google.auth.default)."""
    import google.auth

    if not access.ambient:
        raise Invalid("error.source.ambient", "this machine's own identity may not be used",
                      hint="whoever runs the process allows it with the setting identity.ambient")  # fmt: skip
    return google.auth.default(scopes=[access.options.scope])[0]


_KINDS: Final[Mapping[str, Callable[[Access, Outlet], Any]]] = {
    "service_account": _service_account, "workload_identity": _federated, "ambient": _ambient,
}  # fmt: skip


def _aware(expiry: datetime) -> datetime:
    return expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
