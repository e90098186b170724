"""The outlet as the HTTP client that libraries over httpx2 ask for (the vendors' SDKs, authlib). Owns a request and an answer
between their classes and ours, nothing else."""

import httpx2

from stationmaster.issuers._outlet import Outlet


class Transport(httpx2.BaseTransport):
    """Our outlet as httpx2's transport."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it, once."""
        answer = self._outlet.send(request.method, str(request.url), request.headers, request.read())
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)


def client2(outlet: Outlet) -> httpx2.Client:
    """An httpx2 client whose every request leaves by `outlet`."""
    return httpx2.Client(transport=Transport(outlet), trust_env=False, follow_redirects=False)
