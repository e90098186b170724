"""The one way out to issuers, under every library. Owns: which addresses a call may go to, that it is sent once, and what a bad
answer means.

The libraries are given a transport that ends here, so that no proxy, redirect or retry of theirs takes part, and addresses are
checked where the connection is made. A library that talks to its vendor's own address is led to another one that stands in for
it, where an admin allowed that. Nothing that was sent or got is in a message.
"""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.issuers._base import Access
from stationmaster.line.errors import RateLimited, Rejected, RemoteError, Transient
from stationmaster.line.meaning import REQUEST_IDS, Complaint, Meaning, Said, is_spent, read_usual, retry_after
from stationmaster.line.wire import Answer, Call, Unanswered, Wire
from stationmaster.line.words import Redaction
from stationmaster.outbound import fault_in_url

Send = Callable[[str, str, Mapping[str, str], bytes], Answer]

_SAFE: Final = frozenset({"GET", "HEAD"})
_SILENT: Final = logging.CRITICAL + 1
_TALKATIVE: Final = ("azure", "msal", "google", "botocore", "authlib", "urllib3", "requests", "httpx", "httpx2", "anthropic",
                     "openai")  # fmt: skip
_XML: Final = (re.compile(rb"<Code>([^<]{1,100})</Code>"), re.compile(rb"<Message>([^<]{1,2000})</Message>"))
_PORTS: Final = {"https": ":443", "http": ":80"}
_UNSENT: Final = frozenset({"connection", "proxy-authorization", "accept-encoding", "content-length", "host", "user-agent"})


class Outlet:
    """Calls of one issuer. `own`: the origins ("https://login.example.com") that its library may talk to; all of them are reached
    at `instead`, if given. `secrets`: what no word may repeat, beside those of `access`."""

    def __init__(self, access: Access, *, own: Collection[str], instead: str = "", secrets: Collection[str] = (),
                 insecure: bool = False) -> None:  # fmt: skip
        self._access, self._own, self._instead = access, frozenset(own), instead.rstrip("/")
        self._say = Redaction([each for each in (access.secret, access.rotating, *secrets) if each])
        self._wire = Wire(access.allowed, access.timeout)
        self._raised: RemoteError | None = None
        self._wrote = False
        for origin in (self._instead,) if self._instead else self._own:
            _reachable(origin, access, insecure)
        for name in _TALKATIVE:      # to whom an answer that they cannot read is worth a warning, with all of it
            logging.getLogger(name).setLevel(_SILENT)

    def identity(self) -> str:
        """The identity token to exchange, which no word repeats from now on."""
        token = self._access.identity()
        self._say.hide((token,))
        return token

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A good answer. Raises `RemoteError`, which `mapped` raises again whatever the library makes of it."""
        try:
            return self._good(Call(method.upper(), self._led(url), _fit(headers), body))
        except RemoteError as error:
            self._raised = error
            raise

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """What goes wrong in here leaves as what a call came to; what a library cannot read, as an answer that nobody can. Codes
        say that it is about a source. Its connections end with it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- libraries have families of their own
            found = self._raised or _own_kind(error) or self._unreadable(error)
            raise (found.about("source") if isinstance(found, RemoteError) else found) from None
        finally:
            self._wire.close()

    def _good(self, call: Call) -> Answer:
        self._wrote = self._wrote or call.method not in _SAFE
        try:
            answer = self._wire.exchange(call)
        except Unanswered as error:
            lost = call.method not in _SAFE and error.left
            raise Transient(f"the issuer gave no answer: {error.why}", maybe_done=lost) from None
        except StationmasterError as error:
            if error.retryable:
                raise Transient(error.message, hint=error.hint) from None
            raise Rejected(error.message, code=error.code, hint=error.hint) from None
        if not 200 <= answer.status < 300:
            raise self._meant(call, answer)
        return answer

    def _meant(self, call: Call, answer: Answer) -> RemoteError:
        said = _said(answer)
        complaint = Complaint(
            status=answer.status, said=Said(tuple(self._say(code, 100) for code in said.codes), self._say(said.words)),
            request_id=self._say(next((answer.headers[name] for name in REQUEST_IDS if name in answer.headers), ""), 100),
            retry_after=retry_after(answer.headers, time.time()), limited=is_spent(answer.headers),
            unsafe=call.method not in _SAFE,
        )  # fmt: skip
        error = Meaning().of(complaint)
        return _plain(error, complaint)

    def _led(self, url: str) -> str:
        if origin_of(url) not in self._own:
            raise Rejected("the library would have asked another address than the issuer's own")
        parts = urlsplit(url)
        return f"{self._instead}{url[len(f'{parts.scheme}://{parts.netloc}'):]}" if self._instead else url

    def _unreadable(self, error: Exception) -> RemoteError:
        return Transient(f"the issuer's answer is not of the expected shape ({type(error).__name__})", maybe_done=self._wrote)


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in lower case; without the scheme's own port, which some libraries leave out."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return origin.removesuffix(_PORTS.get(parts.scheme.lower(), ""))


def _reachable(origin: str, access: Access, insecure: bool) -> None:
    fault = fault_in_url(origin, access.allowed, allow_insecure_http=insecure)
    if fault:
        fields = {"address": fault[0]}
        raise Invalid("error.source.bad_address", f"the issuer's address is {fault[0]}", hint=fault[1], fields=fields)


def _own_kind(error: Exception) -> StationmasterError | None:
    return error if isinstance(error, StationmasterError) else None


def _plain(error: RemoteError, complaint: Complaint) -> RemoteError:
    """A refusal of the source, whatever status it has: what hints at workspaces says nothing here."""
    if isinstance(error, Transient | RateLimited):
        return error
    made = Rejected(complaint.message, request_id=complaint.request_id, remote_code=complaint.code)
    made.answered = complaint.status
    return made


def _said(answer: Answer) -> Said:
    """As token endpoints say it (RFC 6749 §5.2: `error` is the code), as vendors do, or as AWS does in XML."""
    if answer.body.lstrip().startswith(b"<"):
        found = [pattern.search(answer.body) for pattern in _XML]
        code, words = (hit[1].decode("utf-8", "replace") if hit else "" for hit in found)
        return Said((code,) if code else (), words)
    try:
        body: Any = answer.json()
    except ValueError:
        return Said()
    usual = read_usual(body)
    error = body.get("error") if isinstance(body, Mapping) else None
    return Said((error, *usual.codes), usual.words) if isinstance(error, str) and error else usual


def _fit(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {str(name).lower(): _text(value) for name, value in headers.items()}
    return {name: value for name, value in kept.items() if name not in _UNSENT} | {
        "user-agent": "stationmaster", "accept-encoding": "identity",
    }  # fmt: skip


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
