"""One simulated issuer: what it knows, what it gave, to whom. Owns the ledger, the life of what it issues, and the chain of
refresh tokens, of which each is good for one use. Knows no paths and no sockets.
"""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from stationmaster.sandbox.admin.faults import Faults

KINDS = ("entra", "google", "sts", "oidc", "anthropic", "openai")


@dataclass(frozen=True, slots=True)
class Granted:
    """One call: by which grant, when (Unix seconds), its status (0: none was sent), and the number of the refresh token that it
    came with (0: none)."""

    grant: str
    at: float
    status: int
    used: int = 0


@dataclass
class Provider:
    """`lasts`: seconds that its tokens live; `secret`: the client's; `tells`: whether answers say `expires_in`; `rotates`:
    whether a refresh token is replaced with each use. `identity`: the token that is exchanged."""

    kind: str
    name: str
    clock: Callable[[], float]
    random: Random
    lasts: float = 3600.0
    client: str = "client-1"
    secret: str = "sandbox-client-secret"  # noqa: S105  a simulation's
    rotates: bool = True
    tells: bool = True
    identity: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.faults = Faults(self.random)
        self.identity = self.identity or self.jwt({"iss": "https://sandbox.test", "sub": self.name})
        self._ledger: list[Granted] = []
        self._issued: dict[str, float] = {}          # token → its end
        self._refresh: list[str] = []                # of the family, the newest last
        self.revoked = False                         # an old one came again: nothing of the family is good any more
        self.next_refresh()

    def base_url(self, sandbox: str) -> str:
        """Its address in the sandbox at `sandbox`."""
        return f"{sandbox}/tokens/{self.name}"

    def asked(self) -> list[Granted]:
        """Every call so far."""
        with self.lock:
            return list(self._ledger)

    def note(self, grant: str, status: int, used: int = 0) -> None:
        """Write a call down."""
        with self.lock:
            self._ledger.append(Granted(grant, self.clock(), status, used))

    def given(self) -> list[str]:
        """Every secret that it gave, the oldest first."""
        with self.lock:
            return list(self._issued)

    def expire(self) -> None:
        """Everything that it gave is over, whatever was said."""
        with self.lock:
            self._issued = dict.fromkeys(self._issued, self.clock())

    def serves(self, token: str) -> bool | None:
        """Whether a token that it gave is still good; None: it gave no such."""
        with self.lock:
            end = self._issued.get(token)
        return None if end is None else end > self.clock()

    def issue(self, token: str) -> str:
        """Give this token, from now on."""
        with self.lock:
            self._issued[token] = self.clock() + self.lasts
        return token

    @property
    def refresh_token(self) -> str:
        """The one that is good now."""
        return self._refresh[-1]

    def next_refresh(self) -> str:
        """A further one of the family."""
        with self.lock:
            self._refresh.append(f"sandbox-refresh-{len(self._refresh) + 1}-{self.random.randbytes(12).hex()}")
            return self._refresh[-1]

    def use(self, refresh: str) -> int:
        """The number of a refresh token that was sent, 0 for an unknown one. An old one ends the family."""
        with self.lock:
            if refresh not in self._refresh:
                return 0
            if self.rotates and refresh != self._refresh[-1]:
                self.revoked = True
            return self._refresh.index(refresh) + 1

    def jwt(self, claims: dict[str, object]) -> str:
        """A token that looks like one; nobody checks its signature."""
        parts = ({"alg": "RS256", "kid": "sandbox"}, {**claims, "jti": self.random.randbytes(8).hex(), "exp": 0})
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return f"{'.'.join(encoded)}.{self.random.randbytes(24).hex()}"
