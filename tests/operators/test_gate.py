"""The way to a view: who asks, from where, and in which spelling."""

import html
import io
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path
from django.views.decorators.csrf import csrf_exempt

from databases import RING
from operators.browser import Browser
from operators.people import PASSWORD, ROOT, somebody
from stationmaster.entrances.web import gate
from stationmaster.entrances.web.requests import of
from stationmaster.entrances.web.setup import django_settings
from stationmaster.errors import NotFound, StationmasterError
from stationmaster.operators import services
from stationmaster.operators.policy import console_url
from stationmaster.settings import Settings, load

CANARY = "sk-proj-canary-7f1d9e"


@csrf_exempt
def whoami(request: HttpRequest) -> HttpResponse:
    """A view of the API, exempt from CSRF as ninja's are."""
    actor = of(request).actor
    assert actor is not None
    return JsonResponse({"kind": actor.kind, "role": actor.role, "id": actor.id, "fresh": actor.fresh, "method": request.method})


def breaks(request: HttpRequest) -> HttpResponse:
    """A view with a mistake in it, which holds a secret."""
    secret = request.headers.get("x-secret", CANARY)
    raise RuntimeError(f"cannot use {secret}")


def refuses(request: HttpRequest) -> HttpResponse:
    """A view that says what is wrong."""
    raise NotFound("error.thing.not_found", "there is no such thing", hint="make one", fields={"name": "unknown"})


class Routes:
    """The root of all addresses in these tests."""

    urlpatterns: ClassVar = [
        path("api/v1/whoami", whoami, name="whoami"),
        path("api/v1/breaks", breaks),
        path("api/v1/refuses", refuses),
        path("pages/breaks", breaks),
        path("pages/whoami", whoami),
        path("", include("stationmaster.entrances.urls")),
    ]
    handler400 = "stationmaster.entrances.web.answers.bad_request"
    handler403 = "stationmaster.entrances.web.answers.forbidden"
    handler404 = "stationmaster.entrances.web.answers.missing"


@pytest.fixture(autouse=True)
def _with_an_api() -> Iterator[None]:
    """Routes of an API beside the console's."""
    with override_settings(ROOT_URLCONF=Routes):
        yield


def routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, str | None]]:
    """Every route that there is, and its name."""
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield before + str(each.pattern), each.name


def spelled(route: str) -> str:
    """A path of the route."""
    return "/" + re.sub(r"<[^>]+>", "x", route)


def bearer(**given: Any) -> dict[str, str]:
    """The header of a new API token."""
    secret = services.create_token(ROOT, {"name": "t", **given}).secret
    return {"Authorization": f"Bearer {secret.text}"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_anonymous_gets_no_further_than_the_public_routes(browser: Browser, method: str) -> None:
    """Every route that is not in `PUBLIC` answers 401, or leads a browser to the log-in; none runs its view."""
    for route, name in routes(get_resolver().url_patterns):
        answer = browser.client.generic(method, spelled(route))
        if name in gate.PUBLIC:
            continue
        to_login = answer.status_code == 302 and answer["Location"].startswith("/login?next=")
        assert answer.status_code == 401 or (to_login and method == "GET"), (route, answer.status_code)


def test_public_routes_exist(database: str) -> None:
    """The list of public routes names no route that is not there."""
    assert {name for _, name in routes(get_resolver().url_patterns)} >= gate.PUBLIC


def test_bearer_token_and_session_make_actors(browser: Browser) -> None:
    """The API takes both; a session's actor is the person, a token's the token."""
    row = somebody()
    assert browser.get("/api/v1/whoami").status_code == 401
    told = browser.get("/api/v1/whoami", **bearer(role="viewer")).json()
    assert (told["kind"], told["role"]) == ("token", "viewer")
    browser.sign_in(row.email, PASSWORD)
    told = browser.get("/api/v1/whoami").json()
    assert (told["kind"], told["role"], told["id"], told["fresh"]) == ("operator", "admin", row.id, True)


def test_one_of_both_counts(browser: Browser) -> None:
    """Whoever sends a token is that token, or nobody: a session does not step in for a bad one."""
    browser.sign_in(somebody().email, PASSWORD)
    assert browser.get("/api/v1/whoami", Authorization="Bearer sm-api-wrong").status_code == 401
    assert browser.get("/api/v1/whoami", Authorization="Basic YTpi").status_code == 401
    assert browser.get("/api/v1/whoami", Authorization="").status_code == 401
    assert browser.get("/api/v1/whoami", **bearer(role="viewer")).json()["kind"] == "token"


def test_tokens_open_no_pages(browser: Browser) -> None:
    """Pages are for people: a token, and a gateway's token anywhere, are refused."""
    assert browser.get("/account", **bearer(role="admin")).status_code == 401
    assert browser.get("/pages/whoami", **bearer(role="admin")).status_code == 401
    gateway = services.create_gateway_token(ROOT, {"name": "gw"}).secret.text
    assert browser.get("/api/v1/whoami", Authorization=f"Bearer {gateway}").status_code == 401


def test_sessions_need_the_form_token_even_where_a_view_is_exempt(browser: Browser) -> None:
    """Another site cannot post with a browser's session, to the API neither; a bearer token needs no form token."""
    browser.sign_in(somebody().email, PASSWORD)
    assert browser.client.post("/api/v1/whoami").status_code == 403
    assert browser.client.post("/api/v1/whoami", headers={"X-CSRFToken": "x" * 32}).status_code == 403
    page = browser.get("/account").content.decode()
    found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    good = {"X-CSRFToken": found[1]}
    assert browser.client.post("/api/v1/whoami", headers=good).status_code == 200
    assert browser.client.post("/api/v1/whoami", headers={**good, "Origin": "https://evil.example"}).status_code == 403
    assert Browser().client.post("/api/v1/whoami", headers=bearer(role="viewer")).status_code == 200


def test_log_in_cannot_be_forced_by_another_site(browser: Browser) -> None:
    """The log-in form needs its token as well: nobody is signed in as somebody else without noticing."""
    row = somebody()
    answer = browser.client.post("/login", {"login": row.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert not browser.signed_in()


@pytest.mark.parametrize("host", [
    "evil.example", "127.0.0.1.evil.example", "evil.example:4001", "", "127.0.0.1,evil.example", "127.0.0.1@evil.example",
    "evil.example/127.0.0.1", "127.0.0.1:4001:80", "0.0.0.0", "localhost.", "[::2]",
])  # fmt: skip
def test_other_host_names_are_refused(database: str, host: str) -> None:
    """A page of another name that leads here by DNS gets nothing (421), on pages and API."""
    for address in ("/login", "/api/v1/whoami", "/"):
        answer = raw("GET", address.encode(), host=host, headers=bearer(role="admin"))
        assert answer.status_code == 421 or (host == "localhost." and answer.status_code < 500), (address, answer.status_code)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:4001", "[::1]:9"])
def test_own_host_names_are_taken(database: str, host: str) -> None:
    """Loopback by its names, on any port (a tunnel's), is this host."""
    assert raw("GET", b"/login", host=host).status_code == 200


@pytest.mark.parametrize("target", [
    b"//api/v1/whoami", b"/api//v1/whoami", b"/api/v1/whoami/", b"/api/v1/./whoami", b"/api/v1/x/../whoami", b"/API/v1/whoami",
    b"/api/v1/Whoami", b"/api%2fv1/whoami", b"/api%2Fv1%2Fwhoami", b"/api/v1/%2e/whoami", b"/api/v1/%2e%2e/v1/whoami",
    b"/api/v1/..%2fv1/whoami", b"/api/v1/whoami;x=1", b"/api/v1/whoami%3b", b"/api/v1/whoami%00", b"/api/v1\\whoami",
    b"/api/v1%5cwhoami", b"/api/v1/whoami%0a", b"/api/v1/whoami%20", b"/api/v1/whoami.json", b"/api/v1/%2577hoami",
    b"/api/v1/whoami%2f", b"/login/../api/v1/whoami", b"/login/%2e%2e/api/v1/whoami", b"/assets/..%2fapi/v1/whoami",
    b"/assets/../api/v1/whoami", b"/welcome/..;/api/v1/whoami", b"/.;/api/v1/whoami", b"/api/v1/whoami/..", b"/./login",
    b"/%6cogin/../account", b"/account/.", b"/account%2f", b"/account//sessions/end", b"/login/..//account",
])  # fmt: skip
def test_no_spelling_gets_around_the_gate(database: str, target: bytes) -> None:
    """For each spelling: either it is no route, or whoever has no right gets 401; never a view, never a 500."""
    answer = raw("GET", target)
    assert answer.status_code in {400, 401, 404}, answer.status_code
    assert b'"kind"' not in answer.content


@pytest.mark.parametrize("headers", [
    {"X-HTTP-Method-Override": "DELETE"}, {"X-Original-URL": "/login"}, {"X-Rewrite-URL": "/login"}, {"X-Forwarded-Host": "evil"},
    {"X-Forwarded-Proto": "https"}, {"X-Stationmaster-Scheme": "https"}, {"X-Forwarded-Prefix": "/x"}, {"Forwarded": "host=evil"},
])  # fmt: skip
def test_no_header_changes_what_is_asked(database: str, headers: dict[str, str]) -> None:
    """Neither method, path, host nor scheme is taken from a header that a client can send."""
    assert raw("GET", b"/api/v1/whoami", headers=headers).status_code == 401
    told = raw("GET", b"/api/v1/whoami", headers={**headers, **bearer(role="viewer")})
    assert json.loads(told.content)["method"] == "GET"
    assert "strict-transport-security" not in told.headers


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "G ET"])
def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    """405 for what no route has a use for."""
    if method == "get":
        return
    assert browser.client.generic(method, "/api/v1/whoami", headers=bearer(role="admin")).status_code == 405


@pytest.mark.parametrize("address", ["/login", "/account", "/api/v1/whoami", "/nothing", "/api/v1/nothing", "/api/v1/breaks"])
def test_every_answer_has_the_headers(browser: Browser, address: str) -> None:
    """Pages, errors and JSON alike: strict CSP, no sniffing, no frames, nothing kept, and the request's id."""
    answer = browser.get(address, **bearer(role="admin"))
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "no-store" in answer["Cache-Control"]
    assert re.fullmatch(r"req_[0-9a-z]{26}", answer["X-Stationmaster-Request-Id"])


def test_errors_have_one_shape_for_programs_and_a_page_for_people(browser: Browser) -> None:
    """Under api/ JSON, also for what is not there; elsewhere a page."""
    headers = bearer(role="admin")
    for address, code, status in [
        ("/api/v1/refuses", "error.thing.not_found", 404), ("/api/v1/nothing", "error.request.not_found", 404),
        ("/api/v1/breaks", "error.internal", 500),
    ]:  # fmt: skip
        answer = browser.get(address, **headers)
        told = answer.json()["error"]
        assert (answer.status_code, told["code"]) == (status, code)
        assert told["request_id"] == answer["X-Stationmaster-Request-Id"]
        assert set(told) == {"code", "message", "hint", "request_id", "retryable", "fields"}
    page = browser.get("/nothing")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")


def test_what_broke_shows_nothing_of_itself(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours tells neither its text nor its values, in the answer or in the log; the log has the place and the
    request's id."""
    caplog.set_level("DEBUG")
    browser.sign_in(somebody().email, PASSWORD)
    for address in ("/api/v1/breaks", "/pages/breaks"):
        answer = browser.client.get(address, headers={"X-Secret": CANARY})
        assert answer.status_code == 500
        assert CANARY not in answer.content.decode()
        assert answer["X-Stationmaster-Request-Id"] in caplog.text
    assert CANARY not in caplog.text
    assert "test_gate" in caplog.text


def test_pages_load_nothing_from_elsewhere_and_run_nothing(browser: Browser) -> None:
    """No script and no style but in files of ours, nothing from another host, on any page that is shown."""
    browser.sign_in(somebody().email, PASSWORD)
    for address in ("/account", "/account/password", "/account/totp", "/login/again", "/logout", "/nothing"):
        text = browser.get(address).content.decode()
        ours = r"<script(?! src=\"/assets/[^\"]+\"[a-z ]*></script>)"
        assert not re.search(ours + r"|<style|\sstyle=|\son[a-z]+=|https?://|src=\"//", text), address
    styles = re.findall(r'href="(/assets/[^"]+\.css)"', text)
    assert styles
    for style in styles:
        sheet = Browser().get(style)
        assert (sheet.status_code, sheet["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in sheet["Cache-Control"]
        assert not re.search(r"url\((?!['\"]?data:)", sheet.content.decode())


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7*7 }}", "{% tr 'x' %}", '"><img src=x>', "{0.__class__}"])
def test_names_are_shown_as_they_are(browser: Browser, name: str) -> None:
    """A name is text: it is neither markup nor a template."""
    row = somebody()
    services.update_operator(ROOT, row.id, {"display_name": name})
    browser.sign_in(row.email, PASSWORD)
    text = browser.get("/account").content.decode()
    assert html.escape(name) in text
    assert name not in text.replace(html.escape(name), "")


def test_pages_speak_the_readers_language(browser: Browser) -> None:
    """The browser's language, else the person's choice; what allauth and Django say follows."""
    assert 'lang="zh-CN"' in Browser("zh-CN,zh;q=0.9").get("/login").content.decode()
    assert "登录" in Browser("zh").get("/login").content.decode()
    row = somebody()
    browser.sign_in(row.email, PASSWORD)
    browser.send("/account/language", {"language": "zh-CN"}, form="/account")
    assert "我的账户" in browser.get("/account").content.decode()
    assert browser.send("/account/language", {"language": "tlh"}, form="/account").status_code == 422
    wrong = Browser("zh-CN").sign_in(row.email, "not the password").content.decode()
    alert = wrong.split('role="alert"')[1].split("</p>")[0]
    assert re.search(r"[\u4e00-\u9fff]", alert)


def settings_of(**console: str) -> Settings:
    """Settings with some of the console's."""
    environ = {f"STATIONMASTER__CONSOLE__{name.upper()}": value for name, value in console.items()}
    return load(environ=environ)


def test_cookies_are_for_https_alone_but_on_loopback() -> None:
    """With TLS, with a public https address, and on any address that is not loopback, cookies are Secure and bound to the
    host; over http on loopback they cannot be."""
    for console in ({"public_url": "https://s.example.com"}, {"host": "10.1.2.3"}, {"host": "s.internal"}):
        told = django_settings(settings_of(**console))
        assert told["SESSION_COOKIE_SECURE"]
        assert told["CSRF_COOKIE_SECURE"]
        assert told["SESSION_COOKIE_NAME"].startswith("__Host-")
    plain = django_settings(Settings())
    assert not plain["SESSION_COOKIE_SECURE"]
    for told in (plain, django_settings(settings_of(host="10.1.2.3"))):
        assert told["SESSION_COOKIE_HTTPONLY"]
        assert told["SESSION_COOKIE_SAMESITE"] == "Lax"


def test_public_address_is_what_browsers_see(browser: Browser) -> None:
    """Behind a proxy that ends TLS, requests for the public name count as https: HSTS is sent, and forms of that origin
    are taken."""
    extra = django_settings(settings_of(public_url="https://s.example.com"))
    names = ("ALLOWED_HOSTS", "STATIONMASTER_PUBLIC_URL", "CSRF_TRUSTED_ORIGINS", "SECURE_PROXY_SSL_HEADER")
    with override_settings(**{name: extra[name] for name in names}):
        answer = raw("GET", b"/login", host="s.example.com")
        assert answer.status_code == 200
        assert "strict-transport-security" in answer.headers
        assert "strict-transport-security" not in raw("GET", b"/login", host="127.0.0.1").headers
        assert raw("GET", b"/login", host="t.example.com").status_code == 421
    assert console_url(settings_of(public_url="https://s.example.com/")) == "https://s.example.com"
    assert console_url(settings_of(host="0.0.0.0")) == "http://127.0.0.1:4001"
    assert console_url(settings_of(host="::1")) == "http://[::1]:4001"


def test_issuer_without_tls_is_refused() -> None:
    """Single sign-on over plain http would be anybody's word, but on this machine."""
    with pytest.raises(StationmasterError, match="without TLS"):
        django_settings(load(environ={"STATIONMASTER__OIDC__ISSUER": "http://idp.example.com"}))
    assert RING.active


def raw(method: str, target: bytes, host: str = "127.0.0.1:4001", headers: dict[str, str] | None = None) -> Any:
    """What Django answers to a target as a server hands it over: as it was sent, and decoded (ASGI's `raw_path`, `path`)."""
    given = {**(headers or {}), "Host": host}
    scope = {
        "type": "http", "method": method, "scheme": "http", "query_string": b"", "raw_path": target,
        "path": unquote_to_bytes(target).decode("utf-8", "replace"), "server": ("127.0.0.1", 4001),
        "client": ("127.0.0.1", 50_000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    handler = BaseHandler()
    handler.load_middleware()
    return handler.get_response(ASGIRequest(scope, io.BytesIO()))
