"""How a person gets a credential where a vendor's interface gives none. Owns: the steps, as data, with the exact values to
enter; and storing what they paste so that it is proved before it serves.

Sentences are i18n ids; values stand beside them, never in them. Of an identity token its claims are told, and nothing that could
be presented to anybody.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stationmaster.credentials import generations, kinds, life, places
from stationmaster.credentials.asking import rotate_credential, steps_of
from stationmaster.credentials.checking import check_owner, checked_secret, checked_slot
from stationmaster.credentials.models import MINTED, Credential
from stationmaster.credentials.sources import identity
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.credentials.tables import LIFE
from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only
from stationmaster.store.lookup import find, free_name
from stationmaster.vendors.registry import VENDORS, vendor
from stationmaster.workspaces.models import VendorProject, Workspace

LONGEST: Final = 3600      # seconds that an identity token may live where nobody set more, as the vendor's page has it
_FOR_GUIDE: Final = frozenset({"name", "workspace", "identity"})
_SLOT: Final = ("base_url", "organisation", "allow_insecure_http")
_FOR_PASTE: Final = frozenset({"secret", "vendor", *_SLOT, *LIFE})
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_FEDERATION_PAGE: Final = "https://platform.claude.com/docs/en/manage-claude/workload-identity-federation"
_CONSOLES: Final[Mapping[str, str]] = {
    "anthropic": "https://platform.claude.com/settings/keys",
    "openai": "https://platform.openai.com/settings/organization/projects",
    "gemini": "https://aistudio.google.com/apikey", "azure_openai": "https://portal.azure.com/",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing to do: a sentence, where, and what to enter there."""

    text: str
    link: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def guide(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """How credentials of a vendor are got by hand: `ways`, each with its `steps`. `name`: of the credential it is for;
    `workspace`: an attached one of that vendor; `identity`: where identity tokens come from (as in a source), whose claims are
    what the vendor is told to trust. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "credentials:create")
    known_only(given, _FOR_GUIDE)
    about, name = vendor(which), str(given.get("name") or "")
    place = find(Workspace, str(given["workspace"])) if given.get("workspace") else None
    claims = _claims(str(given["identity"])) if given.get("identity") else {}
    ways = [{"way": "paste", "steps": [_shown(each) for each in _pasting(which, name, place)]}]
    if which == "anthropic":
        ways.append({"way": "federation", "steps": [_shown(each) for each in _federating(name, place, claims)]})
    return {"vendor": which, "title": about.title, "ways": ways, "claims": claims, "problems": list(_problems(claims))}


def paste_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Store what somebody pasted, for a new credential or one that there is, and have it proved before any gateway gets it.
    `vendor` may be left out where the secret's shape tells. Returns the job. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "credentials:rotate")
    known_only(given, _FOR_PASTE)
    secret = writeonly.new(given).strip()
    if not secret:
        raise Invalid("error.secret.needed", "secret: needed", fields={"secret": "needed"})
    try:
        row = find(Credential, which)
    except NotFound:
        return _first(actor, which, secret, given)
    _same_vendor(row, given)
    rest = {"expires_at": given["expires_at"]} if given.get("expires_at") else {}
    return rotate_credential(actor, row.id, {"secret": secret, **rest})


def _first(actor: Actor, name: str, secret: str, given: Given) -> Mapping[str, Any]:
    """A slot of its own, out of service until what was pasted is proved."""
    require(actor, "credentials:create")
    named = str(given.get("vendor") or shape_of(secret).vendor)
    if not named:
        why = "its shape does not tell: say which"
        raise Invalid("error.credential.unknown_kind", f"vendor: {why}", fields={"vendor": why})
    checked_secret(secret, named)
    table = checked_slot({"name": name, "vendor": named, **{each: given[each] for each in _SLOT if given.get(each)}})
    check_owner(secret, table.vendor, table.base_url)
    with change(actor) as edit:
        free_name(Credential, table.id)
        row = Credential(name=table.id, vendor=table.vendor, base_url=table.base_url.rstrip("/"), generation=0,
                         organisation=table.organisation, allow_insecure_http=table.allow_insecure_http)  # fmt: skip
        life.fill(row, {key: value for key, value in given.items() if key in LIFE})
        places.minted_here(actor, row)
        until, row.expires_at = row.expires_at, None
        edit.create(row)
        generations.add(edit, row, secret, origin="pasted", state=MINTED, workspace=row.workspace, project=row.project,
                        expires_at=until)  # fmt: skip
        return jobs.submit(actor, kinds.ROTATE, args={"credential": row.id}, dedupe=f"{kinds.ROTATE}:{row.id}")


def _same_vendor(row: Credential, given: Given) -> None:
    if given.get("vendor") not in (None, "", row.vendor):
        raise Conflict("error.credential.other_vendor", f"{row.name} is a credential of {VENDORS[row.vendor].title}",
                       hint="choose another name")  # fmt: skip


def _pasting(which: str, name: str, place: Workspace | None) -> Iterator[Step]:
    """The steps of a key by hand: the first one leads to the console, the one that makes it says what to call it."""
    texts = steps_of(which)
    for number, text in enumerate(texts):
        values: dict[str, str] = {}
        if number == 0:
            values |= _place(place)
        elif number == len(texts) - 2 and name:
            values["name"] = _key_name(name)
        yield Step(text, _CONSOLES.get(which, "") if number == 0 else "", values)


def _federating(name: str, place: Workspace | None, claims: Mapping[str, str]) -> Iterator[Step]:
    """The vendor's console makes the first rule: its admin keys may not, and a token that may comes of a rule."""
    slug = _slug(name)
    yield Step("Make a service account in the vendor's console, and add it to the workspace that is to pay.", _FEDERATION_PAGE,
               {"name": slug, "workspace role": "workspace_developer", **_place(place)})  # fmt: skip
    issuer = {"name": slug, "issuer URL": claims.get("issuer", ""), "signing keys": "discovery"}
    yield Step("Add the issuer of our identity tokens, letter by letter; where the vendor cannot reach it, paste its keys.",
               values=issuer)  # fmt: skip
    rule = {
        "name": slug, "issuer": slug, "subject": claims.get("subject", ""), "audience": claims.get("audience", ""),
        "service account": slug, "scope": "workspace:inference", "token lifetime (seconds)": str(LONGEST),
    }  # fmt: skip
    yield Step("Make a rule that gives this service account's tokens to exactly this subject and audience.", "", rule)
    yield Step("Note the ids of organisation, service account and rule, and enter them here.", "",
               {"organization_id": place.organisation if place is not None else "", "service_account_id": "svac_…",
                "federation_rule_id": "fdrl_…"})  # fmt: skip
    yield Step("A token is asked for and tried at once. When the vendor refuses, only its console's history says why.")


def _shown(step: Step) -> Mapping[str, Any]:
    return {"text": step.text, "link": step.link, "values": dict(step.values)}


def _place(place: Workspace | None) -> dict[str, str]:
    if place is None:
        return {}
    rows = VendorProject.objects.filter(workspace=place, archived=False, missed=0).order_by("name")
    names = ", ".join(rows.values_list("name", flat=True)[:20])
    found = {"organisation": place.organisation_name or place.organisation, "workspaces": names}
    return {name: value for name, value in found.items() if value}


def _key_name(name: str) -> str:
    """What to call the key at the vendor: a name that no other installation gives, and that ours are told apart by."""
    try:
        row: Credential = find(Credential, name)
    except NotFound:
        return f"stationmaster {name} 1"
    top = max((each.number for each in generations.of(row)), default=row.generation)
    return f"stationmaster {row.name} {top + 1}"


def _slug(name: str) -> str:
    """Small letters, digits and hyphens, as the vendor wants names of service accounts, issuers and rules."""
    return "-".join(filter(None, ("stationmaster", _NO_SLUG.sub("-", name.lower()).strip("-"))))


def _claims(named: str) -> dict[str, str]:
    """What an identity token says in public: of whom, for whom, how long. Raises `Invalid`, `NotFound`, `Transient`."""
    identity.check(named)
    token = identity.giver(named, _issued)()
    try:
        head, body = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2])
        lives = int(body.get("exp") or 0) - int(body.get("iat") or 0)
        algorithm, key = head.get("alg"), head.get("kid")
        seconds = str(lives) if lives > 0 else ""
    except (binascii.Error, ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        why = "the identity token cannot be read"
        raise Invalid("error.source.bad_identity", f"identity: {why}", fields={"identity": why}) from None
    audience = body.get("aud") or ""
    audiences = audience if isinstance(audience, list) else [audience]
    told = {"issuer": body.get("iss"), "subject": body.get("sub"), "audience": audiences[0] if audiences else "",
            "seconds": seconds, "algorithm": algorithm, "key": key}  # fmt: skip
    return {name: str(value or "")[:512] for name, value in told.items()}


def _issued(source: str) -> str:
    """What a source of identity tokens was issued last."""
    row = TokenSource.objects.select_related("credential").filter(id=source).first()
    secret: str = row.credential.secret.reveal("probe") if row is not None and row.credential.secret else ""
    if not secret:
        raise Conflict("error.source.nothing_yet", "this source has issued no identity token yet", hint="wait, or refresh it")
    return secret


def _problems(claims: Mapping[str, str]) -> Iterator[str]:
    """What the vendor would refuse a token for (its reference of workload identity federation)."""
    if not claims:
        return
    if not all(claims[name] for name in ("issuer", "subject", "seconds")):
        yield "The identity token lacks one of iss, sub, iat and exp, which the vendor wants."
    if not claims["key"] or claims["algorithm"][:2] not in ("RS", "PS", "ES", "Ed"):
        yield "The identity token is not signed with a key pair that is named (kid), which the vendor wants."
    if claims["seconds"] and int(claims["seconds"]) > LONGEST:
        yield "The identity token lives longer than an hour: allow that where the issuer is added."
