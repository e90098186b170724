"""How a secret is shown. Owns: what of a URL stays readable."""

from urllib.parse import parse_qsl, urlencode, urlsplit

MASK = "********"
_TOLD = {"sslmode", "connect_timeout", "application_name", "target_session_attrs", "channel_binding", "host", "port"}


def masked(secret: str) -> str:
    """Nothing for no secret, a URL without its password and unknown parameters, stars for anything else."""
    if not secret:
        return ""
    try:
        parts = urlsplit(secret)
        if not secret.lower().startswith(f"{parts.scheme}://") or not parts.scheme:
            return MASK
        user, at, place = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        query = [(key, value if key in _TOLD else MASK) for key, value in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return MASK
    behind = f"?{urlencode(query, safe='*/:')}" if query else ""
    return f"{parts.scheme}://{name}{colon and ':' + MASK}{at}{place}{parts.path}{behind}"


def has_password(url: str) -> bool:
    """Whether showing `url` would show a secret. What is no URL is refused elsewhere, for being none."""
    return "://" in url and (MASK in masked(url) or "#" in url)
