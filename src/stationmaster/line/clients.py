"""The line as the HTTP clients that SDKs ask for. Owns: a request and an answer between their classes and ours, nothing else."""

import httpx
import httpx2

from stationmaster.line.line import Line, hush
from stationmaster.line.wire import Answer


class _Transport2(httpx2.BaseTransport):
    def __init__(self, line: Line) -> None:
        self._line = line

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._line.send(self._line.foreign(request.method, str(request.url), request.headers.items(), request.read()))
        return httpx2.Response(answer.status, headers=_json(answer), content=answer.body, request=request)


class _Transport1(httpx.BaseTransport):
    def __init__(self, line: Line) -> None:
        self._line = line

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._line.send(self._line.foreign(request.method, str(request.url), request.headers.items(), request.read()))
        return httpx.Response(answer.status, headers=_json(answer), content=answer.body, request=request)


def client2(line: Line) -> httpx2.Client:
    """An httpx2 client whose every request goes over `line`; for SDKs that are built on it (openai, anthropic)."""
    hush()      # again: an SDK that was loaded since may have been told to talk
    return httpx2.Client(transport=_Transport2(line), trust_env=False, follow_redirects=False)


def transport1(line: Line) -> httpx.BaseTransport:
    """An httpx transport whose every request goes over `line`; for SDKs that are built on it (githubkit)."""
    hush()
    return _Transport1(line)


def _json(answer: Answer) -> dict[str, str]:
    """The headers, saying JSON of a body that is: the line has read it, and an SDK would take it for text otherwise."""
    return dict(answer.headers) | ({"content-type": "application/json"} if answer.body else {})
