"""Errors as answers. Owns: JSON for programs, a page for people, and that what we did not expect shows nothing of itself."""

import logging
import sys

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render

from stationmaster.entrances.problems import AGAIN, as_json, of_database
from stationmaster.entrances.web.requests import is_api, of
from stationmaster.errors import Forbidden, NotFound, StationmasterError
from stationmaster.i18n import tr
from stationmaster.logs import where
from stationmaster.phrases import said

_log = logging.getLogger("stationmaster.web")


def answer(request: HttpRequest, error: StationmasterError) -> HttpResponse:
    """The answer that says what went wrong."""
    request_id = getattr(of(request), "request_id", "")
    if is_api(request):
        response: HttpResponse = JsonResponse(as_json(error, request_id), status=error.status)
    else:
        told = {"message": said(error.message), "hint": said(error.hint)}
        values = {"error": error, "title": _title(error.status), "request_id": request_id, **told}
        response = render(request, "error.html", values, status=error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if error.status == 503 and error.retryable:
        response["Retry-After"] = str(AGAIN)      # RFC 9110, 10.2.3
    return response


def from_exception(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The answer to whatever a view raised."""
    return answer(request, _known(exception) or _unexpected(request, exception))


def _known(exception: Exception) -> StationmasterError | None:
    if isinstance(exception, StationmasterError):
        return exception
    if isinstance(exception, Http404):
        return not_found()
    if isinstance(exception, PermissionDenied):
        return Forbidden("error.access.forbidden", "this is not for you")
    if isinstance(exception, SuspiciousOperation | MultiPartParserError):
        return StationmasterError("error.request.bad", "this request cannot be read")
    return of_database(exception) if isinstance(exception, OperationalError | InterfaceError) else None


def not_found() -> NotFound:
    """What is said of a path that leads nowhere."""
    return NotFound("error.request.not_found", tr("there is nothing at this address"))


def too_many() -> StationmasterError:
    """What is said to somebody who tried too often."""
    hint = tr("wait five minutes")
    return StationmasterError("error.request.too_many", tr("too many attempts"), hint=hint, retryable=True, status=429)


def _unexpected(request: HttpRequest, exception: Exception) -> StationmasterError:
    # Neither its text nor its values are told or logged: they may hold anything. The lines of code say where it was.
    request_id = getattr(of(request), "request_id", "")
    _log.error("unexpected %s, request %s, at %s", type(exception).__name__, request_id, where(exception))
    message = "something went wrong here"
    return StationmasterError("error.internal", message, hint=f"look for {request_id} in the log", fault="ours", retryable=True)


def _title(status: int) -> str:
    titles = {
        401: tr("Please sign in"), 403: tr("Not allowed"), 404: tr("Not found"), 410: tr("This link is over"),
        421: tr("Wrong address"), 429: tr("Too many attempts"),
    }  # fmt: skip
    return titles.get(status, tr("Something went wrong") if status >= 500 else tr("That did not work"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 400."""
    return from_exception(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 403."""
    return from_exception(request, exception)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Django's handler for 404."""
    return answer(request, not_found())


def broken(request: HttpRequest) -> HttpResponse:
    """Django's handler for what a middleware raised; it is called while that is being handled."""
    exception = sys.exc_info()[1]
    return from_exception(request, exception if isinstance(exception, Exception) else RuntimeError())


def limited(request: HttpRequest) -> HttpResponse:
    """allauth's handler for 429."""
    return answer(request, too_many())
