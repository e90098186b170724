"""How an issuer of single sign-on is reached. Owns: that a connection goes to an address that was checked, and no redirect is
followed. May not know what is asked.
"""

import socket
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

from stationmaster.operators.services import policy
from stationmaster.outbound import resolve_and_check

_TIMEOUT = 10      # seconds, for a connection and between two pieces


def session() -> Session:
    """A session that connects to public addresses and to those private ones that were allowed; in time, past proxies. Its
    calls raise `StationmasterError` for any other address."""
    made = _Unled()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Adapter())
    made.trust_env = False
    return made


class _Checked(HTTPConnection):
    """Resolves the name once, and connects to what was checked: asked a second time, a name may lead elsewhere."""

    def _new_conn(self) -> socket.socket:
        failed: OSError | None = None
        for address in resolve_and_check(self.host, self.port, policy().allowed_private):
            try:
                return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:
                failed = error
        raise NewConnectionError(self, "no address of the host answers") from failed


class _CheckedTLS(_Checked, HTTPSConnection):
    """The same; the certificate is checked for the name."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def send(self, *args: Any, **named: Any) -> Any:
        return super().send(*args, **{**named, "timeout": _TIMEOUT})


class _Unled(Session):
    def request(self, method: Any, url: Any, *args: Any, **named: Any) -> Any:
        return super().request(method, url, *args, **{**named, "allow_redirects": False})
