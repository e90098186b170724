"""The control plane as the gateway knows it: four doors over HTTP (docs/reference/joining.md). Owns addresses, the
token, TLS and what each answer means. Retries nothing, keeps nothing, and decides nothing.
"""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec
import zstandard

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import BadUpdate, Update
from stationmaster.gateway.core.spend import Spent
from stationmaster.gateway.link.frames import MEDIA_TYPE, Unpacker

WAIT = 25                  # seconds for which the control plane may hold a question when it has no news
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0      # for an answer's head, beyond `wait`, and between two pieces of its body
BODY_TIMEOUT = 120.0       # for a whole answer, from its head on
MOST_SAID = 65_536         # bytes of an answer that says in a few words what was done
MOST_SPENT = 256 * 1024 * 1024      # bytes of what all accounts spent, about a hundred each
MSGPACK = "application/msgpack"


_entries = msgspec.msgpack.Decoder(list[tuple[str, str, Spent]]).decode


class Unreachable(Exception):
    """No usable answer: it may come later. The text names no value."""


class TokenRefused(Exception):
    """The control plane does not know the token."""


class NeverTaken(Exception):
    """The control plane will never take what was sent."""


class Stored(msgspec.Struct, frozen=True):
    """What the control plane did with a batch: events stored, or that it had stored them before."""

    stored: int
    known: bool


class Told(msgspec.Struct, frozen=True):
    """What a gateway tells of itself."""

    gateway: str
    version: str
    revision: int
    workers: int


class Control:
    """The doors. Use as an asynchronous context manager, in one loop."""

    def __init__(self, url: str, token: str, *, ca: Path | None = None) -> None:
        """Raises StationmasterError on an address that may not be used, or certificates that cannot be loaded."""
        parts = check_url(url)
        self.token = token
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/internal/v1/",
            verify=_context(ca),
            trust_env=parts.scheme == "https",     # plain http goes to this machine: no proxy sees it
            timeout=httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
            headers={"accept-encoding": "identity"},
        )

    async def __aenter__(self) -> "Control":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def snapshot(self, have: int, wait: int) -> Update | None:
        """What makes the newest configuration of revision `have` (0: of nothing). None: there was nothing newer for
        `wait` seconds. Raises Unreachable, TokenRefused, and BadUpdate."""
        request = self._client.build_request(
            "GET", "snapshot", params={"have": have, "wait": wait}, headers=self._headers(),
            timeout=httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT, read=wait + ANSWER_TIMEOUT),
        )
        async with self._answer(request) as answer:
            if answer.status_code == 204:
                return None
            if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
                raise BadUpdate("the answer is of another type")
            unpacker = Unpacker()
            async with asyncio.timeout(BODY_TIMEOUT):
                async for piece in answer.aiter_raw():
                    unpacker.feed(piece)
            return unpacker.finish()

    async def events(self, gateway: str, batch: str, events: list[object]) -> Stored:
        """Hand over a batch. Raises Unreachable, also when an answer says nothing of it; TokenRefused; and NeverTaken."""
        body = msgspec.msgpack.encode({"gateway": gateway, "batch": batch, "events": events})
        headers = {**self._headers(), "content-type": MSGPACK, "content-encoding": "zstd"}
        packed = zstandard.ZstdCompressor().compress(body)
        async with self._answer(self._client.build_request("POST", "events", content=packed, headers=headers)) as answer:
            try:
                return msgspec.json.decode(await _some(answer), type=Stored)
            except msgspec.DecodeError:
                raise Unreachable("the control plane's answer to events is none") from None

    async def hello(self, told: Told) -> None:
        """Say what is served here. Raises Unreachable and TokenRefused."""
        headers, body = {**self._headers(), "content-type": MSGPACK}, msgspec.msgpack.encode(told)
        with contextlib.suppress(NeverTaken):
            async with self._answer(self._client.build_request("POST", "hello", content=body, headers=headers)) as answer:
                await _some(answer)

    async def spent(self, account: str, spent: Mapping[str, Spent], *, ask: bool) -> list[tuple[str, str, Spent]]:
        """Tell what keys spent in an account; with `ask`, what all say: account, key, what was spent. Raises Unreachable,
        TokenRefused and NeverTaken."""
        body = msgspec.msgpack.encode({"account": account, "spent": spent, "ask": ask})
        headers = {**self._headers(), "content-type": MSGPACK}
        request = self._client.build_request("POST", "spent", content=body, headers=headers)
        async with self._answer(request, unknown=(404, 405)) as answer:
            try:
                return _entries(await _some(answer, MOST_SPENT))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise Unreachable("the control plane's answer about spending is none") from None

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @contextlib.asynccontextmanager
    async def _answer(self, request: httpx.Request, unknown: Collection[int] = ()) -> AsyncIterator[httpx.Response]:
        """`unknown`: statuses of a control plane that does not know the question."""
        try:
            answer = await self._client.send(request, stream=True)
            try:
                if answer.status_code in unknown:
                    raise NeverTaken("the control plane does not know the question")
                _check_status(answer.status_code)
                yield answer
            finally:
                await answer.aclose()
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise Unreachable(f"the control plane does not answer ({type(error).__name__})") from None


async def _some(answer: httpx.Response, most: int = MOST_SAID) -> bytes:
    """An answer's body, as far as it has not many more than so many bytes."""
    data = bytearray()
    async with asyncio.timeout(BODY_TIMEOUT):
        async for piece in answer.aiter_raw():
            data += piece
            if len(data) > most:
                break
    return bytes(data)


def _check_status(status: int) -> None:
    if status in (401, 403):
        raise TokenRefused("the control plane refuses the gateway token")
    if status in (400, 413, 415, 422):
        raise NeverTaken(f"the control plane refuses it with {status}")
    if not 200 <= status < 300:
        raise Unreachable(f"the control plane answers {status}")


def check_url(url: str) -> SplitResult:
    """The parts of a control plane's address. Raises StationmasterError when it may not be used: the token, and every
    credential behind it, would go over the network in clear text."""
    try:
        parts = urlsplit(url)
        more = parts.username or parts.password or parts.query or parts.fragment
        good = bool(parts.hostname) and parts.port != 0 and not more
    except ValueError:
        good = False
    if not good or parts.scheme not in ("http", "https"):
        raise StationmasterError("error.usage.control_url", "The control plane's address is no URL.",
                                 hint="Write it like https://stationmaster.example.com:4001.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise StationmasterError(
            "error.usage.control_url", "Plain http would show every credential to the network.",
            hint="Use https:// (with --control-ca for a CA of your own); http:// is for this machine only.",
        )
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def _context(ca: Path | None) -> ssl.SSLContext:
    """TLS as usual, verified; a CA of the operator's own is the only one that counts."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca is not None else None)
    except OSError as error:   # ssl.SSLError is one
        raise StationmasterError(
            "error.gateway.control_ca", f"Cannot load the certificates in {ca}: {error.strerror or 'they are none'}.",
            hint="It is a PEM file of CA certificates.", fault="operator",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
