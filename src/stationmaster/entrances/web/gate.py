"""The gate. Owns: who asks (a browser's session, or a bearer token), that nobody gets further than `PUBLIC`, and that no
other site asks in a browser's name.

It decides once Django found the view, by that view's route, so that what is authorised is what is run.
"""

from collections.abc import Callable
from typing import Any, Final

from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from stationmaster.entrances.web.answers import answer, from_exception
from stationmaster.entrances.web.requests import is_api, of
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.operators.models import Operator
from stationmaster.operators.services import actor_of, unauthenticated
from stationmaster.store.actor import Actor

# The only routes that answer somebody who did not say who they are, by name. Everything else: 401.
PUBLIC: Final = frozenset({
    "account_inactive", "account_login", "account_logout", "calendar_feed", "console_asset", "mfa_authenticate",
    "openid_connect_callback",
    "openid_connect_login", "socialaccount_login_cancelled", "socialaccount_login_error", "welcome", "welcome_link",
})
FRESH_SECONDS: Final = 600
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate(CsrfViewMiddleware):
    """Django middleware, the last before the views."""

    def process_view(  # type: ignore[override]  # Django answers 403 alone
        self, request: HttpRequest, _view: Callable[..., Any] | None, args: tuple[Any, ...], named: dict[str, Any]
    ) -> HttpResponse | None:
        """Say who asks, or answer in the view's place."""
        try:
            of(request).actor = actor = _actor(request)
        except StationmasterError as error:
            return answer(request, error)
        if actor is None and _route(request) not in PUBLIC:
            return _who_are_you(request)
        if actor is not None and actor.kind == "token":
            return None      # no browser sends a token by itself: there is nothing to forge
        return super().process_view(request, _checked_always, args, named)

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:  # noqa: ARG002  Django's signature
        message = "this form came from another site, or from a page that was open for too long"
        error = Forbidden("error.access.csrf", message, hint="open the page again and repeat it")
        return from_exception(request, error)


def fresh(request: HttpRequest) -> bool:
    """Tell whether whoever is logged in proved within ten minutes who they are."""
    records = get_authentication_records(request, of(request).user)
    now = timezone.now().timestamp()
    return any(0 <= now - record.get("at", 0) < FRESH_SECONDS for record in records)


def _actor(request: HttpRequest) -> Actor | None:
    """Who asks; None: nobody said. Raises `StationmasterError` for a token that is not valid here."""
    given = request.headers.get("authorization")
    if given is not None:
        request.user = AnonymousUser()      # one or the other
        return _of_token(request, given)
    user = request.user
    if not isinstance(user, Operator):
        return None
    return Actor("operator", user.id, user.role, of(request).request_id, person=user.id, fresh=fresh(request))


def _of_token(request: HttpRequest, given: str) -> Actor:
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or not is_api(request):
        raise unauthenticated()
    return actor_of(token.strip(), of(request).request_id)


def _who_are_you(request: HttpRequest) -> HttpResponse:
    if is_api(request) or request.method not in _SAFE:
        return answer(request, unauthenticated())
    query = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('account_login')}?{query}")


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return match.view_name if match else ""


def _checked_always() -> HttpResponse:
    """Stands for the view in CSRF checks, so that no view is exempt, whatever it says of itself."""
    return HttpResponse()
