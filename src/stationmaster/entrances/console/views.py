"""The way in, the first page, and one's own account. Owns: those pages; what they do, the services of operators do.

allauth's own views are mounted where they are what we want; `local_only` takes away those that need a password of ours.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.account.views import login as allauth_login
from allauth.core.internal.ratelimit import consume
from allauth.mfa.models import Authenticator
from allauth.socialaccount.providers.openid_connect.views import login as allauth_sso
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from stationmaster.entrances.console.looks import back
from stationmaster.entrances.web.answers import not_found, too_many
from stationmaster.entrances.web.requests import of
from stationmaster.errors import Forbidden, Invalid
from stationmaster.i18n import LANGUAGES, tr
from stationmaster.operators import services
from stationmaster.operators.sessions import stored_id
from stationmaster.store.actor import Actor

View = Callable[..., HttpResponse]
_LINK: Final = "admin_link"      # in the session, so that the secret leaves the address bar
LANGUAGE_NAMES: Final = {"auto": "", "en": "English", "zh-CN": "简体中文"}


def local_only(view: View) -> View:
    """The view, while passwords of our own are taken; nothing at all otherwise."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if not services.policy().local:
            raise not_found()
        return view(request, *args, **named)

    return guarded


def post_only(view: View) -> View:
    """The view, for POST alone."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        return view(request, *args, **named) if request.method == "POST" else HttpResponseNotAllowed(["POST"])

    return guarded


def factors(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  Django's signature
    """Where allauth leads back to once a second factor was changed."""
    return redirect("account")


def sign_in(request: HttpRequest) -> HttpResponse:
    """The form for e-mail address and password, and the way to single sign-on; without passwords, only that."""
    if request.method == "POST" and not services.policy().local:
        raise not_found()
    response: HttpResponse = allauth_login(request)
    return response


def sso(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Off to the issuer. Who is signed in already comes to prove who they are: the issuer is to ask, not to remember
    (OpenID Connect Core 1.0 §3.1.2.1). Nothing else in the address reaches it."""
    if services.policy().sso is None:
        raise not_found()
    _limit(request, "sso")      # each leaves a session behind for half an hour
    wanted = {"next": to} if (to := _safe_next(request)) else {}
    if request.user.is_authenticated:
        wanted["auth_params"] = urlencode({"prompt": "login", "max_age": "0"})
    request.GET = QueryDict(urlencode(wanted))
    response: HttpResponse = allauth_sso(request, provider_id=provider_id)
    return response


@local_only
def welcome_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Take the secret out of the address. Looking at a link uses nothing up."""
    _limit(request)
    if not services.is_open(secret):
        raise services.link_over(secret)
    request.session[_LINK] = secret
    return redirect("welcome")


@local_only
def welcome(request: HttpRequest) -> HttpResponse:
    """The form by which the first admin, one who is locked out, or one who was invited gets in."""
    secret = request.session.get(_LINK, "")
    found = services.opened(secret)
    if found is None:
        raise services.link_over(secret)
    if request.method != "POST":
        return _form(request, found)
    _limit(request)
    return _redeemed(request, secret, found)


def account(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    actor = _me(request)
    row = services.myself(actor)
    factors = Authenticator.objects.filter(user=row).values_list("type", flat=True)
    values = {
        "operator": row, "sessions": services.my_sessions(actor, _session_id(request)), "languages": _languages(),
        "totp": Authenticator.Type.TOTP in factors, "codes": Authenticator.Type.RECOVERY_CODES in factors,
        "has_password": row.has_usable_password(),
    }  # fmt: skip
    return render(request, "account.html", values)


@local_only
def password(request: HttpRequest) -> HttpResponse:
    """Give oneself another password."""
    actor = _me(request)
    if not actor.fresh:
        return again(request)
    if request.method != "POST":
        return render(request, "password.html")
    try:
        row = services.set_password(actor, _repeated(request))
    except Invalid as error:
        return render(request, "password.html", {"errors": error.fields}, status=error.status)
    of(request).user = row
    update_session_auth_hash(request, row)      # this browser stays
    return redirect("account")


@post_only
def language(request: HttpRequest) -> HttpResponse:
    """Be spoken to in another language."""
    services.set_language(_me(request), request.POST.get("language", ""))
    return redirect(back(request, reverse("account")))


@post_only
def end_session(request: HttpRequest, session: str) -> HttpResponse:
    """Sign one browser out."""
    services.end_session(_me(request), session)
    return redirect("account" if session != _session_id(request) else "account_login")


@post_only
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Sign every browser out, this one too."""
    actor = _me(request)
    services.sign_out_everywhere(actor, actor.id)
    request.session.flush()
    return redirect("account_login")


def again(request: HttpRequest) -> HttpResponse:
    """Off to prove again who one is, and back."""
    methods = get_adapter(request).get_reauthentication_methods(of(request).user)
    if not methods:
        raise Forbidden("error.access.not_fresh", "this takes somebody who just signed in", hint="sign out, then in again")
    return HttpResponseRedirect(f"{methods[0]['url']}?{urlencode({'next': request.get_full_path()})}")


def _form(request: HttpRequest, found: services.Invitation, errors: Mapping[str, str] | None = None) -> HttpResponse:
    """What a link leads to; with what is wrong with what was filled in."""
    values = {"errors": errors or {}, "email": request.POST.get("email", ""), "languages": _languages(), "invitation": found}
    return render(request, "invitation.html" if found.email else "welcome.html", values, status=422 if errors else 200)


def _redeemed(request: HttpRequest, secret: str, found: services.Invitation) -> HttpResponse:
    try:
        given = services.Newcomer(request.POST.get("email", ""), _repeated(request), request.POST.get("language", "auto"))
        operator = services.redeem(secret, given, of(request).request_id)
    except Invalid as error:
        return _form(request, found, error.fields)
    request.session.flush()
    record_authentication(request, operator, "password")
    response: HttpResponse = perform_login(request, operator, email_verification="none", redirect_url=reverse("home"))
    return response


def _repeated(request: HttpRequest) -> str:
    """The new password, which was typed twice. Raises `Invalid`."""
    first, second = (request.POST.get(name, "") for name in ("password", "repeated"))
    if first != second:
        why = tr("These are two different passwords.")
        raise Invalid("error.operator.not_repeated", why, fields={"repeated": why})
    return first


def _limit(request: HttpRequest, action: str = "admin_link") -> None:
    """Raise `StationmasterError` 429 for an address that does this too often."""
    if not consume(request, app="allauth.account", action=action, limit_get=True):
        raise too_many()


def _me(request: HttpRequest) -> Actor:
    """Who is logged in. Raises `StationmasterError` 401 for a program."""
    actor = of(request).actor
    if actor is None or actor.kind != "operator":
        raise services.unauthenticated()
    return actor


def _session_id(request: HttpRequest) -> str:
    return stored_id(request.session.session_key or "")


def _safe_next(request: HttpRequest) -> str:
    """A path of ours to go on to, if one was asked for."""
    wanted = request.GET.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else ""


def _languages() -> dict[str, str]:
    return {each: LANGUAGE_NAMES[each] or tr("As the browser says") for each in ("auto", *LANGUAGES)}
