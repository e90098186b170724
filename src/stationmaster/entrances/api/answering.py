"""Answers of REST. Owns: JSON, files, errors in the one shape, and headers that belong to them."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from stationmaster.entrances.api.caller import TooMany
from stationmaster.entrances.web.answers import answer, from_exception
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.store.export import Format

_TYPES: Mapping[Format, str] = {
    "csv": "text/csv; charset=utf-8", "json": "application/json", "jsonl": "application/x-ndjson",
}
_PIECE = 64 * 1024      # characters that are gathered before a thread hands them over


@dataclass(frozen=True)
class Reply:
    """An answer as a value: its status, its body (None: none), the version and the address of what it is about."""

    status: int
    body: Any = None
    version: int | None = None
    location: str = ""

    def response(self) -> HttpResponse:
        """As Django sends it."""
        response = HttpResponse(status=self.status)
        if self.body is not None:
            response.content = text(self.body)
            response["Content-Type"] = "application/json"
        else:
            del response["Content-Type"]
        if self.version is not None:
            response["ETag"] = f'"{self.version}"'
        if self.location:
            response["Location"] = self.location
        return response


def text(body: Any) -> str:
    """A body as JSON, in the spelling of exported files."""
    return json.dumps(body, ensure_ascii=False, default=_other, separators=(",", ":"), allow_nan=False)


def file(pieces: Iterator[str], form: Format, name: str) -> StreamingHttpResponse:
    """An exported list. It is written while it is read from the database."""
    return download(pieces, f"{name}.{form}", _TYPES[form])


def download(pieces: Iterator[str], name: str, type_: str) -> StreamingHttpResponse:
    """A file to be kept, never shown. `name` is ours: letters, digits and `.-_` alone."""
    charset = "; charset=utf-8" if type_.startswith("text/") and "charset" not in type_ else ""
    response = StreamingHttpResponse(_gathered(pieces), content_type=f"{type_}{charset}")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def register(api: NinjaAPI) -> None:
    """Have every error of `api` answered here."""
    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        StationmasterError: answer,
        TooMany: _slow_down,
        Http404: lambda request, _: answer(request, nothing_here()),
        HttpError: lambda request, error: answer(request, _of_http(error)),
        ValidationError: lambda request, error: answer(request, _of_validation(error)),
        SuspiciousOperation: lambda request, _: answer(request, _bad_request()),
        Exception: from_exception,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def nothing_here() -> StationmasterError:
    """For a path that leads nowhere."""
    hint = "paths and what they take are listed at /api/docs"
    return StationmasterError("error.api.no_such_path", "there is nothing here", hint=hint, status=404)


def wrong_method(allowed: str) -> StationmasterError:
    """For a method that a path does not take."""
    return StationmasterError("error.api.method", f"this takes {allowed}", status=405)


def _bad_request() -> StationmasterError:
    return StationmasterError("error.api.bad_request", "this request cannot be read")


def _of_http(error: HttpError) -> StationmasterError:
    return StationmasterError("error.api.bad_request", "this request cannot be read", status=error.status_code)


def _of_validation(error: ValidationError) -> StationmasterError:
    fields = {str(each["loc"][-1]): str(each["msg"]) for each in error.errors}
    return Invalid("error.api.bad_parameter", "; ".join(f"{name}: {why}" for name, why in fields.items()), fields=fields)


def _slow_down(request: HttpRequest, error: TooMany) -> HttpResponse:
    response = answer(request, error)
    response["Retry-After"] = str(error.seconds)
    return response


async def _gathered(pieces: Iterator[str]) -> AsyncIterator[bytes]:
    while block := await sync_to_async(_block)(pieces):
        yield block


def _block(pieces: Iterator[str]) -> bytes:
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE:
            break
    return "".join(gathered).encode()


def _other(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing for an answer")
