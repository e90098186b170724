"""What requests and sums do not say themselves, and follows: the vendor and workspace of a credential, and whether a request
failed. Owns: filters over these, and putting sums of credentials together under them.

A request names its credential by the name that it had. One that is not here any more, or of a gateway with a file of its own,
is of no vendor and no workspace that we know: both are empty.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Q, QuerySet

from stationmaster.credentials.models import Credential
from stationmaster.store.filters import Column, Filter, bad_filter, condition
from stationmaster.usage.rollups import LEFT, MEASURES

DERIVED: Final = ("vendor", "workspace")
FAILED: Final = "failed"
_ON: Final = "credential"  # what they are derived from
_OPS: Final = ("eq", "ne", "in")
_FAILED: Final = Q(error__gt="") | (Q(status__gte=400) & ~Q(status=LEFT))


def apart(filters: Sequence[Filter], *, events: bool = False) -> tuple[tuple[Filter, ...], Q]:
    """Filters that a list knows, and the condition that the others come to. `events`: single requests, which are known to have
    failed. Raises `Invalid`."""
    known, found = [], Q()
    for each in filters:
        if each.field in DERIVED:
            found &= _of_credential(each)
        elif events and each.field == FAILED:
            found &= _of_failure(each)
        else:
            known.append(each)
    return tuple(known), found


def folded(parts: Sequence[Mapping[str, Any]], by: str) -> list[Mapping[str, Any]]:
    """Sums of credentials as sums of `by`, one of `DERIVED`; those of one step stay together. In the order in which they come."""
    belongs = dict(Credential.objects.values_list("name", by))
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in parts:
        value = belongs.get(part[_ON], "")
        start = {"start": part["start"]} if "start" in part else {}
        held = sums.setdefault((part.get("start"), value), {**start, by: value, **dict.fromkeys(MEASURES, 0)})
        held.update({name: held[name] + part[name] for name in MEASURES})
    return list(sums.values())


def _of_credential(wanted: Filter) -> Q:
    """The condition over credentials' names. What has no credential here has the empty value."""
    if wanted.op not in _OPS:
        raise bad_filter(wanted.field, f"cannot be compared by {wanted.op[:20]!r}; these can: {', '.join(_OPS)}")
    rows: QuerySet[Any] = Credential.objects.filter(condition(Column(wanted.field), wanted))
    found = Q(credential__in=rows.values("name"))
    return found | ~Q(credential__in=Credential.objects.values("name")) if _takes_none(wanted) else found


def _takes_none(wanted: Filter) -> bool:
    """Whether the empty value is one of those that are asked for."""
    values = wanted.value if isinstance(wanted.value, list | tuple) else str(wanted.value).split(",")
    among = "" in values if wanted.op == "in" else wanted.value == ""
    return among is (wanted.op != "ne")


def _of_failure(wanted: Filter) -> Q:
    if wanted.op != "eq" or wanted.value not in ("true", "false"):
        raise bad_filter(FAILED, "is compared with true or false")
    return _FAILED if wanted.value == "true" else ~_FAILED
