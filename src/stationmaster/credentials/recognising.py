"""What somebody is about to paste. Owns: what is told of a secret before it is stored, and nothing of the secret itself."""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.credentials.asking import steps_of
from stationmaster.credentials.checking import check_owner, checked_secret
from stationmaster.errors import Invalid
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.operators.access import require
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.given import Given, known_only

ANY: Final = "any"      # in place of a vendor


def recognise(actor: Actor, vendor: str, given: Given) -> Mapping[str, Any]:
    """Tell of a `secret` (and the vendor it is meant for, or "any") which kind it looks like, who issues it, whether it is
    for API use, and how one is made by hand there. Nothing is stored or sent. Raises `Forbidden`, `Invalid`."""
    require(actor, "credentials:create")
    known_only(given, frozenset({"secret"}))
    secret, vendor = writeonly.new(given).strip(), "" if vendor == ANY else vendor
    shape = shape_of(secret)
    told = {"kind": shape.kind, "title": shape.title, "vendor": shape.vendor or vendor, "usable": True, "code": "", "words": "",
            "steps": list(steps_of(shape.vendor or vendor))}  # fmt: skip
    try:
        checked_secret(secret, vendor or shape.vendor)
        check_owner(secret, vendor or shape.vendor, "")
    except Invalid as error:
        told |= {"usable": False, "code": error.code, "words": error.fields.get("secret", error.message)}
    return told
