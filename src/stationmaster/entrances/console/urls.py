"""The console's addresses. Owns: which of allauth's views are mounted, under which names; the others do not exist here."""

from allauth.account import views as accounts
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.urls import include, path

from stationmaster.entrances.console import views
from stationmaster.entrances.console.assets import asset
from stationmaster.entrances.console.looks import theme
from stationmaster.entrances.console.pages.credentials.calendar import feed as calendar_feed

_SSO = {"provider_id": "sso"}

urlpatterns = [
    path("", include("stationmaster.entrances.console.pages.urls")),
    path("assets/<str:name>", asset, name="console_asset"),
    path("theme", theme, name="theme"),
    path("calendar/<str:secret>.ics", calendar_feed, name="calendar_feed"),
    path("welcome", views.welcome, name="welcome"),
    path("welcome/<str:secret>", views.welcome_link, name="welcome_link"),
    path("login", views.sign_in, name="account_login"),
    path("login/inactive", accounts.account_inactive, name="account_inactive"),
    path("login/code", factors.authenticate, name="mfa_authenticate"),
    path("login/again", views.local_only(accounts.reauthenticate), name="account_reauthenticate"),
    path("login/again/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path("login/sso", views.sso, _SSO, name="openid_connect_login"),
    path("login/sso/callback", oidc.callback, _SSO, name="openid_connect_callback"),
    path("login/sso/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("login/sso/error", social.login_error, name="socialaccount_login_error"),
    path("logout", accounts.logout, name="account_logout"),
    path("account", views.account, name="account"),
    path("account/factors", views.factors, name="mfa_index"),       # where allauth leads back to
    path("account/language", views.language, name="account_language"),
    path("account/password", views.password, name="account_password"),
    path("account/sessions/end", views.sign_out_everywhere, name="account_sign_out_everywhere"),
    path("account/sessions/<str:session>/end", views.end_session, name="account_end_session"),
    path("account/totp", totp.activate_totp, name="mfa_activate_totp"),
    path("account/totp/off", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
]
