"""`stationmaster gateway explain`: one request's event, told in words. Knows the fields of docs/reference/events.md."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from stationmaster.cli.talk import Output, print_json
from stationmaster.errors import StationmasterError

_Event = Mapping[str, Any]
_Lines = Iterator[tuple[str, str]]

_SESSIONS = {
    "header": "known by a header that the client sent",
    "cache_key": "known by the request's prompt_cache_key",
    "user_id": "known by the session in the request's metadata.user_id",
    "prompt": "known by how the conversation begins",
    "": "not known: any member could serve it",
}
_SKIPPED = {
    "concurrency": "it had as many calls under way as it may",
    "rpm": "its requests a minute were used up",
    "tpm": "its tokens a minute were used up",
    "suspect": "it was suspect, so that others came first",
    "low_quota": "little was left of its vendor's limit, so that others came first",
    "operator": "an operator disabled it",
    "rate_limited": "its vendor had asked for a pause",
    "upstream": "its vendor had failed several times in a row",
    "probing": "it was being probed",
}
_SOURCES = {
    "upstream_final": "the vendor's own count",
    "upstream_partial": "the vendor's count so far: the answer broke off",
    "estimated": "estimated: the answer was cut, or its usage cannot be read",
}


def explain(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="From x-stationmaster-request-id or an error of ours.")],
    events: Annotated[Path, typer.Option(help="The gateway's events file; - reads stdin.")],
    output: Annotated[Output, typer.Option(help="How to print it.")] = Output.TABLE,
) -> None:
    """Tell how one request went: who asked, which credentials were considered, who answered."""
    with _opened(events) as lines:
        request, moves = find(lines, request_id)
    if request is None and not moves:
        raise StationmasterError(
            "error.events.not_found", "no event has this request id",
            hint="events are written when a request ends; name the file that the gateway wrote to then",
        )
    if output is Output.JSON:
        print_json({"request": request, "credentials": moves})
        return
    for name, text in (*_request(request or {}), *_moves(moves)):
        typer.echo(f"{name:<11}  {_printable(text)}".rstrip())


def _printable(text: str) -> str:
    """Without what would move the cursor or colour the terminal: a model's name is whatever a client sent."""
    return "".join(each if each.isprintable() else "�" for each in text)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, or stdin for "-". Raises StationmasterError when it cannot be read."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise StationmasterError(
            "error.usage.events", f"cannot read {path}: {error.strerror}", hint="name the file given to gateway --events",
        ) from error


def find(lines: Iterable[bytes], request_id: str) -> tuple[_Event | None, list[_Event]]:
    """The newest event of the request, and what it showed of credentials, oldest first. A line at a time, decoded
    only where the id stands in it; what is no event, such as a half-written last line, is passed over."""
    request: _Event | None = None
    moves: list[_Event] = []
    needle = msgspec.json.encode(request_id)
    for line in lines:
        event = _decoded(line) if needle in line else {}
        if event.get("request_id") != request_id:
            continue
        if event.get("event") == "request":
            request = event
        elif event.get("event") == "credential":
            moves.append(event)
    return request, moves


def _decoded(line: bytes) -> _Event:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _request(event: _Event) -> _Lines:
    """What the request's event says, a subject and its words at a time. A field that an older gateway did not write
    is left out."""
    if not event:
        return
    yield "request", f"{event['request_id']}, ended {_time(event.get('time', 0.0))}"
    yield "asked by", _caller(event)
    yield "asked for", _wish(event)
    if event.get("pool"):
        yield "pool", event["pool"]
    if "session" in event:
        yield "session", _SESSIONS.get(event["session"], str(event["session"]))
    yield from _considered(event)
    yield "client got", _outcome(event)
    yield "took", _duration(event)
    yield "tokens", _tokens(event)
    if event.get("cost") is not None:
        yield "cost", f"{event['cost'] / 1e9:.6f} USD"
    if event.get("error"):
        yield "error", f"{event['error']} (docs/reference/errors.md)"


def _caller(event: _Event) -> str:
    if not event.get("key"):
        return "nobody we know: no virtual key was recognised"
    owner = f" of {event['owner']}" if event.get("owner") else ""
    tenant = f", tenant {event['tenant']}" if event.get("tenant") else ""
    return f"key {event['key']}{owner}{tenant}"


def _wish(event: _Event) -> str:
    said, sent = event.get("model", ""), event.get("sent_model", "")
    model = f"model {said}" if said else "no model"
    model += f", sent as {sent}" if sent and sent != said else ""
    stream = ", streamed" if event.get("stream") else ""
    return f"{model} ({event.get('method', '')} {event.get('endpoint', '')}, {event.get('dialect', '')}{stream})"


def _considered(event: _Event) -> _Lines:
    for one in event.get("tried") or ():
        came = f"HTTP {one['status']}" if one["status"] else "no answer"
        code = f" ({one['code']})" if one["code"] else ""
        where = f" in pool {one['pool']}" if one.get("pool", event.get("pool")) != event.get("pool") else ""
        yield "tried", f"{one['credential']}{where}: {came}, {one['outcome']}{code}"
    for name, why in (event.get("skipped") or {}).items():
        yield "skipped", f"{name}: {_SKIPPED.get(why, f'out of service, {why}')}"
    if not event.get("credential"):
        yield "answered by", "no credential"
        return
    status, theirs = event.get("upstream_status", 0), event.get("upstream_request_id", "")
    named = f", its request {theirs}" if theirs else ""
    yield "answered by", f"{event['credential']}: {f'HTTP {status}' if status else 'no answer'}{named}"


def _outcome(event: _Event) -> str:
    status = event.get("status", 0)
    left = ", and left before the end" if event.get("client_left") else ""
    ours = ", our own answer" if event.get("error") and status >= 400 else ""
    return f"HTTP {status}{ours}{left}; attempts upstream: {event.get('attempts', 0)}"


def _duration(event: _Event) -> str:
    first, ours = event.get("first_byte_us", 0), event.get("overhead_us", 0)
    begun = f", first byte after {first / 1e6:.3f} s" if first else ", no byte of an answer"
    own = f", the gateway's own part {ours / 1e3:.1f} ms" if ours else ""
    return f"{event.get('duration_us', 0) / 1e6:.3f} s{begun}{own}"


def _tokens(event: _Event) -> str:
    tokens, source = event.get("tokens"), event.get("usage_source", "none")
    if not tokens:
        return "none known"
    words = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in tokens.items() if count)
    return f"{words or 'none'} ({_SOURCES.get(source, source)})"


def _moves(moves: Iterable[_Event]) -> _Lines:
    """What the request showed of credentials."""
    for move in moves:
        why = ", ".join(text for text in (move.get("cause"), move.get("code")) if text)
        until = f", until {_time(move['until'])}" if move.get("until") else ""
        probe = f", next probe {_time(move['next_probe'])}" if move.get("next_probe") else ""
        yield "credential", f"{move['credential']}: {move['before']} → {move['state']}{f' ({why})' if why else ''}{until}{probe}"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
