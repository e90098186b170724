"""An OpenID Connect issuer on this machine: discovery, authorisation, tokens, user info, keys."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

SECRET = "issuer-client-secret-canary"


class Issuer:
    """Vouches for whoever `person` is, once asked with the right code, secret and PKCE verifier."""

    def __init__(self) -> None:
        self.key: RSAPrivateKey = generate_private_key(public_exponent=65537, key_size=2048)
        self.person: dict[str, Any] = {"sub": "s1", "email": "admin@example.com", "email_verified": True}
        self.token: dict[str, Any] = {}      # what the identity token says otherwise
        self.asked: dict[str, str] = {}      # the last authorisation request
        self.url = ""
        self._codes: dict[str, str] = {}

    def authorise(self, location: str) -> str:
        """Do as the issuer's page does for a person who agrees; the address that it sends the browser to."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = secrets.token_urlsafe(8)
        self._codes[code] = self.asked["code_challenge"]
        return f"{urlsplit(self.asked['redirect_uri']).path}?code={code}&state={self.asked['state']}"

    def answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """What it says at one of its addresses."""
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorise", "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/me", "jwks_uri": f"{self.url}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }  # fmt: skip
        if path == "/me":
            return 200, self.person
        if path == "/token" and self._is_due(form):
            return 200, {"access_token": "access-canary", "token_type": "Bearer", "id_token": self._signed()}
        return 400, {"error": "invalid_grant"}

    def _is_due(self, form: dict[str, list[str]]) -> bool:
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return form["client_secret"] == [SECRET] and self._codes.pop(form["code"][0], None) == challenge

    def _signed(self) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": "us", "iat": now, "exp": now + 60, **self.person, **self.token}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "k"})


@contextmanager
def running() -> Iterator[Issuer]:
    """An issuer that answers on a port of its own."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*issuer.answer(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._say(*issuer.answer(self.path, parse_qs(body)))

        def _say(self, status: int, told: dict[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
