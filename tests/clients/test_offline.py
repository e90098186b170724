"""The network that the clients run on."""

import os
import socket
from collections.abc import Callable

import pytest

from clients.offline import NAMES_ASKED


@pytest.mark.skipif(NAMES_ASKED not in os.environ, reason="no network of its own could be had here")
def test_outside_access_is_seen(names_asked: Callable[[], list[str]]) -> None:
    """A name that is asked for is refused and written down, so `names_asked() == []` says something."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("outside.example", 443)
    assert set(names_asked()) == {"outside.example"}
