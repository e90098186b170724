"""What else is done with operators: inviting one, and forgetting one who is gone."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.entrances import live
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import shown
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor

router = Router()

_INVITATION = {"link": "https://stationmaster.example.com/welcome/…", "expires_at": "2026-11-23T09:30:00.123456+00:00"}
_NOTHING = schemas.content({"type": "object", "additionalProperties": False, "properties": {}}, {})


@router.post("/operators/{which}/invite", **operation(
    "invite_operators", "Invite an operator", "operators", "A link by which exactly this operator chooses a password, once, "
    "within 24 hours; those made for them before are void. The answer's `link` is shown this once.",
    parameters=parameters("idempotency"), body=_NOTHING, status=201,
    success=schemas.content(schemas.of_example(_INVITATION), _INVITATION),
))  # fmt: skip
def invite_operators(request: HttpRequest, which: str) -> HttpResponse:
    """A link for one operator."""
    actor = _asked(request)

    def work() -> Reply:
        made = operators.invite(actor, which)
        address = f"{operators.console_url(live.settings())}/welcome/{made.secret.text}"
        return Reply(201, {"link": address, "expires_at": made.expires_at})

    return write(request, actor, work)


@router.post("/operators/{which}/erase", **operation(
    "erase_operators", "Forget somebody who is gone", "operators", "Takes name and e-mail address of an operator who was "
    "deleted out of the audit trail, by id or address; the events stay, with the id.", parameters=parameters("idempotency"),
    body=_NOTHING, status=204,
))  # fmt: skip
def erase_operators(request: HttpRequest, which: str) -> HttpResponse:
    """Name and address of one who was deleted."""
    actor = _asked(request)

    def work() -> Reply:
        operators.erase_operator(actor, which)
        return Reply(204)

    return write(request, actor, work)


def _asked(request: HttpRequest) -> Actor:
    """Who asks, with nothing but the address. Raises `Invalid` for a field."""
    asking.known_only(request, ())
    for name in asking.body(request, optional=True):
        said, why = shown(name[:80]), "unknown field; there are none"
        raise Invalid("error.api.bad_value", f"{said}: {why}", fields={said: why})
    return actor_of(request)
