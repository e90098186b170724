"""The page. Owns: who may read it, and in which of Prometheus' formats it is answered."""

from collections.abc import Iterable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder

from stationmaster.entrances.api.caller import calling
from stationmaster.entrances.metrics.process import REGISTRY
from stationmaster.entrances.metrics.standing import Standing
from stationmaster.operators.access import require

_STANDING: Final = Standing()


class _Everything:
    """What this process answered, and how the whole stands."""

    def collect(self) -> Iterable[Metric]:
        """Their families."""
        yield from _STANDING.collect()
        yield from REGISTRY.collect()


def _written(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """In the format that is asked for, and what it is called. A version that is no number is nobody's: then it is plain text."""
    try:
        encode, kind = choose_encoder(accept)
        return encode(registry), kind
    except (ValueError, TypeError):
        encode, kind = choose_encoder("")
        return encode(registry), kind


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, as text or as OpenMetrics, whichever is asked for. Raises `StationmasterError` 401, 403, 429."""
    require(calling(request), "metrics:read")
    registry = CollectorRegistry()
    registry.register(_Everything())
    text, kind = _written(registry, request.headers.get("accept", ""))
    return HttpResponse(text, content_type=kind)
