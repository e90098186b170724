"""The desk of a control plane elsewhere, over REST. Owns: the calls, and making REST's errors errors of our family again.

The token goes over TLS, or to this machine itself, and nowhere else.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from ipaddress import ip_address
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from stationmaster import __version__
from stationmaster.cli.desk import MAX_PAGE, Asked, Happened, Machine, Made, Page, Row, Step, UsageAsked, local_only
from stationmaster.errors import NotFound, StationmasterError

TIMEOUT = 60.0        # seconds for an answer to begin, and between its parts
TRIES = 10            # of a call that comes too early
MAX_WAIT = 30         # seconds before the next one
WAIT = 10             # seconds for which a log is waited for
_TOO_MANY = 429
_WHO, _NOWHERE = 401, 404
_PARTS = {"sources": ("credentials", "source")}      # things that are a part of another, and its name there
_NAMED = {"people": "user_name"}      # what a thing's name is called, where not that
# Under which name an answer shows what is shown once.
_ONCE = {"keys": "key", "alerts": "secret", "gateway-tokens": "token", "tokens": "token", "calendars": "address"}


class Remote:
    """Implements `Desk` for whoever `token` stands for. Close it, or use it in a `with`."""

    local = False

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        host = urlsplit(url).hostname or ""
        self._shown = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        # A proxy of the environment is for other machines: it would read what goes to this one in clear text.
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1", timeout=TIMEOUT, trust_env=not is_loopback(host), transport=transport,
            verify=ssl.create_default_context(),      # the system's certificates, or those of SSL_CERT_FILE
            headers={"Authorization": f"Bearer {token}", "User-Agent": f"stationmaster/{__version__}"},
        )  # fmt: skip

    def __enter__(self) -> "Remote":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def page(self, noun: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """`GET /noun`."""
        query = {"search": asked.search, "filter": list(asked.filters), "sort": asked.sort, "cursor": cursor, "limit": limit}
        body = self._ask("GET", f"/{noun}", params={name: value for name, value in query.items() if value})
        return Page(body["items"], body["next"], body["total"])

    def get(self, noun: str, which: str) -> Row:
        """`GET /noun/which`."""
        return self._row("GET", self._path(noun, which))

    def create(self, noun: str, given: Row) -> Made:
        """`POST /noun`."""
        return _made(noun, self._row("POST", f"/{noun}", json=given))

    def update(self, noun: str, which: str, given: Row, version: int | None = None) -> Row:
        """`PATCH /noun/which`; `PUT` of what is given anew as a whole."""
        return self._row("PUT" if noun in _PARTS else "PATCH", self._path(noun, which), json=given, headers=_if_match(version))

    def delete(self, noun: str, which: str, version: int | None = None) -> None:
        """`DELETE /noun/which`."""
        self._ask("DELETE", self._path(noun, which), headers=_if_match(version))

    def rotate(self, noun: str, which: str, given: Row) -> Made:
        """`POST /noun/which/rotate`."""
        return _made(noun, self._row("POST", f"{self._path(noun, which)}/rotate", json=given, headers=_if_match(None)))

    def invite(self, which: str) -> Row:
        """`POST /operators/which/invite`."""
        return self._row("POST", f"{self._path('operators', which)}/invite", json={})

    def erase(self, which: str) -> None:
        """`POST /operators/which/erase`."""
        self._ask("POST", f"{self._path('operators', which)}/erase", json={})

    def act(self, noun: str, which: str, verb: str, given: Row) -> Row:
        """`POST /noun/which/verb`."""
        return self._row("POST", f"{self._path(noun, which)}/{verb}", json=given)

    def part(self, noun: str, which: str, name: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """`GET /noun/which/name`."""
        return self.page(f"{self._path(noun, which)[1:]}/{name}", asked, cursor, limit)

    def log(self, which: str, after: int) -> Row:
        """`GET /jobs/which/log`, which waits a little for a line."""
        return self._row("GET", f"{self._path('jobs', which)}/log", params={"after": after, "wait": WAIT})

    def workers(self) -> list[Row]:
        """`GET /workers`."""
        found: list[Row] = self._ask("GET", "/workers")["items"]
        return found

    def artifact(self, which: str, name: str) -> Iterator[str]:
        """`GET /jobs/which/artifacts/name`."""
        return self._file(f"{self._path('jobs', which)}/artifacts/{quote(name, safe='')}")

    def roster(self, form: str) -> Iterator[str]:
        """`GET /rosters/form`."""
        return self._file(f"/rosters/{quote(form, safe='')}")

    def _file(self, path: str) -> Iterator[str]:
        try:
            with self._client.stream("GET", path) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _error(answer.status_code, answer.json()) or self._strange()
                yield from answer.iter_text()
        except (httpx.HTTPError, ValueError) as error:
            message = f"{self._shown} stopped in the middle ({type(error).__name__})"
            raise StationmasterError("error.remote.unreachable", message, retryable=True, fault="operator") from None

    def upload(self, which: str, offset: int, data: bytes, noun: str = "people/imports") -> Row:
        """`PUT /people/imports/which/content`, or that of another noun."""
        headers = {"Content-Type": "application/octet-stream"}
        path = f"{self._path(noun, which)}/content"
        return self._row("PUT", path, params={"offset": offset}, content=data, headers=headers)

    def totals(self, asked: UsageAsked) -> Row:
        """`GET /usage/totals`."""
        return self._row("GET", "/usage/totals", params=_question(asked))

    def series(self, asked: UsageAsked, step: Step) -> Row:
        """`GET /usage/series`."""
        return self._row("GET", "/usage/series", params={**_question(asked), "step": step})

    def verify(self, since: Row | None) -> Row:
        """`POST /audit/verify`."""
        return self._row("POST", "/audit/verify", json={"since": since} if since else {})

    def settings(self) -> list[Row]:
        """`GET /settings`."""
        found: list[Row] = self._ask("GET", "/settings")["items"]
        return found

    def setting(self, name: str) -> Row:
        """`GET /settings/name`."""
        return self._row("GET", f"/settings/{quote(name, safe='')}")

    def save_setting(self, name: str, value: Any) -> Row:
        """`PUT /settings/name`."""
        return self._row("PUT", f"/settings/{quote(name, safe='')}", json={"value": value}, headers=_if_match(None))

    def clear_setting(self, name: str) -> Row:
        """`DELETE /settings/name`."""
        return self._row("DELETE", f"/settings/{quote(name, safe='')}", headers=_if_match(None))

    def rehearse(self, work: Callable[[], object]) -> list[Happened]:  # noqa: ARG002  REST has nothing of the kind
        """Refused: REST tries nothing out."""
        raise local_only("--dry-run")

    def together(self) -> AbstractContextManager[object]:
        """Nothing: over REST each change is one of its own."""
        return nullcontext()

    def takes(self, noun: str, which: str, secret: str) -> bool:  # noqa: ARG002  REST tells nothing of secrets
        """It cannot be known. A key's own hash is no other, and is refused as one that is taken: keys keep theirs."""
        return noun != "keys"

    def here(self, what: str) -> Machine:
        """Refused."""
        raise local_only(what)

    def _path(self, noun: str, which: str) -> str:
        """A thing's path. A name with a slash in it is none of a path's parts: then its id is looked up."""
        if noun in _PARTS:
            whole, part = _PARTS[noun]
            return f"{self._path(whole, which)}/{part}"
        if "/" in which:
            found = self.page(noun, Asked(filters=(f"{_NAMED.get(noun, 'name')}:eq:{which}",)), limit=1).items
            if not found:
                raise NotFound("error.remote.not_found", f"there is no such thing among {noun}")
            which = found[0]["id"]
        return f"/{noun}/{quote(which, safe=':@')}"

    def _row(self, method: str, path: str, **more: Any) -> Row:
        body = self._ask(method, path, **more)
        if not isinstance(body, Mapping):
            raise self._strange()
        return body

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._patiently(method, path, **more)
            body = answer.json() if answer.content else None
        except ValueError:
            raise self._strange() from None
        except httpx.HTTPError as error:
            message = f"{self._shown} does not answer ({type(error).__name__})"
            hint = "is the control plane running there?"
            if "SSL" in str(error):      # OpenSSL's own words, which say it whatever the library around it makes of it
                hint = "is its certificate trusted here (SSL_CERT_FILE), and is it https:// that is spoken there?"
            raise StationmasterError("error.remote.unreachable", message, hint=hint, retryable=True, fault="operator") from None
        if answer.is_success:
            return body
        if answer.status_code == _WHO:
            raise self._unknown()
        if isinstance(body, Mapping) and "type" in _told(body):      # the vendors' shapes of an error
            raise self._strange("x-stationmaster-request-id" in answer.headers)
        raise _error(answer.status_code, body) or self._strange()

    def _patiently(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer; a call that came too early, of which nothing was done, is made again when it may be."""
        for _ in range(TRIES):
            answer = self._client.request(method, path, **more)
            if answer.status_code != _TOO_MANY:
                break
            wait = answer.headers.get("Retry-After", "")
            time.sleep(min(int(wait), MAX_WAIT) if wait.isdecimal() else 1)
        return answer

    def _unknown(self) -> StationmasterError:
        message = f"{self._shown} does not take this token: it is not valid there, or not any more"
        hint = "make one there with `stationmaster token create NAME`; STATIONMASTER_TOKEN holds it, --token-file names its file"
        return StationmasterError("error.access.unauthenticated", message, hint=hint, status=_WHO)

    def _strange(self, ours: bool = False) -> StationmasterError:
        hint = "STATIONMASTER_URL is the console's address, without a path"
        message = f"{self._shown} answers nothing that we know"
        if ours:
            message = f"{self._shown} is a gateway, not a control plane"
            hint = "STATIONMASTER_URL is the console's address; its port is 4001 unless another was chosen"
        return StationmasterError("error.remote.strange", message, hint=hint, fault="operator")


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _made(noun: str, body: Row) -> Made:
    once = _ONCE.get(noun, "")
    return Made({name: value for name, value in body.items() if name != once}, body.get(once) or "")


def _if_match(version: int | None) -> dict[str, str]:
    return {"If-Match": "*" if version is None else f'"{version}"'}


def _question(asked: UsageAsked) -> dict[str, Any]:
    whole = {"since": asked.since.isoformat(), "until": asked.until.isoformat(), "filter": list(asked.filters), "by": asked.by}
    return {name: value for name, value in whole.items() if value}


def _error(status: int, body: Any) -> StationmasterError | None:
    """REST's error as one of ours; None for what is not in its shape."""
    told = _told(body) if isinstance(body, Mapping) else {}
    if not all(isinstance(told.get(name), str) for name in ("code", "message")):
        return None
    kind = NotFound if status == _NOWHERE else StationmasterError
    return kind(
        told["code"], told["message"], hint=str(told.get("hint") or ""), retryable=bool(told.get("retryable")), status=status,
        fields={str(name): str(why) for name, why in (told.get("fields") or {}).items()},
    )


def _told(body: Row) -> Row:
    """What an answer says of its error, in whatever shape."""
    told = body.get("error")
    return told if isinstance(told, Mapping) else {}
