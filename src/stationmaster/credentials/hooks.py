"""Who wants to know when a credential's secret changes, or is refused. Owns the lists of listeners, and nothing of what they do.

Those of changes are called inside of the open change: what they write, and the jobs that they submit, stand or fall with it. One
that raises keeps the change from happening, so that no copy is forgotten.
"""

from collections.abc import Callable
from datetime import datetime

from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.store.changes import Change

Listener = Callable[[Change, Credential, CredentialSecret], None]

Refused = Callable[[str, datetime], object]

_promoted: list[Listener] = []
_revoked: list[Listener] = []
_refused: list[Refused] = []


def on_promoted(listener: Listener) -> None:
    """Have `listener` hear of every generation that becomes the live one."""
    if listener not in _promoted:
        _promoted.append(listener)


def on_revoked(listener: Listener) -> None:
    """Have `listener` hear of every generation that may not be used anywhere any more."""
    if listener not in _revoked:
        _revoked.append(listener)


def on_refused(listener: Refused) -> None:
    """Have `listener` hear, with a credential's id and a time, when a gateway found that the vendor refuses the secret that
    serves. The same may be told by every gateway; they wait for the answer meanwhile, so it takes note and does no more."""
    if listener not in _refused:
        _refused.append(listener)


def tell_promoted(edit: Change, row: Credential, generation: CredentialSecret) -> None:
    """Tell them."""
    for listener in _promoted:
        listener(edit, row, generation)


def tell_revoked(edit: Change, row: Credential, generation: CredentialSecret) -> None:
    """Tell them."""
    for listener in _revoked:
        listener(edit, row, generation)


def tell_refused(credential: str, at: datetime) -> None:
    """Tell them."""
    for listener in _refused:
        listener(credential, at)
