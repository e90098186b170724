"""Names that routing objects use. Owns: which credentials and pools there are, for the rules of the file format."""

from collections.abc import Iterable

from stationmaster.credentials.models import Credential
from stationmaster.gateway.config.problems import Place
from stationmaster.routing.models import Pool


def credentials(wanted: Iterable[str]) -> dict[str, Place]:
    """Of ten thousand credentials those that are wanted; all of them only when one is not there, for a good hint."""
    names = set(wanted)
    found = set(Credential.objects.filter(name__in=names).values_list("name", flat=True))
    return dict.fromkeys(found if found == names else Credential.objects.values_list("name", flat=True), ())


def pools() -> dict[str, Place]:
    """Every pool's name."""
    return dict.fromkeys(Pool.objects.values_list("name", flat=True), ())
