"""How people log in here. Owns: that value, how settings make it, and where the process takes it from.

Whoever starts a process says with `use` where the policy comes from; it is asked each time, since an admin may change it.
"""

import shlex
from dataclasses import dataclass, field
from datetime import timedelta

from stationmaster.asked import Asked
from stationmaster.settings import Settings
from stationmaster.settings.listener import is_loopback


@dataclass(frozen=True)
class Sso:
    """Single sign-on by OpenID Connect: the issuer's address, what it knows us by, and the e-mail domains whose people
    may come in unasked, as viewers."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    viewer_domains: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginPolicy:
    """The rules. `local`: passwords of our own are taken; `allowed_private`: private addresses that the issuer may have;
    `data_option`: what commands need to find this very control plane, as a shell takes it."""

    local: bool = True
    session: timedelta = timedelta(hours=12)
    admin_link: timedelta = timedelta(minutes=30)
    gateway_token: timedelta = timedelta(days=365)
    sso: Sso | None = None
    allowed_private: tuple[str, ...] = ()
    data_option: str = ""

    @property
    def link_command(self) -> str:
        """What makes an admin link here."""
        return f"stationmaster admin link {self.data_option}".rstrip()


policy = Asked(LoginPolicy)
use = policy.use


def policy_of(settings: Settings) -> LoginPolicy:
    """How people log in, by these settings."""
    oidc = settings.oidc
    sso = Sso(oidc.issuer, oidc.client_id, oidc.client_secret.get_secret_value(), oidc.viewer_domains) if oidc.issuer else None
    return LoginPolicy(
        local=settings.login.local,
        session=timedelta(seconds=settings.login.session_seconds),
        admin_link=timedelta(seconds=settings.login.admin_link_seconds),
        gateway_token=timedelta(days=settings.tokens.gateway_days),
        sso=sso,
        allowed_private=settings.outbound.allowed_private,
        data_option=_data_option(settings),
    )


def _data_option(settings: Settings) -> str:
    """The data folder as an option: where it is not the usual one, and only people at this machine read it."""
    if settings.console.public_url or not is_loopback(settings.console.host) or settings.origin("data.dir").kind == "default":
        return ""
    return f"--data {shlex.quote(str(settings.folder))}"


def console_url(settings: Settings) -> str:
    """The address that people's browsers use, without a slash at its end."""
    if settings.console.public_url:
        return settings.console.public_url.rstrip("/")
    host = "127.0.0.1" if settings.console.host in {"0.0.0.0", "::"} else settings.console.host  # noqa: S104  what is listened on
    scheme = "https" if settings.console.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.console.port}"
