"""The one way every adapter asks the other side. Owns: what happens around a call, for SDKs and without: credential put on, dry
run, pace, word before a write, one telling a call, retries of reads, and every foreign error turned into one of `errors`.

SDKs never see the secret: they are given a placeholder, and what they send is made anew from their method, address, body and
the few headers that an adapter lets through, so that nothing of the environment they read gets out.

A write is sent once. Whether it may have been done although no good answer came is in `Transient.maybe_done`.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from stationmaster import __version__
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.line.access import Access
from stationmaster.line.errors import DryRunRefused, NotFound, Party, RateLimited, Rejected, RemoteError, StopRun, Transient
from stationmaster.line.meaning import REQUEST_IDS, Complaint, Meaning, Said, is_spent, retry_after
from stationmaster.line.spans import traced
from stationmaster.line.wire import Answer, Call, Unanswered, Wire
from stationmaster.line.words import Redaction
from stationmaster.outbound import fault_in_url

__all__ = ["PLACEHOLDER", "Answer", "Call", "Line", "Page", "bearer", "fit"]

T = TypeVar("T")

PLACEHOLDER = "held-by-the-line"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})       # RFC 9110 §9.2.1
PAUSES = (0.5, 2.0)                                # seconds between the tries of a read
MOST_PAGES = 5_000                                 # of one list: one that is longer has no end
LONGEST_PAUSE = 20.0                               # who asks for more is obeyed by whoever runs the job

Authorise = Mapping[str, str] | Callable[[Call], Mapping[str, str]]
Params = Mapping[str, str | int | Sequence[str]]

_TALKATIVE = ("openai", "anthropic", "githubkit", "httpx", "httpx2", "httpcore", "httpcore2", "hishel")


class Page(Protocol):
    """A page of a list as the SDKs of OpenAI and Anthropic give it."""

    data: Any

    def has_next_page(self) -> bool:
        """Whether there is more."""

    def next_page_info(self) -> Any:
        """Where the next one begins."""

    def get_next_page(self) -> Any:
        """Ask for it."""


class Line:
    """One line under one `Access`; threads may share it.

    `base_url`: the other side's own, which that of `access` replaces. `authorise`: headers with the credential, or a function of
    the call that makes them. `secrets`: what may not be seen beside `access.secret`. `passed`: names (lower case) of an SDK's
    headers that leave. `reads`: paths after the base address that are asked for by POST and change nothing. Raises
    `Invalid` when the address may not be reached.
    """

    def __init__(
        self,
        access: Access,
        *,
        base_url: str,
        authorise: Authorise,
        meaning: Meaning | None = None,
        secrets: Sequence[str] = (),
        passed: frozenset[str] = frozenset(),
        reads: frozenset[str] = frozenset(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = _usable(access.base_url or base_url, access)
        self._own_path = urlsplit(base_url).path
        self._access, self._authorise, self._meaning, self._sleep = access, authorise, meaning or Meaning(), sleep
        self._passed, self._reads = passed, reads
        self._party = access.PARTY
        self._say = Redaction((access.secret, *secrets))
        self._wire = Wire(access.allowed, access.timeout)
        self._mine = _Mine()
        hush()

    def ask(self, method: str, path: str, *, params: Params | None = None, body: Any = None) -> Any:
        """The JSON answer to one call; `path` is added to the base address. Raises `RemoteError`."""
        content = b"" if body is None else json.dumps(body).encode()
        with self.mapped():
            return self.send(self._call(method, path, params, content)).json()

    def look(self, method: str, path: str, *, params: Params | None = None) -> Answer:
        """The answer to one call whatever its status, without a second try. Raises `Transient` when none came."""
        try:
            return self._once(self._call(method, path, params, b""))
        except RemoteError as error:
            error.about(self._party)
            raise

    def pages(self, first: Callable[[], Page], read: Callable[[Any], T]) -> Iterator[T]:
        """The rows of an SDK's list, page after page, as `read` makes them. A list that gives the same place twice to go on
        from, or ever new ones, would have no end: `Transient`."""
        seen: set[str] = set()
        with self.mapped():
            page, rows = _opened(first(), read)
        while True:
            yield from rows
            with self.mapped():
                if not page.has_next_page():
                    return
                _add_once(seen, str(page.next_page_info()))
                page, rows = _opened(page.get_next_page(), read)

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """What goes wrong in here leaves as what the line raised, whatever an SDK made of it, or as what an answer that cannot
        be read means. Never `yield` inside."""
        self._mine.forget()
        try:
            yield
        except StationmasterError as error:
            raise self._about(self._mine.raised or error) from None
        except Exception as error:  # noqa: BLE001 -- SDKs have their own families, and `AttributeError` for odd answers
            raise (self._mine.raised or self._unreadable(error, self._mine.wrote)) from None

    def send(self, call: Call) -> Answer:
        """A good answer, which is JSON or empty; reads are tried again. For SDKs' transports: what it raises is what `mapped`
        raises."""
        self._mine.raised = None
        try:
            return self._tried(call)
        except Exception as error:
            self._mine.raised = self._about(error)
            raise

    def understood(self, answer: Any, read: Callable[[Any], T], *, wrote: bool = False) -> T:
        """What `read` makes of an answer's JSON. One of another shape is `Transient`, `maybe_done` where it answers a write."""
        try:
            return read(answer)
        except StationmasterError:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever a shape that nobody expected can cause
            raise self._unreadable(error, wrote) from None

    def foreign(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> Call:
        """What an SDK wants to send, of its headers only those that were let through: the environment can set others."""
        kept = {name.lower(): value for name, value in headers if name.lower() in self._passed}
        return Call(method.upper(), url, _json_headers(body) | kept, body)

    def close(self) -> None:
        """End its connections."""
        self._wire.close()

    def say(self, text: str) -> str:
        """Their words, fit to be repeated."""
        return self._say(text)

    def hide(self, *secrets: str) -> None:
        """Let none of these be seen in any word that leaves, from now on: what is sent or read beside the credential."""
        self._say.hide(secrets)

    def no_administration(self, error: NotFound) -> StopRun:
        """What 404 from everything means, with the address that was asked: it may lack what their own ends in."""
        hint = f"{self.base_url} serves no administration"
        if not self.base_url.endswith(self._own_path):
            hint += f"; the {self._party}'s own address ends in {self._own_path}"
        return StopRun(error.message, hint=self._say(hint), request_id=error.request_id).about(self._party)

    def complaint(self, call: Call, answer: Answer) -> Complaint:
        """An answer as an error, with words that can be repeated."""
        try:
            said = self._meaning.read(answer.json())
        except ValueError:
            said = Said()
        request_id = next((answer.headers[name] for name in REQUEST_IDS if name in answer.headers), "")
        return Complaint(
            status=answer.status,
            said=Said(tuple(self._say(code, 100) for code in said.codes), self._say(said.words)),
            request_id=self._say(request_id, 100),
            retry_after=retry_after(answer.headers, time.time()),
            limited=is_spent(answer.headers),
            unsafe=self._changes(call),
            party=self._party,
        )

    def _tried(self, call: Call) -> Answer:
        for pause in () if self._changes(call) else PAUSES:
            try:
                return self._good(call)
            except (Transient, RateLimited) as error:
                wait = max(pause, error.retry_after) if isinstance(error, RateLimited) else pause
                if wait > LONGEST_PAUSE:
                    raise
            self._sleep(wait)
        return self._good(call)

    def _good(self, call: Call) -> Answer:
        answer = self._once(call)
        if not 200 <= answer.status < 300:
            raise self._meaning.of(self.complaint(call, answer))
        try:
            done = self._meaning.done(answer.json())
        except ValueError:
            raise Transient(f"the {self._party}'s answer is no JSON", maybe_done=self._changes(call)) from None
        if not done:
            raise self._meaning.of(self.complaint(call, answer))
        return answer

    def _once(self, call: Call) -> Answer:
        unsafe, path = self._changes(call), self._path(call)
        what = f"{call.method} {path}"
        if unsafe and self._access.dry_run:
            raise DryRunRefused(call.method, path)
        made = self._made(call)
        self._access.pace()
        if unsafe:
            self._access.before_write(what)
            self._mine.wrote = True
        return self._exchanged(made, what, unsafe)

    def _exchanged(self, call: Call, what: str, unsafe: bool) -> Answer:
        try:
            answer = traced(call, self._wire.exchange)
        except Unanswered as error:
            self._access.told(self._say(f"{what}: {error.why}"))
            raise Transient(error.why, maybe_done=unsafe and error.left) from None
        except StationmasterError as error:
            self._access.told(self._say(f"{what}: {error.message}"))
            raise _unreachable(error) from None
        self._access.told(self._say(f"{what} {answer.status}"))
        return answer

    def _call(self, method: str, path: str, params: Params | None, body: bytes) -> Call:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        return Call(method.upper(), f"{self.base_url}{path}{query}", _json_headers(body), body)

    def _made(self, call: Call) -> Call:
        """The call that really leaves, with the credential."""
        if not self._is_ours(call.url):
            raise Rejected(f"the call would have gone to another address than the {self._party}'s own")
        headers = dict(call.headers) | {"user-agent": f"stationmaster/{__version__}", "accept-encoding": "identity"}
        bare = Call(call.method, call.url, headers, call.body)
        authority = self._authorise(bare) if callable(self._authorise) else self._authorise
        return Call(call.method, call.url, headers | dict(authority), call.body)

    def _is_ours(self, url: str) -> bool:
        ours, theirs = urlsplit(self.base_url), urlsplit(url)
        return (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())

    def _changes(self, call: Call) -> bool:
        return call.method not in SAFE and self._bare(call) not in self._reads

    def _bare(self, call: Call) -> str:
        return urlsplit(call.url).path.removeprefix(urlsplit(self.base_url).path) or "/"

    def _path(self, call: Call) -> str:
        return self._say(self._bare(call), 300)

    def _unreadable(self, error: Exception, wrote: bool) -> RemoteError:
        words = f"the {self._party}'s answer is not of the expected shape ({type(error).__name__})"
        return Transient(words, maybe_done=wrote).about(self._party)

    def _about(self, error: Exception) -> Exception:
        return error.about(self._party) if isinstance(error, RemoteError) else error


class _Mine(threading.local):
    """What this thread's calls came to since `mapped` was entered: what was raised, and whether a write left."""

    raised: Exception | None = None
    wrote: bool = False

    def forget(self) -> None:
        self.raised, self.wrote = None, False


def hush() -> None:
    """Keep SDKs and HTTP libraries from logging what they send and get: their environment can switch that on. What this process
    tells nobody of anyway, they do not tell either."""
    lowest = max(logging.WARNING, logging.getLogger().level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(lowest)


def bearer(secret: str, party: Party = "vendor") -> dict[str, str]:
    """The header that most want. Raises `Invalid` for a secret that cannot stand in one."""
    return {"authorization": f"Bearer {fit(secret, party)}"}


def fit(secret: str, party: Party = "vendor") -> str:
    """A secret that can stand in a header. Raises `Invalid`, without saying it."""
    if not secret or not all("!" <= letter <= "~" for letter in secret):
        odd = "empty, or with characters that no credential has"
        raise Invalid(f"error.{party}.bad_secret", f"the credential is {odd}", fields={"secret": odd})
    return secret


def _json_headers(body: bytes) -> dict[str, str]:
    return {"accept": "application/json"} | ({"content-type": "application/json"} if body else {})


def _usable(url: str, access: Access) -> str:
    fault = fault_in_url(url, access.allowed, allow_insecure_http=access.insecure)
    if fault:
        code, fields = f"error.{access.PARTY}.bad_address", {"base_url": fault[0]}
        raise Invalid(code, f"the address is {fault[0]}", hint=fault[1], fields=fields)
    return url.rstrip("/")


def _unreachable(error: StationmasterError) -> RemoteError:
    if error.retryable:
        return Transient(error.message, hint=error.hint)
    return StopRun(error.message, code=error.code, hint=error.hint)


def _opened(page: Page, read: Callable[[Any], T]) -> tuple[Page, list[T]]:
    return page, [read(row) for row in page.data or ()]


def _add_once(seen: set[str], place: str) -> None:
    if place in seen or len(seen) + 1 >= MOST_PAGES:
        raise Transient("the list does not end")
    seen.add(place)
