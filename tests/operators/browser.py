"""A browser without JavaScript: cookies, forms, redirects; CSRF is checked as for real ones."""

import html
import re
from typing import Any

from django.test import Client

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    """One browser with its cookies. Paths are of this host; answers are Django's."""

    def __init__(self, language: str = "en") -> None:
        self.client = Client(
            enforce_csrf_checks=True, raise_request_exception=False, HTTP_HOST="127.0.0.1:4001",
            HTTP_ACCEPT_LANGUAGE=language, HTTP_USER_AGENT="Tester/1.0",
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> Any:
        """Open a page."""
        return self.client.get(path, headers=headers or None)

    def send(self, path: str, fields: dict[str, Any] | None = None, form: str = "") -> Any:
        """Open the page `form` (else `path` itself), fill its form in, send it to `path`."""
        page = self.client.get(form or path)
        found = _TOKEN.search(page.content.decode())
        token = html.unescape(found[1]) if found else ""
        return self.client.post(path, {"csrfmiddlewaretoken": token, **(fields or {})})

    def sign_in(self, email: str, password: str) -> Any:
        """Fill the log-in form in."""
        return self.send("/login", {"login": email, "password": password})

    def signed_in(self) -> bool:
        """Tell whether a page for people who are signed in is shown."""
        return bool(self.get("/account").status_code == 200)
