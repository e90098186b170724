"""Log-ins, written down. Owns: the audit events of signing in and out and of second factors; who is behind an identity
that an issuer vouches for.

Failed ones are written down only for operators that there are, and behind the limits of attempts.
"""

import time
from typing import Any

from allauth.mfa import signals as factors
from django.contrib.auth import signals
from django.http import HttpRequest
from django.utils import timezone

from stationmaster.errors import Forbidden
from stationmaster.operators import people
from stationmaster.operators.models import Operator
from stationmaster.operators.policy import Sso, policy
from stationmaster.operators.sessions import AGENT, UNTIL
from stationmaster.store import keyholder
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change

_AGENT_LENGTH = 200
_SOMEBODY = "login"      # who tried in vain: nobody knows, and it need not be the person it is about


def connect() -> None:
    """Hook into Django's and allauth's log-in; called once, when Django is set up."""
    signals.user_logged_in.connect(_signed_in, dispatch_uid="stationmaster.signed_in")
    signals.user_logged_out.connect(_signed_out, dispatch_uid="stationmaster.signed_out")
    signals.user_login_failed.connect(_failed, dispatch_uid="stationmaster.failed")
    factors.authenticator_added.connect(_factor("add"), weak=False, dispatch_uid="stationmaster.factor_added")
    factors.authenticator_removed.connect(_factor("remove"), weak=False, dispatch_uid="stationmaster.factor_removed")
    factors.authenticator_reset.connect(_factor("renew"), weak=False, dispatch_uid="stationmaster.factor_reset")
    factors.authentication_failed.connect(_factor("fail"), weak=False, dispatch_uid="stationmaster.factor_failed")


def operator_of(issuer: str, subject: str, email: str, verified: bool, request_id: str = "") -> Operator:
    """The operator behind an identity: the one who came with it before, else the one with its e-mail address if the
    issuer says that it verified that, else a new viewer if the policy lets their domain in. Raises `Forbidden`."""
    sso = policy().sso
    hashed = keyholder.digests().mac("sso subject", f"{issuer}\n{subject}".encode())
    known = Operator.objects.filter(sso_subject=hashed).first()
    if known is not None:
        return known  # type: ignore[no-any-return]
    if sso is None or not verified or not email:
        raise _stranger("the single sign-on did not say that it verified your e-mail address")
    actor = Actor("system", "sso", "admin", request_id)
    with change(actor) as edit:
        row = Operator.objects.filter(email=people.email_of(email)).first() or _newcomer(sso, email)
        if row.sso_subject:
            raise _stranger("this e-mail address belongs to somebody else at the single sign-on")
        if row._state.adding:
            row.sso_subject = hashed
            people.add(edit, row)
        else:
            with edit.updating(row, action="link_sso"):
                row.sso_subject = hashed
    return row


def _newcomer(sso: Sso, email: str) -> Operator:
    if people.email_of(email).rpartition("@")[2] not in {domain.lower() for domain in sso.viewer_domains}:
        raise _stranger("nobody let this e-mail address in yet")
    row = Operator(email=people.email_of(email), role="viewer")
    row.set_unusable_password()
    return row


def _stranger(why: str) -> Forbidden:
    return Forbidden("error.login.stranger", why, hint="ask an admin of this installation")


def _signed_in(request: HttpRequest, user: Operator, **_: Any) -> None:
    request.session[UNTIL] = time.time() + policy().session.total_seconds()
    request.session[AGENT] = request.headers.get("user-agent", "")[:_AGENT_LENGTH]
    Operator.objects.filter(id=user.id).observe(last_login_at=timezone.now())
    _record(request, user, "sign_in")


def _signed_out(request: HttpRequest, user: Operator | None, **_: Any) -> None:
    if user is not None:
        _record(request, user, "sign_out")


def _failed(request: HttpRequest | None, credentials: dict[str, Any], **_: Any) -> None:
    email = str(credentials.get("email") or "").strip().lower()
    user = Operator.objects.filter(email=email).first()
    if user is not None:
        _record(request, user, "fail_to_sign_in", by=_SOMEBODY)


def _factor(verb: str) -> Any:
    def written(request: HttpRequest, user: Operator, authenticator: Any, **_: Any) -> None:
        by = _SOMEBODY if verb == "fail" else ""
        _record(request, user, f"{verb}_second_factor", {"kind": authenticator.type}, by=by)

    return written


def _record(request: HttpRequest | None, user: Operator, action: str, what: dict[str, str] | None = None, by: str = "") -> None:
    request_id = getattr(request, "request_id", "")
    actor = Actor("system", by, "", request_id) if by else Actor("operator", user.id, user.role, request_id)
    with change(actor) as edit:
        edit.record(f"operators:{user.id}:{action}", after=what)
