"""allauth, told how things are done here. Owns: where it leads people, when it asks again who they are, whom an issuer's
word lets in. Nobody signs up by themselves.
"""

from typing import Any, ClassVar, NoReturn, cast

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.utils import perform_login
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import lazy
from requests import Session

from stationmaster.entrances.console.reaching import session
from stationmaster.entrances.web.answers import answer
from stationmaster.entrances.web.gate import fresh
from stationmaster.entrances.web.requests import of
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.i18n import tr
from stationmaster.operators.models import Operator
from stationmaster.operators.services import operator_of, policy


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Passwords and log-in."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        # Translated when it is shown, in the reader's language.
        "too_many_login_attempts": lazy(lambda: tr("Too many attempts to sign in failed. Try again in five minutes."), str)(),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  allauth's signature
        """Never: an admin lets people in."""
        return False

    def reauthenticate(self, user: Operator, password: str) -> bool:
        """Tell whether this is the password; wrong ones count as those at signing in do."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:  # noqa: ARG002  allauth's signature
        """Ask again after ten minutes. allauth does not ask those who have neither password nor second factor; we do."""
        request = context.request
        if fresh(request):
            return False
        if not get_reauthentication_flows(request.user):
            raise ReauthenticationRequired
        return True

    def get_reauthentication_methods(self, user: Operator) -> list[dict[str, Any]]:
        """allauth's own, less passwords where there are none, and single sign-on for who came by it."""
        methods = super().get_reauthentication_methods(user)
        found = [method for method in methods if policy().local or method["id"] != "reauthenticate"]
        if policy().sso and user.is_authenticated and user.sso_subject:
            url = reverse("openid_connect_login", kwargs={"provider_id": "sso"})
            found.append({"id": "sso", "description": tr("Use single sign-on"), "url": url})
        return found


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors."""

    def get_totp_issuer(self) -> str:
        """What an authenticator app calls the entry."""
        return "Stationmaster"


class SsoAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Single sign-on. allauth brings back who the issuer says it is; who that is here, we say."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002  allauth's signature
        """Never."""
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:  # noqa: ARG002  allauth's signature
        """Not allauth's way."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> NoReturn:
        """Log the operator in that the issuer vouches for, or say why not; allauth goes no further."""
        try:
            claims = _claims(sociallogin)
            operator = operator_of(
                claims["iss"], claims["sub"], str(claims.get("email") or ""), claims.get("email_verified") is True,
                of(request).request_id,
            )  # fmt: skip
        except StationmasterError as error:
            raise ImmediateHttpResponse(answer(request, error)) from None
        if request.user.is_authenticated and of(request).user.pk != operator.pk:
            get_adapter(request).logout(request)
        record_authentication(request, operator, "socialaccount", provider="sso")
        _date(request, claims)
        to = sociallogin.get_redirect_url(request)
        raise ImmediateHttpResponse(perform_login(request, operator, email_verification="none", redirect_url=to))

    def get_requests_session(self) -> Session:
        """How the issuer is reached: no private address unless allowed, no redirects, in time."""
        return session()


def _claims(sociallogin: Any) -> dict[str, Any]:
    """What the issuer says, of the identity token and of the address that tells more, which have to be about one person.
    Raises `Forbidden`."""
    told = sociallogin.account.extra_data
    token, more = told.get("id_token") or {}, told.get("userinfo") or {}
    sso = policy().sso
    if sso is None or sociallogin.state.get("process") not in (None, "login"):
        raise Forbidden("error.login.sso", "single sign-on is for signing in only")
    if str(token.get("iss", "")).rstrip("/") != sso.issuer.rstrip("/") or more.get("sub", token["sub"]) != token["sub"]:
        raise Forbidden("error.login.sso", "the single sign-on spoke of somebody else")
    return cast("dict[str, Any]", {**more, **token})


def _date(request: HttpRequest, claims: dict[str, Any]) -> None:
    """Date the proof by when the issuer asked for it, where it says so: it may have been hours ago."""
    at = claims.get("auth_time")
    records = request.session.get("account_authentication_methods", [])
    if isinstance(at, int | float) and records:
        records[-1]["at"] = min(records[-1]["at"], at)
        request.session["account_authentication_methods"] = records
