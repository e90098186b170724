"""Who calls. Owns: taking the actor that the web's door found, and slowing down who calls too often."""

import math

from django.http import HttpRequest
from ninja.security import HttpBearer

from stationmaster.entrances.api.rates import Rates
from stationmaster.errors import StationmasterError
from stationmaster.operators.tokens import unauthenticated
from stationmaster.store.actor import Actor

rates = Rates()


class TooMany(StationmasterError):
    """Too many calls; `seconds` until the next one may come."""

    STATUS = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        super().__init__("error.api.too_many", f"too many calls: wait {self.seconds} s", retryable=True)


class Caller(HttpBearer):
    """For ninja: who may call at all. A browser's session counts as well as a token."""

    def __call__(self, request: HttpRequest) -> Actor:
        """The actor. Raises `StationmasterError` 401, 429."""
        return calling(request)

    def authenticate(self, request: HttpRequest, token: str) -> None:
        """Not asked: the door has looked at the token."""


def actor_of(request: HttpRequest) -> Actor:
    """Who calls. Raises `StationmasterError` 401."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None or not actor.role:
        raise unauthenticated()
    return actor


def calling(request: HttpRequest) -> Actor:
    """Who calls, unless that is too often. Raises `StationmasterError` 401, 429."""
    actor = actor_of(request)
    if seconds := rates.wait(actor.id):
        raise TooMany(seconds)
    return actor
