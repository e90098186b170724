"""AWS Bedrock: whether a credential works. People and roles are the directory's.

Two kinds of secret: a Bedrock API key (https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html), or the keys of an
AWS identity as JSON (`access_key_id`, `secret_access_key`, `session_token` for temporary ones, `region` where the address names
none), with which botocore signs. A credential's address is where models are called (`bedrock-runtime`); AWS lists models and
tells identities under names of its own (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stationmaster.errors import Invalid
from stationmaster.gateway.core.clouds import REGION, region_of
from stationmaster.line.line import Answer, Call, Line, bearer, fit
from stationmaster.line.meaning import Meaning, Said, read_usual
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._probe import judge, verdict

MODELS = "/foundation-models"      # ListFoundationModels, at AWS itself
CALLS = "/async-invoke"            # ListAsyncInvokes: the one list of the address where models are called
WHO = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}

_RUNTIME = re.compile(
    rf"(?P<scheme>https?://)bedrock-runtime(?P<fips>-fips)?\.(?P<region>{REGION.pattern})\.(?P<rest>amazonaws\.com(?:\.cn)?|api\.aws)"
    r"(?P<port>:\d+)?/?"
)
_ACCOUNT = re.compile(rb"<Account>(\d{12})</Account>")
_PARTS = ("access_key_id", "secret_access_key", "session_token", "region")
_SHAPE = 'a Bedrock API key, or {"access_key_id": …, "secret_access_key": …}'

Sign = Callable[[Call], Mapping[str, str]]


@dataclass(frozen=True)
class _Asked:
    """Where a list is, how long it is at most, and where an identity is told; an empty `who`: nowhere that we know of."""

    base: str
    path: str
    most: Mapping[str, str]
    who: str


class Adapter:
    """One credential in one region: that which `access.base_url` names, else its secret, else `access.organisation`. Raises
    `Invalid` for a secret of another kind, and without a region where one is needed: for AWS' own addresses, and to sign."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        keys = _keys(access.secret)
        region = _region(access, keys.get("region", ""), needed=bool(keys) or not access.base_url)
        self._asked = asked = _asked(access.base_url, region)
        hidden = tuple(keys[name] for name in _PARTS[:3] if name in keys)
        self._line = Line(
            replace(access, base_url=asked.base), base_url=asked.base, meaning=Meaning(read=_read), secrets=hidden, sleep=sleep,
            authorise=_signer(keys, "bedrock", region) if keys else bearer(access.secret),
        )  # fmt: skip
        self._who = Line(
            replace(access, base_url=asked.who), base_url=asked.who, authorise=_signer(keys, "sts", region), secrets=hidden,
            sleep=sleep,
        ) if keys and asked.who else None  # fmt: skip

    def probe(self) -> Probe:
        """Asks for a list, which costs nothing. Whose the keys are is asked for as well, where AWS itself answers: every identity
        may. Raises `Transient` when nobody answered."""
        asked = self._asked
        answer = self._line.look("GET", asked.path, params=asked.most)
        found = self._refused(answer) if 400 <= answer.status < 500 else judge(self._line, asked.path, answer)
        return replace(found, organisation=self._account()) if found.code not in _UNKNOWN else found

    def _refused(self, answer: Answer) -> Probe:
        """AWS names the kind of error in a header."""
        complaint = self._line.complaint(Call("GET", self._asked.path), answer)
        named = self._line.say(answer.headers.get("x-amzn-errortype", "").partition(":")[0])
        codes = (named, *complaint.said.codes) if named else complaint.said.codes
        return verdict(replace(complaint, said=replace(complaint.said, codes=codes)))

    def _account(self) -> str:
        """Empty when it is not told: an API key cannot ask."""
        if self._who is None:
            return ""
        answer = self._who.look("GET", "/", params=WHO)
        named = _ACCOUNT.search(answer.body) if answer.status == 200 else None
        return named[1].decode() if named else ""


_UNKNOWN = frozenset({
    "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "ExpiredTokenException",
})  # fmt: skip


def _asked(base_url: str, region: str) -> _Asked:
    """AWS' own names beside the one where models are called; an address of somebody else's (a private endpoint, a proxy) is asked
    for what it offers itself, as gateways ask it."""
    own = _RUNTIME.fullmatch(base_url or f"https://bedrock-runtime.{region}.amazonaws.com")
    if own is None:
        return _Asked(base_url, CALLS, {"maxResults": "1"}, "")
    scheme, port, fips, domain = own["scheme"], own["port"] or "", own["fips"] or "", own["rest"]
    sts = "amazonaws.com.cn" if domain.endswith(".cn") else "amazonaws.com"
    return _Asked(f"{scheme}bedrock{fips}.{own['region']}.{domain}{port}", MODELS, {},
                  f"{scheme}sts.{own['region']}.{sts}{port}")  # fmt: skip


def _region(access: Access, told: str, *, needed: bool) -> str:
    found = region_of(access.base_url, told or access.organisation)
    if REGION.fullmatch(found):
        return found
    if not needed:
        return ""
    odd = "the region is needed here, such as us-east-1"
    raise Invalid("error.vendor.bad_organisation", odd, fields={"organisation": odd})


def _keys(secret: str) -> dict[str, str]:
    """The keys of an identity; none: it is an API key. Raises `Invalid`."""
    if not secret.lstrip().startswith("{"):
        fit(secret)
        return {}
    try:
        found = json.loads(secret)
    except ValueError:
        found = {}
    kept = {name: found.get(name) for name in _PARTS if found.get(name)}
    if "access_key_id" not in kept or "secret_access_key" not in kept:
        raise Invalid("error.vendor.bad_secret", f"the credential is not {_SHAPE}", fields={"secret": f"not {_SHAPE}"})
    return {name: fit(str(value)) for name, value in kept.items()}


def _signer(keys: Mapping[str, str], service: str, region: str) -> Sign:
    """What adds Signature Version 4 to a call (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html)."""

    def signed(call: Call) -> Mapping[str, str]:
        from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
        from botocore.credentials import Credentials  # type: ignore[import-untyped]

        request = AWSRequest(method=call.method, url=call.url, data=call.body)
        identity = Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("session_token"))
        SigV4Auth(identity, service, region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    return signed


def _read(body: object) -> Said:
    """AWS says `message` or `Message`."""
    if isinstance(body, Mapping) and "Message" in body and "message" not in body:
        body = {**body, "message": body["Message"]}
    return read_usual(body)
