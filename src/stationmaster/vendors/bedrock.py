"""AWS Bedrock: whether a credential works. People and roles are the directory's.

Two kinds of secret: a Bedrock API key (https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html), or the keys of an
AWS identity as JSON (`access_key_id`, `secret_access_key`, `session_token` for temporary ones), with which botocore signs.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from stationmaster.errors import Invalid
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._line import Answer, Authorise, Call, Line, bearer, fit
from stationmaster.vendors._line.meaning import Meaning, Said, read_usual
from stationmaster.vendors._line.probe import judge, verdict

PATH = "/foundation-models"    # ListFoundationModels
WHO = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ACCOUNT = re.compile(rb"<Account>(\d{12})</Account>")
_SHAPE = 'a Bedrock API key, or {"access_key_id": …, "secret_access_key": …}'

Sign = Callable[[Call], Mapping[str, str]]


class Adapter:
    """One credential in one region: that which `access.base_url` names, else `access.organisation`. Raises `Invalid` for a
    secret of another kind, and without a region where one is needed: for AWS' own addresses, and to sign."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        keys = _keys(access.secret)
        region, hidden = _region(access, needed=bool(keys) or not access.base_url), tuple(keys.values())
        self._signs = bool(keys)
        base, elsewhere = (access.base_url or f"https://{name}.{region}.amazonaws.com" for name in ("bedrock", "sts"))
        listing = _signer(keys, "bedrock", region) if keys else bearer(access.secret)
        asking: Authorise = _signer(keys, "sts", region) if keys else {}
        meaning = Meaning(read=_read)
        self._line = Line(access, base_url=base, authorise=listing, meaning=meaning, secrets=hidden, sleep=sleep)
        self._who = Line(
            replace(access, base_url=elsewhere), base_url=elsewhere, authorise=asking, secrets=hidden, sleep=sleep
        )

    def probe(self) -> Probe:
        """Lists foundation models, which costs nothing. Whose the keys are is asked for as well: every identity may. Raises
        `Transient` when nobody answered."""
        answer = self._line.look("GET", PATH)
        found = self._refused(answer) if 400 <= answer.status < 500 else judge(self._line, PATH, answer)
        return replace(found, organisation=self._account()) if self._signs and found.code not in _UNKNOWN else found

    def _refused(self, answer: Answer) -> Probe:
        """AWS names the kind of error in a header."""
        complaint = self._line.complaint(Call("GET", PATH), answer)
        named = self._line.say(answer.headers.get("x-amzn-errortype", "").partition(":")[0])
        codes = (named, *complaint.said.codes) if named else complaint.said.codes
        return verdict(replace(complaint, said=replace(complaint.said, codes=codes)))

    def _account(self) -> str:
        """Empty when it is not told: an API key cannot ask."""
        answer = self._who.look("GET", "/", params=WHO)
        named = _ACCOUNT.search(answer.body) if answer.status == 200 else None
        return named[1].decode() if named else ""


_UNKNOWN = frozenset({
    "UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId", "ExpiredTokenException",
})  # fmt: skip


def _region(access: Access, *, needed: bool) -> str:
    named = _REGION.search(access.base_url) or _REGION.fullmatch(access.organisation)
    if named is None and not needed:
        return ""
    if named is None:
        odd = "the region is needed here, such as us-east-1"
        raise Invalid("error.vendor.bad_organisation", odd, fields={"organisation": odd})
    return named[0]


def _keys(secret: str) -> dict[str, str]:
    """The keys of an identity; none: it is an API key. Raises `Invalid`."""
    if not secret.lstrip().startswith("{"):
        fit(secret)
        return {}
    try:
        found = json.loads(secret)
    except ValueError:
        found = {}
    kept = {name: found.get(name) for name in ("access_key_id", "secret_access_key", "session_token") if found.get(name)}
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
