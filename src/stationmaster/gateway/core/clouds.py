"""Which part of a cloud a credential belongs to: an AWS identity and its region, a Google Cloud project and location. Owns how
they are written in secrets and base URLs. May not know sockets, nor what is asked for there.

Bedrock: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html,
https://docs.aws.amazon.com/general/latest/gr/bedrock.html.
Vertex: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations.
"""

import re
from urllib.parse import urlsplit

import msgspec

from stationmaster.gateway.core.sigv4 import Identity

SERVICE = "bedrock"        # what Bedrock's signatures name, of all its hosts

REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_AWS_HOST = re.compile(rf"(?:.*\.)?({REGION.pattern})\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)")
_PLACE = re.compile(
    r"(?P<base>(?:/[^/]+)*?)(?:/v1(?:beta1)?)?(?P<place>/projects/[a-z0-9][a-z0-9:.-]{0,99}/locations/[a-z0-9-]{1,63})"
)
_TOKEN = re.compile(r"[\x21-\x7e]+")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


class _Keys(msgspec.Struct):
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    region: str = ""


def is_json(secret: str) -> bool:
    """Whether a secret is a JSON document rather than one word."""
    return secret.lstrip().startswith("{")


def identity_of(secret: str) -> tuple[Identity, str] | None:
    """The AWS identity that a secret is, and the region that it names (or empty); None: it is a Bedrock API key. Raises
    ValueError, without a word of the secret, for JSON of another shape."""
    if not is_json(secret):
        return None
    try:
        keys = msgspec.json.decode(secret, type=_Keys)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError('not {"access_key_id": …, "secret_access_key": …}, nor a Bedrock API key') from None
    identity = Identity(keys.access_key_id, keys.secret_access_key, keys.session_token)
    if not all(_TOKEN.fullmatch(text) for text in (identity.access_key_id, identity.secret_access_key)) or (
        identity.session_token and not _TOKEN.fullmatch(identity.session_token)
    ):
        raise ValueError("an AWS identity's keys are words of printable ASCII")
    if keys.region and not REGION.fullmatch(keys.region):
        raise ValueError("the secret's region is none, such as eu-central-1")
    return identity, keys.region


def region_of(base_url: str, told: str) -> str:
    """The region that requests to `base_url` are signed for: the one that AWS' host names, else `told`. May be empty."""
    host = _AWS_HOST.fullmatch(urlsplit(base_url).hostname or "")
    return host[1] if host else told


def place_of(base_url: str) -> tuple[str, str] | None:
    """The path before `/v1`, and `/projects/…/locations/…`, of a Vertex base URL; None: it names no such place."""
    found = _PLACE.fullmatch(urlsplit(base_url).path.rstrip("/"))
    return (found["base"], found["place"]) if found else None


def is_entra_token(secret: str) -> bool:
    """Whether an Azure credential is a token of the directory, which is a JWT; keys of resources never are."""
    return _JWT.fullmatch(secret) is not None


def fault_in(vendor: str, secret: str, base_url: str) -> tuple[str, str, str] | None:
    """What keeps a cloud's credential from being used: which part of it (`secret`, `base_url`), why, and what to do; None:
    nothing, or it is no cloud's. Names no value. An empty secret has no fault here."""
    if vendor == "vertex":
        return _fault_in_vertex(secret, base_url)
    if vendor != "bedrock":
        return ("secret", "a JSON document, where a key is one word", "") if is_json(secret) else None
    try:
        found = identity_of(secret)
    except ValueError as error:
        return "secret", str(error), "temporary credentials have a session_token as well"
    if found is not None and not region_of(base_url, found[1]):
        return "secret", "no region is known to sign for", 'add "region" to the secret, or take an address of AWS that names it'
    return None


def may_be_sent(vendor: str, secret: str, base_url: str) -> bool:
    """Whether a gateway can use this secret as it is. An AWS identity may be JSON in several lines: nothing but its parts is
    sent."""
    of_identity = vendor == "bedrock" and is_json(secret)
    return (of_identity or _TOKEN.fullmatch(secret) is not None) and fault_in(vendor, secret, base_url) is None


def _fault_in_vertex(secret: str, base_url: str) -> tuple[str, str, str] | None:
    if is_json(secret):
        return (
            "secret", "a JSON document, where an access token is needed: a service account's keys are never sent to a gateway",
            "let the control plane hold the service account: it makes tokens of it",
        )
    if base_url and place_of(base_url) is None:
        hint = "write it like https://europe-west1-aiplatform.googleapis.com/v1/projects/PROJECT/locations/europe-west1"
        return "base_url", "names no project and location", hint
    return None
