"""What every issuer is: opened with an `Access`, asked once, answering with an `Issued`. Owns these shapes alone."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


@dataclass(frozen=True)
class Access:
    """What an issuer needs. `options`: the kind's public parts, an object of its shape. `secret`: its sealed part; empty: it has
    none. `rotating`: a refresh token that may be replaced each time. `identity`: gives the identity token that is exchanged for
    another. `allowed`: private addresses that may be reached; `ambient`: this machine's own identity may be used. `timeout`:
    seconds of one call."""

    kind: str
    options: Any
    secret: str = field(default="", repr=False)
    rotating: str = field(default="", repr=False)
    identity: Callable[[], str] = field(default=str, repr=False)
    allowed: frozenset[str] = frozenset()
    ambient: bool = False
    timeout: float = 15.0


@dataclass(frozen=True)
class Issued:
    """A secret that ends. `expires_in`: seconds from when it was asked for; where an issuer only tells a moment, `expires_at`
    (aware). Neither: it does not say. `rotating`: the refresh token to use next; empty: the same as before."""

    secret: str = field(repr=False)
    expires_in: float | None = None
    expires_at: datetime | None = None
    rotating: str = field(default="", repr=False)

    def end(self, asked_at: datetime, otherwise: timedelta) -> datetime:
        """When it ends, by the clock that `asked_at` is of: what the issuer says from then on, else the moment that it names,
        else `otherwise` after it was asked for."""
        if self.expires_in is not None:
            return asked_at + timedelta(seconds=self.expires_in)
        return self.expires_at or asked_at + otherwise


class Issuer(Protocol):
    """One source, opened for one call."""

    def issue(self) -> Issued:
        """Another secret, asked for once. Raises `RemoteError`; `Transient.maybe_done` when it may have been issued although no
        good answer came."""


Answer = Mapping[str, Any]


def from_answer(body: Answer) -> Issued:
    """A token endpoint's answer (RFC 6749 §5.1). Raises `KeyError`, `TypeError`, `ValueError` for another shape."""
    token, lasts = body["access_token"], body.get("expires_in")
    if not isinstance(token, str) or not token:
        raise ValueError("the answer has no access token")
    rotating = body.get("refresh_token")
    return Issued(token, None if lasts is None else _number(lasts), rotating=rotating if isinstance(rotating, str) else "")


def _number(told: Any) -> float:
    """What may be none that anybody believes: that is for others to judge, since a refresh token may have come with it."""
    try:
        return float(told)
    except OverflowError:
        return math.inf
