"""Tokens of Microsoft Entra ID, by azure-identity: a client's secret or certificate, workload identity, or this machine's own
(https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.issuers._base import Access, Issued
from stationmaster.issuers._outlet import Outlet


class Entra:
    """`access.secret` is the client's secret, or its certificate and private key as PEM."""

    def __init__(self, access: Access) -> None:
        asked = access.options
        self._access = access
        self._outlet = Outlet(access, own={f"https://{asked.authority}"}, instead=asked.address)
        if asked.mode == "managed_identity" and not access.ambient:
            raise Invalid("error.source.ambient", "this machine's own identity may not be used",
                          hint="whoever runs the process allows it with the setting identity.ambient")  # fmt: skip

    def issue(self) -> Issued:
        """One access token for the scope."""
        with self._outlet.mapped():
            made = _KINDS[self._access.options.mode](self._access, self._common(), self._outlet)
            found = made.get_token(self._access.options.scope)
            return Issued(found.token, found.expires_on - time.time())

    def _common(self) -> dict[str, Any]:
        """What keeps azure-identity to our way out: one try, no discovery of other clouds, no telling of what is sent."""
        asked = self._access.options
        if asked.mode == "managed_identity":
            return {"retry_total": 0}
        return {
            "transport": transport(self._outlet), "retry_total": 0, "authority": asked.authority,
            "disable_instance_discovery": True, "tenant_id": asked.tenant, "client_id": asked.client_id,
        }  # fmt: skip


def transport(outlet: Outlet) -> Any:
    """Our outlet as azure-core's transport."""
    from azure.core.pipeline.transport import HttpResponse, HttpTransport

    class Response(HttpResponse):
        """One answer."""

        def __init__(self, request: Any, answer: Any) -> None:
            super().__init__(request, None)
            self.status_code, self.headers, self.reason = answer.status, dict(answer.headers), ""
            self.content_type = answer.headers.get("content-type", "application/json")
            self._body = answer.body

        def body(self) -> bytes:
            """All of it."""
            found: bytes = self._body
            return found

    class Transport(HttpTransport[Any, Any]):
        """Sends by the outlet; has nothing to open or to close."""

        def send(self, request: Any, **_: Any) -> Any:
            """Once."""
            return Response(request, outlet.send(request.method, request.url, dict(request.headers), _body(request)))

        def open(self) -> None:
            """Nothing."""

        def close(self) -> None:
            """Nothing."""

        def __exit__(self, *_: object) -> None:
            """Nothing."""

    return Transport()


def _body(request: Any) -> bytes:
    """A form or a text, as azure-core's requests hold it."""
    from urllib.parse import urlencode

    held = request.data if getattr(request, "data", None) is not None else getattr(request, "content", None)
    if isinstance(held, Mapping):
        return urlencode(held).encode()
    return held if isinstance(held, bytes) else str(held or "").encode()


def _secret(access: Access, common: dict[str, Any], _: Outlet) -> Any:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(client_secret=access.secret, **common)


def _certificate(access: Access, common: dict[str, Any], _: Outlet) -> Any:
    from azure.identity import CertificateCredential

    try:
        return CertificateCredential(certificate_data=access.secret.encode(), **common)
    except ValueError:
        odd = "no PEM with a certificate and its private key"
        raise Invalid("error.source.bad_secret", f"secret: {odd}", fields={"secret": odd}) from None


def _workload(_: Access, common: dict[str, Any], outlet: Outlet) -> Any:
    from azure.identity import ClientAssertionCredential

    return ClientAssertionCredential(func=outlet.identity, **common)


def _managed(access: Access, common: dict[str, Any], _: Outlet) -> Any:
    """The machine's own; azure-identity asks the address that the platform serves it at, which is no address of anybody's."""
    from azure.identity import ManagedIdentityCredential

    named = {"client_id": access.options.client_id} if access.options.client_id else {}
    return ManagedIdentityCredential(**named, **common)


_KINDS: Final[Mapping[str, Callable[[Access, dict[str, Any], Outlet], Any]]] = {
    "client_secret": _secret, "client_certificate": _certificate, "workload_identity": _workload, "managed_identity": _managed,
}  # fmt: skip
