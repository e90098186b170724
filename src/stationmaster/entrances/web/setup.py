"""Django's settings for the web, made of ours. Owns: middleware, templates, cookies, allowed names, allauth's rules."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stationmaster.errors import StationmasterError
from stationmaster.settings import Settings

SCHEME_HEADER: Final = "HTTP_X_STATIONMASTER_SCHEME"       # ours alone: what a client sends under it is thrown away
TEMPLATES = Path(__file__).parents[1] / "console" / "templates"
MIDDLEWARE = [
    "stationmaster.entrances.web.front.Front",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "stationmaster.entrances.web.language.Language",
    "allauth.account.middleware.AccountMiddleware",
    "stationmaster.entrances.web.gate.Gate",
]
_CONSOLE = "stationmaster.entrances.console"


def django_settings(settings: Settings) -> dict[str, Any]:
    """What a process that serves people adds to the store's settings. Raises `StationmasterError` for an issuer that
    cannot be trusted."""
    return {
        "ROOT_URLCONF": "stationmaster.entrances.urls",
        "MIDDLEWARE": MIDDLEWARE,
        "TEMPLATES": [_templates()],
        "APPEND_SLASH": False,
        "USE_I18N": True,
        "LANGUAGES": [("en", "English"), ("zh-hans", "简体中文")],
        "CACHES": {"default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},      # so that nobody washes their own failed attempts out
        }},
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 10 * 1024 * 1024,
        "STATIONMASTER_PUBLIC_URL": settings.console.public_url,
        "STATIONMASTER_LANGUAGE": settings.ui.language,
        **_addresses(settings),
        **_cookies(_secure(settings)),
        **_log_in(settings),
    }  # fmt: skip


def _templates() -> dict[str, Any]:
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [TEMPLATES],
        "APP_DIRS": False,      # no page that is not ours
        "OPTIONS": {
            "context_processors": [f"{_CONSOLE}.context.common"],
            "builtins": [f"{_CONSOLE}.tags"],
        },
    }


def _addresses(settings: Settings) -> dict[str, Any]:
    public = urlsplit(settings.console.public_url)
    return {
        "ALLOWED_HOSTS": sorted({*_hosts(settings), *([public.hostname] if public.hostname else [])}),
        "SECURE_PROXY_SSL_HEADER": (SCHEME_HEADER, "https"),
        "CSRF_TRUSTED_ORIGINS": [f"{public.scheme}://{public.netloc}"] if public.netloc else [],
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if public.scheme == "https" else "http",
    }


def _hosts(settings: Settings) -> Iterator[str]:
    host = settings.console.host
    yield f"[{host}]" if ":" in host else host
    if _is_loopback(host):
        yield from ("127.0.0.1", "[::1]", "localhost")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secure(settings: Settings) -> bool:
    """Whether cookies are for https alone: always, but where http goes no further than this machine."""
    tls = settings.console.tls_certificate is not None or settings.console.public_url.startswith("https:")
    return tls or not _is_loopback(settings.console.host)


def _cookies(secure: bool) -> dict[str, Any]:
    # `__Host-`: a neighbouring host name cannot set it (RFC 6265bis §4.1.3.2).
    prefix = "__Host-" if secure else ""
    return {
        "SESSION_ENGINE": "stationmaster.operators.sessions",
        "SESSION_COOKIE_NAME": f"{prefix}stationmaster",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": f"{prefix}stationmaster_form",
        "CSRF_COOKIE_SECURE": secure,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_AGE": None,
    }


def _log_in(settings: Settings) -> dict[str, Any]:
    return {
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "home",
        "ACCOUNT_ADAPTER": f"{_CONSOLE}.adapters.AccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"email"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*"],
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_SESSION_REMEMBER": True,
        "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": 600,
        "ACCOUNT_RATE_LIMITS": {
            "login": "30/m/ip", "login_failed": "20/m/ip,5/300s/key", "reauthenticate": "10/m/user", "admin_link": "20/m/ip",
            "sso": "30/m/ip",
        },
        "MFA_ADAPTER": f"{_CONSOLE}.adapters.FactorAdapter",
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,       # allauth's own list of addresses stays empty
        "MFA_SUPPORTED_TYPES": ["totp", "recovery_codes"],
        "MFA_RECOVERY_CODES_SHOW_ONCE": True,
        "MFA_TOTP_ISSUER": "Stationmaster",
        "SOCIALACCOUNT_ADAPTER": f"{_CONSOLE}.adapters.SsoAdapter",
        "SOCIALACCOUNT_LOGIN_ON_GET": True,       # a link, not a form: the issuer's address is not ours to allow forms to
        "SOCIALACCOUNT_STORE_TOKENS": False,
        "SOCIALACCOUNT_PROVIDERS": {"openid_connect": _issuer(settings)},
    }


def _issuer(settings: Settings) -> dict[str, Any]:
    oidc = settings.oidc
    if not oidc.issuer:
        return {"APPS": []}
    parts = urlsplit(oidc.issuer)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        hint = "give oidc.issuer an address that begins with https://"
        raise StationmasterError("error.login.issuer", "the issuer is reached without TLS", hint=hint, fault="operator")
    app = {
        "provider_id": "sso", "name": "SSO", "client_id": oidc.client_id, "secret": oidc.client_secret.get_secret_value(),
        "settings": {"server_url": oidc.issuer},
    }
    return {"APPS": [app], "OAUTH_PKCE_ENABLED": True, "SCOPE": ["openid", "email"]}
