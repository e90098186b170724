"""Vertex AI: whether a credential works. People and roles are the directory's.

It is an access token, or the JSON that Google Cloud hands out for a service account, of which google-auth makes tokens. Other
kinds of that JSON are refused: some of them name files to read and programs to run here. Models are listed with
https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list, which no project has of its own: a
credential's address names one (`/v1/projects/…/locations/…`), and is cut before it.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from stationmaster.errors import Invalid
from stationmaster.gateway.core.clouds import place_of
from stationmaster.line.errors import RateLimited, RemoteError, Transient
from stationmaster.line.line import Call, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._google import read, read_token
from stationmaster.vendors._probe import probe

BASE = "https://aiplatform.googleapis.com"
PATH = "/v1beta1/publishers/google/models"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKENS = "https://oauth2.googleapis.com/token"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9:.-]{0,99}")


class Adapter:
    """One credential; `access.organisation` is the project that calls are counted for, when it is another than the account's.
    Threads may share it: google-auth's credentials may not be refreshed twice at a time, so a lock is held. Raises `Invalid`
    for JSON that is no service account's key."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        access = replace(access, base_url=_before_place(access.base_url))
        self._access, self._sleep, self._refreshing = access, sleep, threading.Lock()
        key = _key(access.secret) if access.secret.lstrip().startswith("{") else {}
        hidden = (str(key["private_key"]),) if key else ()
        self._hidden: Callable[[], tuple[str, ...]] = lambda: hidden    # not in anybody's `vars`
        project = access.organisation
        self._billed = {"x-goog-user-project": _project(project)} if project else {}
        self._tokens = urlsplit(_token_address(key, access))
        self._credentials: Any = _credentials(key, self._tokens.geturl()) if key else None
        self._account = str(key.get("project_id") or "")
        Line(access, base_url=BASE, authorise={} if key else bearer(access.secret), sleep=sleep)    # refused now, not later

    def probe(self) -> Probe:
        """Asks for a token, then lists one model: neither costs anything."""
        try:
            token = self._token() if self._credentials else self._access.secret
        except (Transient, RateLimited):
            raise
        except RemoteError as error:
            return Probe(ok=False, code=error.remote_code or error.code, words=error.message)
        line = Line(
            self._access, base_url=BASE, authorise={**bearer(token), **self._billed}, meaning=Meaning(read=read),
            secrets=(*self._hidden(), token), sleep=self._sleep,
        )  # fmt: skip
        try:
            found = probe(line, PATH, {"pageSize": "1"})
        finally:
            line.close()
        return replace(found, organisation=self._account)

    def _token(self) -> str:
        """A token that is good for some minutes yet. Raises `RemoteError`."""
        origin = replace(self._access, base_url=f"{self._tokens.scheme}://{self._tokens.netloc}")
        reads = frozenset({self._tokens.path})
        line = Line(
            origin, base_url=BASE, authorise={}, meaning=Meaning(read=read_token), secrets=self._hidden(), reads=reads,
            sleep=self._sleep,
        )  # fmt: skip
        with self._refreshing:
            try:
                if not self._credentials.valid:
                    with line.mapped():
                        self._credentials.refresh(_Exchange(line))
                return str(self._credentials.token)
            finally:
                line.close()


class _Exchange:
    """Our line as google-auth's transport (google.auth.transport.Request)."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Any:
        plain = body if isinstance(body, bytes) else str(body or "").encode()
        passed = {name.lower(): value for name, value in (headers or {}).items()}
        return _Reply(self._line.send(Call(method, url, passed, plain)))


class _Reply:
    """google.auth.transport.Response."""

    def __init__(self, answer: Any) -> None:
        self.status, self.headers, self.data = answer.status, answer.headers, answer.body


def _key(secret: str) -> Mapping[str, Any]:
    try:
        found = json.loads(secret)
    except ValueError:
        found = None
    names = ("client_email", "private_key", "token_uri")
    if not isinstance(found, dict) or found.get("type") != "service_account" or not all(found.get(name) for name in names):
        odd = "no key of a service account as Google Cloud hands it out (JSON of the type service_account)"
        raise Invalid("error.vendor.bad_secret", f"the credential is {odd}", fields={"secret": odd})
    return found


def _before_place(base_url: str) -> str:
    found = place_of(base_url)
    return base_url if found is None else urlsplit(base_url)._replace(path=found[0]).geturl()


def _project(name: str) -> str:
    if not _PROJECT.fullmatch(name):
        odd = "no id of a Google Cloud project"
        raise Invalid("error.vendor.bad_organisation", f"this is {odd}", fields={"organisation": odd})
    return name


def _token_address(key: Mapping[str, Any], access: Access) -> str:
    """Google's own, whatever the key says; a private endpoint may have its own beside it."""
    told = str(key.get("token_uri"))
    ours = urlsplit(access.base_url)
    return told if access.base_url and urlsplit(told)[:2] == ours[:2] else TOKENS


def _credentials(key: Mapping[str, Any], token_address: str) -> Any:
    from google.oauth2 import service_account

    try:
        told = {**key, "token_uri": token_address}
        return service_account.Credentials.from_service_account_info(told, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except ValueError:
        odd = "a service account's key that cannot be read"
        raise Invalid("error.vendor.bad_secret", f"the credential is {odd}", fields={"secret": odd}) from None
